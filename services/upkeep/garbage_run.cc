// The phases of one garbage collection.
#include <algorithm>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/reports.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"
#include "firebreak/upkeep/garbage_collector.h"
#include "services/upkeep/manifest_reader.h"

namespace firebreak {
namespace {

constexpr size_t kRows = 64;            // records one step looks at
constexpr size_t kChunksAStep = 1024;   // stored chunks one step looks at
constexpr size_t kSweepBatch = 256;     // deleted while answers to pushes wait: under a millisecond
constexpr size_t kSignaturesMax = 64;   // distinct keys over one content
constexpr size_t kFilterBytesPerChunk = 2;   // one chunk in 400 is kept by mistake, another one in each run
constexpr size_t kFilterBytesMax = size_t{64} << 20;

absl::StatusOr<std::string> NothingKeeps(Draft&, const std::string&) { return std::string(); }

}  // namespace

GarbageCollector::Run::Run(GarbageCollector& collector, GarbageWish wish, std::unique_ptr<Lease> lease)
    : collector_(collector), wish_(std::move(wish)), lease_(std::move(lease)) {
  *report_.mutable_started_at() = ToProto(collector_.clock_.Now());
  report_.set_validate_only(wish_.dry_run);
}

GarbageCollector::Run::~Run() = default;

void GarbageCollector::Run::Next(Phase phase) {
  phase_ = phase;
  after_.clear();
}

absl::StatusOr<bool> GarbageCollector::Run::Step() {
  switch (phase_) {
    case Phase::kGather: RETURN_IF_ERROR(Gather()); break;
    case Phase::kCount: RETURN_IF_ERROR(Count()); break;
    case Phase::kPushes: RETURN_IF_ERROR(MarkPushes()); break;
    case Phase::kManifests: RETURN_IF_ERROR(MarkManifest()); break;
    case Phase::kSignatures: RETURN_IF_ERROR(MarkSignatures()); break;
    case Phase::kReports: RETURN_IF_ERROR(MarkReports()); break;
    case Phase::kSweep: RETURN_IF_ERROR(Sweep()); break;
    case Phase::kEnd: RETURN_IF_ERROR(End()); break;
    case Phase::kDone: break;
  }
  return phase_ == Phase::kDone;
}

absl::Status GarbageCollector::Run::GatherOne(const std::string& digest) {
  const auto& why_kept = collector_.options_.why_kept;
  std::string kept;
  bool collected = false;
  auto build = [&](Draft& draft) -> absl::Status {
    kept.clear();
    collected = false;
    ASSIGN_OR_RETURN(std::optional<store::v1::DeletedContent> content, draft.Find(keys::DeletedContent(digest)));
    if (!content) return absl::OkStatus();   // pushed again or taken back meanwhile
    ASSIGN_OR_RETURN(kept, why_kept ? why_kept(draft, digest) : NothingKeeps(draft, digest));
    if (!kept.empty()) return absl::OkStatus();
    collected = true;
    if (wish_.dry_run) return absl::OkStatus();
    ASSIGN_OR_RETURN(auto signatures, ListRecords(draft.store(), keys::SnapshotSignatures(digest), "", kSignaturesMax));
    for (const auto& [key, signature] : signatures.records) draft.Delete(Key<store::v1::StoredSignature>{key});
    ASSIGN_OR_RETURN(std::optional<store::v1::Manifest> manifest, draft.Find(keys::SnapshotManifest(digest)));
    if (manifest) draft.Delete(keys::SnapshotManifest(digest));
    draft.Delete(keys::SnapshotProven(digest));
    draft.Delete(keys::DeletedContent(digest));
    v1::AuditEntry entry = MakeEntry(wish_.actor, "snapshot.collected",
                                       StrCat("the content of ", content->name(), ", deleted before, was given up: ", wish_.reason));
    AddSubject(entry, StrCat("snapshot/", digest));
    AddSubject(entry, content->name());
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  if (wish_.dry_run) {
    Draft draft(collector_.ledger_.store());
    RETURN_IF_ERROR(build(draft));
  } else {
    RETURN_IF_ERROR(collector_.ledger_.Transact(build).status());
  }
  if (collected) {
    gone_.insert(digest);
    report_.set_snapshots_collected(report_.snapshots_collected() + 1);
  }
  if (!kept.empty()) report_.set_snapshots_held(report_.snapshots_held() + 1);
  return absl::OkStatus();
}

absl::Status GarbageCollector::Run::Gather() {
  const KeyPrefix<store::v1::DeletedContent> prefix = keys::DeletedContents();
  ASSIGN_OR_RETURN(auto page, ListRecords(collector_.ledger_.store(), prefix, after_, kRows));
  for (const auto& [key, content] : page.records) {
    RETURN_IF_ERROR(GatherOne(key.substr(prefix.bytes.size(), key.size() - prefix.bytes.size() - 1)));
  }
  after_ = page.next_after;
  if (after_.empty()) Next(Phase::kCount);
  return absl::OkStatus();
}

absl::Status GarbageCollector::Run::Count() {
  Digest after;
  uint64_t chunks = 0;
  while (true) {
    ASSIGN_OR_RETURN(std::vector<StoredChunk> page, collector_.chunks_.List(after, kChunksAStep));
    if (page.empty()) break;
    chunks += page.size();
    after = page.back().digest;
  }
  const size_t bytes = static_cast<size_t>(std::min<uint64_t>(chunks * kFilterBytesPerChunk, kFilterBytesMax));
  const auto salt = static_cast<uint64_t>(absl::ToUnixNanos(collector_.clock_.Now()));
  marks_ = std::make_unique<DigestFilter>(bytes, salt);
  Next(Phase::kPushes);
  return absl::OkStatus();
}

absl::Status GarbageCollector::Run::MarkPushes() {
  ASSIGN_OR_RETURN(auto page, ListRecords(collector_.ledger_.store(), keys::SnapshotPushes(), after_, kRows));
  for (const auto& [key, session] : page.records) {
    RETURN_IF_ERROR(VisitChunks(collector_.chunks_, session.pages(), [&](const Digest& digest, const v1::FileEntry*) {
      Mark(digest);
      return absl::OkStatus();
    }));
  }
  after_ = page.next_after;
  if (after_.empty()) Next(Phase::kManifests);
  return absl::OkStatus();
}

absl::Status GarbageCollector::Run::MarkManifest() {
  const KeyPrefix<store::v1::Manifest> prefix = keys::SnapshotManifests();
  ASSIGN_OR_RETURN(auto page, ListRecords(collector_.ledger_.store(), prefix, after_, 1));
  for (const auto& [key, manifest] : page.records) {
    const std::string digest = key.substr(prefix.bytes.size(), key.size() - prefix.bytes.size() - 1);
    if (wish_.dry_run && gone_.contains(digest)) continue;
    absl::Status marked = VisitChunks(collector_.chunks_, manifest.pages(), [&](const Digest& chunk, const v1::FileEntry*) {
      Mark(chunk);
      return absl::OkStatus();
    });
    if (!marked.ok()) {
      return WithNextStep(Annotate(marked, StrCat("snapshot ", digest)),
                          "heal it first: push the same content again, or restore a backup; nothing was deleted");
    }
  }
  after_ = page.next_after;
  if (after_.empty()) Next(Phase::kSignatures);
  return absl::OkStatus();
}

absl::Status GarbageCollector::Run::MarkSignatures() {
  const KeyPrefix<store::v1::StoredSignature> prefix = keys::AllSnapshotSignatures();
  ASSIGN_OR_RETURN(auto page, ListRecords(collector_.ledger_.store(), prefix, after_, kRows));
  for (const auto& [key, signature] : page.records) {
    const std::string digest_text = key.substr(prefix.bytes.size(), key.find('\0', prefix.bytes.size()) - prefix.bytes.size());
    if (wish_.dry_run && gone_.contains(digest_text)) continue;
    for (const v1::ChunkRef& chunk : signature.bundle_chunks()) {
      ASSIGN_OR_RETURN(const Digest digest, ToDigest(chunk.digest()));
      Mark(digest);
    }
  }
  after_ = page.next_after;
  if (after_.empty()) Next(Phase::kReports);
  return absl::OkStatus();
}

absl::Status GarbageCollector::Run::MarkReports() {
  ASSIGN_OR_RETURN(auto page, ListRecords(collector_.ledger_.store(), keys::Reports(), after_, kRows));
  for (const auto& [key, report] : page.records) {
    ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(report.digest()));
    Mark(digest);
  }
  after_ = page.next_after;
  if (after_.empty()) Next(Phase::kSweep);
  return absl::OkStatus();
}

absl::Status GarbageCollector::Run::Sweep() {
  ASSIGN_OR_RETURN(std::vector<StoredChunk> page, collector_.chunks_.List(last_chunk_, kChunksAStep));
  std::vector<Digest> unmarked;
  absl::flat_hash_map<Digest, uint64_t> sizes;
  uint64_t in_use = 0;
  for (const StoredChunk& chunk : page) {
    report_.set_chunks_seen(report_.chunks_seen() + 1);
    report_.set_bytes_seen(report_.bytes_seen() + chunk.size_bytes);
    if (marks_->MayHold(chunk.digest)) continue;
    if (collector_.chunks_.Pinned(chunk.digest)) {
      ++in_use;
      continue;
    }
    unmarked.push_back(chunk.digest);
    sizes[chunk.digest] = chunk.size_bytes;
  }
  std::vector<Digest> gone;
  if (wish_.dry_run) gone = unmarked;
  for (size_t begin = 0; begin < unmarked.size() && !wish_.dry_run; begin += kSweepBatch) {
    const auto batch = absl::MakeConstSpan(unmarked).subspan(begin, kSweepBatch);
    ASSIGN_OR_RETURN(std::vector<Digest> deleted, collector_.chunks_.Sweep(batch));
    in_use += batch.size() - deleted.size();   // somebody came to rely on them since they were looked at above
    gone.insert(gone.end(), deleted.begin(), deleted.end());
  }
  for (const Digest& digest : gone) report_.set_bytes_deleted(report_.bytes_deleted() + sizes[digest]);
  report_.set_chunks_deleted(report_.chunks_deleted() + gone.size());
  report_.set_chunks_in_use_by_pushes(report_.chunks_in_use_by_pushes() + in_use);
  if (page.size() < kChunksAStep) {
    Next(Phase::kEnd);
  } else {
    last_chunk_ = page.back().digest;
  }
  return absl::OkStatus();
}

absl::Status GarbageCollector::Run::End() {
  Ledger& ledger = collector_.ledger_;
  if (!wish_.dry_run && report_.chunks_deleted() > 0) {
    RETURN_IF_ERROR(collector_.chunks_.Sync());
    if (collector_.options_.reclaim) {
      // What was deleted is deleted; a volume too full to rewrite files now gets its space back in a later run.
      const absl::Status reclaimed = collector_.options_.reclaim();
      if (!reclaimed.ok()) {
        report_.set_note(StrCat("space was not given back to the volume: ", MessageOf(reclaimed)));
        collector_.log_.Warning("garbage.not_reclaimed", {{"error", std::string(MessageOf(reclaimed))}});
      }
    }
  }
  *report_.mutable_finished_at() = ToProto(collector_.clock_.Now());
  Next(Phase::kDone);
  if (wish_.dry_run) return absl::OkStatus();
  auto build = [&](Draft& draft) -> absl::Status {
    store::v1::GarbageRun run;
    *run.mutable_report() = report_;
    draft.Put(keys::LastGarbageRun(), run);
    v1::AuditEntry entry = MakeEntry(
        wish_.actor, "store.garbage_collected",
        StrCat(report_.chunks_deleted(), " of ", report_.chunks_seen(), " chunks deleted, ", report_.bytes_deleted(), " bytes",
               wish_.reason.empty() ? "" : ": ", wish_.reason));
    AddSubject(entry, "store");
    auto& facts = *entry.mutable_facts();
    facts["chunks_deleted"] = absl::StrCat(report_.chunks_deleted());
    facts["bytes_deleted"] = absl::StrCat(report_.bytes_deleted());
    facts["snapshots_collected"] = absl::StrCat(report_.snapshots_collected());
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  return ledger.Transact(build).status();
}

}  // namespace firebreak
