#include "firebreak/snapshots/lineage_index.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/snapshots.h"

namespace firebreak {
namespace {

constexpr size_t kPageRows = 1000;
constexpr char kSubjects[] = "snapshot/sha256:";

const std::atomic<bool> kNeverGivenUp{false};

absl::Status KeepGoing(const std::atomic<bool>& give_up) {
  return give_up ? absl::CancelledError("reading of all snapshots was given up") : absl::OkStatus();
}

}  // namespace

absl::Status LineageIndex::Build(const std::atomic<bool>& give_up) {
  const MetaStore& store = ledger_.store();
  auto graph = std::make_unique<LineageGraph>(ledger_.size());
  std::string after;
  do {
    RETURN_IF_ERROR(KeepGoing(give_up));
    ASSIGN_OR_RETURN(RecordPage<v1::Snapshot> page, ListRecords(store, keys::SnapshotsByDigest(), after, kPageRows));
    for (const auto& [key, snapshot] : page.records) graph->Put(snapshot);
    after = page.next_after;
  } while (!after.empty());
  const KeyPrefix<v1::Quarantine> quarantines = keys::SnapshotQuarantines();
  do {
    RETURN_IF_ERROR(KeepGoing(give_up));
    ASSIGN_OR_RETURN(RecordPage<v1::Quarantine> page, ListRecords(store, quarantines, after, kPageRows));
    for (const auto& [key, quarantine] : page.records) {
      // The key is the prefix, the digest's text, and its end.
      const std::string text = key.substr(quarantines.bytes.size(), key.size() - quarantines.bytes.size() - 1);
      ASSIGN_OR_RETURN(Digest digest, Digest::Parse(text));
      graph->SetQuarantined(digest, true);
    }
    after = page.next_after;
  } while (!after.empty());
  RETURN_IF_ERROR(ReadSigners(*graph, give_up));
  graph_ = std::move(graph);
  return absl::OkStatus();
}

// Every record is under (key id, digest); a snapshot's keys are collected before they are set.
absl::Status LineageIndex::ReadSigners(LineageGraph& graph, const std::atomic<bool>& give_up) const {
  absl::flat_hash_map<std::string, std::vector<std::string>> keys_of;
  const KeyPrefix<store::v1::SignedRef> all = keys::AllSignedRefs();
  std::string after;
  do {
    RETURN_IF_ERROR(KeepGoing(give_up));
    ASSIGN_OR_RETURN(RecordPage<store::v1::SignedRef> page, ListRecords(ledger_.store(), all, after, kPageRows));
    for (const auto& [key, ref] : page.records) {
      const size_t end = key.find('\0', all.bytes.size());
      if (end != std::string::npos) keys_of[ref.digest()].push_back(key.substr(all.bytes.size(), end - all.bytes.size()));
    }
    after = page.next_after;
  } while (!after.empty());
  for (const auto& [text, key_ids] : keys_of) {
    ASSIGN_OR_RETURN(Digest digest, Digest::Parse(text));
    graph.SetSigners(digest, key_ids);
  }
  return absl::OkStatus();
}

absl::Status LineageIndex::ReadAgain(const std::string& text) {
  absl::StatusOr<Digest> digest = Digest::Parse(text);
  if (!digest.ok()) return absl::OkStatus();   // a subject that only looks like one
  const MetaStore& store = ledger_.store();
  ASSIGN_OR_RETURN(std::optional<v1::Snapshot> snapshot, FindRecord(store, keys::SnapshotByDigest(text)));
  ASSIGN_OR_RETURN(std::optional<v1::Quarantine> quarantine, FindRecord(store, keys::SnapshotQuarantine(text)));
  if (snapshot) {
    graph_->Put(*snapshot);
  } else {
    graph_->Remove(*digest);
  }
  if (snapshot || quarantine) graph_->SetQuarantined(*digest, quarantine.has_value());
  ASSIGN_OR_RETURN(RecordPage<store::v1::StoredSignature> signatures,
                   ListRecords(store, keys::SnapshotSignatures(text), "", kPageRows));
  std::vector<std::string> key_ids;
  for (const auto& [key, signature] : signatures.records) key_ids.push_back(signature.summary().key_id());
  if (snapshot) graph_->SetSigners(*digest, key_ids);
  return absl::OkStatus();
}

absl::Status LineageIndex::CatchUp(const std::atomic<bool>& give_up) {
  if (!feed_) feed_ = std::make_unique<SubjectFeed>(ledger_, kSubjects);
  ASSIGN_OR_RETURN(SubjectFeed::Touched touched, feed_->Take());
  if (!graph_ || touched.all) return Build(give_up);
  for (const std::string& digest : touched.subjects) RETURN_IF_ERROR(ReadAgain(digest));
  return absl::OkStatus();
}

absl::Status LineageIndex::Read(absl::FunctionRef<absl::Status(const LineageGraph&)> use) {
  absl::MutexLock lock(&mutex_);
  if (absl::Status caught_up = CatchUp(kNeverGivenUp); !caught_up.ok()) {
    graph_.reset();   // what was touched is forgotten; the next question builds it again
    return caught_up;
  }
  return use(*graph_);
}

absl::Status LineageIndex::Warm(const std::atomic<bool>& give_up) {
  absl::MutexLock lock(&mutex_);
  const absl::Status caught_up = CatchUp(give_up);
  if (!caught_up.ok()) graph_.reset();
  return caught_up;
}

}  // namespace firebreak
