// RollbackGuard: notices that the records are older than, or others than, those the outside has seen, and refuses to change
// anything until a person decides. The audit log is append-only and signed, but a copy of the folder put back, or a restored
// backup, is a perfectly valid older log; only somebody who saw a later checkpoint can tell.
//
// Who saw one: witness files outside the store (one in the data folder, one more wherever the operator wants it), and every agent,
// which keeps the newest checkpoint it was sent and shows it when it connects. A witness counts only when the log's own key signed
// it, so nobody can stop the service by making one up.
//
// Refused: every commit, and every new checkpoint, because signing a second log of the same name would make the fork ours. Reads go
// on. Agents keep serving what they were told. `Accept` writes down the decision to go on with the older records.
#ifndef FIREBREAK_UPKEEP_ROLLBACK_GUARD_H_
#define FIREBREAK_UPKEEP_ROLLBACK_GUARD_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/log.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/ledger/note.h"

namespace firebreak {

// A place outside the store that keeps one checkpoint.
struct Witness {
  std::string name;                                                    // for messages: the file's path
  std::function<absl::StatusOr<std::string>()> read;                   // kNotFound: none yet
  std::function<absl::Status(std::string_view note)> write;            // durable, all or nothing
};

// Thread-safe. `ledger`, `clock` and `log` outlive it.
class RollbackGuard {
 public:
  // `presented` keeps what an agent showed, so that a restart does not forget it.
  RollbackGuard(Ledger& ledger, const Clock& clock, Log& log, std::vector<Witness> witnesses, Witness presented)
      : ledger_(ledger), clock_(clock), log_(log), witnesses_(std::move(witnesses)), presented_(std::move(presented)) {}

  // Compares with every witness; before anything is committed. A mismatch makes the ledger refuse, and is not an error.
  absl::Status CheckWitnesses();

  // From an agent. Malformed and foreign ones are ignored. A mismatch makes the ledger refuse.
  void CheckPresented(const AgentName& agent, std::string_view note);

  // Writes the newest checkpoint to the witnesses when the log has grown; nothing while refusing. For a timer.
  absl::Status WriteWitnesses();

  // The decision to go on: an audit entry, and the lost branch remembered so that agents which saw it are not a second alarm.
  // kFailedPrecondition when nothing is refused.
  absl::Status Accept(const Identity& actor, const std::string& reason);

 private:
  struct Mismatch {
    Checkpoint seen;
    std::string note;
    std::string where;
    std::string text;
  };
  absl::StatusOr<std::optional<Mismatch>> Compare(std::string_view note, const std::string& where) const;
  void Refuse(const Mismatch& mismatch);

  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  const std::vector<Witness> witnesses_;
  const Witness presented_;
  absl::Mutex mutex_;
  std::optional<Mismatch> worst_ ABSL_GUARDED_BY(mutex_);   // over the longest log
  uint64_t written_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_ROLLBACK_GUARD_H_
