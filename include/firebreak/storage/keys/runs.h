// Keys of playbook runs, their journals, locks and indexes. Runs are keyed by the complement of their number, so that a
// listing begins with the newest.
#ifndef FIREBREAK_STORAGE_KEYS_RUNS_H_
#define FIREBREAK_STORAGE_KEYS_RUNS_H_

#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "firebreak/base/ids.h"
#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/runs.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// RUN-17 -> 17; 0 for anything that is no run's id (no run has number 0).
inline uint64_t RunNumber(const RunId& run) {
  const std::string_view text = run.text();
  if (text.size() < 5 || text.substr(0, 4) != "RUN-" || text[4] == '0') return 0;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + 4, text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

namespace keys {

inline Key<v1::PlaybookRun> Run(const RunId& run) {
  return std::move(KeyBuilder("run").Number(~RunNumber(run))).Build<v1::PlaybookRun>();
}
inline KeyPrefix<v1::PlaybookRun> Runs() { return KeyBuilder("run").BuildPrefix<v1::PlaybookRun>(); }

inline Key<store::v1::RunRecord> RunRecord(const RunId& run, uint64_t sequence) {
  return std::move(KeyBuilder("run-journal").Number(RunNumber(run)).Number(sequence)).Build<store::v1::RunRecord>();
}
inline KeyPrefix<store::v1::RunRecord> RunRecords(const RunId& run) {
  return std::move(KeyBuilder("run-journal").Number(RunNumber(run))).BuildPrefix<store::v1::RunRecord>();
}

// Present while the run has not ended.
inline Key<store::v1::RunReference> ActiveRun(const RunId& run) {
  return std::move(KeyBuilder("run-active").Number(RunNumber(run))).Build<store::v1::RunReference>();
}
inline KeyPrefix<store::v1::RunReference> ActiveRuns() {
  return KeyBuilder("run-active").BuildPrefix<store::v1::RunReference>();
}

inline Key<store::v1::RunReference> RunOfIncident(const IncidentId& incident, const RunId& run) {
  return std::move(KeyBuilder("run-of-incident").Text(incident.text()).Number(~RunNumber(run)))
      .Build<store::v1::RunReference>();
}
inline KeyPrefix<store::v1::RunReference> RunsOfIncident(const IncidentId& incident) {
  return std::move(KeyBuilder("run-of-incident").Text(incident.text())).BuildPrefix<store::v1::RunReference>();
}

// `lock` is deployment/<name>.
inline Key<store::v1::RunLock> RunLock(std::string_view lock) {
  return std::move(KeyBuilder("run-lock").Text(lock)).Build<store::v1::RunLock>();
}

// One person's request ids are their own.
inline Key<store::v1::RunRequest> RunRequest(const Identity& identity, std::string_view request_id) {
  return std::move(KeyBuilder("run-request").Text(identity.text()).Text(request_id)).Build<store::v1::RunRequest>();
}

}  // namespace keys
}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_KEYS_RUNS_H_
