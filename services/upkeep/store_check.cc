#include "firebreak/upkeep/store_check.h"

#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/manifest.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/fleet.h"
#include "firebreak/storage/keys/reports.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"
#include "services/upkeep/manifest_reader.h"
#include "services/upkeep/releases.h"

namespace firebreak {
namespace {

constexpr size_t kChunksAStep = 64;
constexpr size_t kCountStep = 4096;
constexpr size_t kDamagedMax = 10'000;   // named; a disk in such a state is replaced
constexpr size_t kLeavesBytes = size_t{1} << 20;

std::string FirstText(const std::string& prefix, const std::string& key) {
  return key.substr(prefix.size(), key.find('\0', prefix.size()) - prefix.size());
}

}  // namespace

void StoreCheck::Find(std::string kind, std::string subject, std::string problem) {
  v1::StoreFinding& finding = *event_.add_findings();
  finding.set_kind(std::move(kind));
  finding.set_subject(std::move(subject));
  finding.set_problem(std::move(problem));
  ++findings_;
}

void StoreCheck::Next(Phase phase) {
  phase_ = phase;
  after_.clear();
  event_.set_done(0);
  event_.set_total(0);
}

absl::StatusOr<v1::CheckStoreEvent> StoreCheck::Step() {
  event_.clear_findings();
  RETURN_IF_ERROR(Advance());
  switch (phase_) {
    case Phase::kCount:
    case Phase::kChunks:
    case Phase::kNameDamage: event_.set_phase("chunks"); break;
    case Phase::kManifests: event_.set_phase("manifests"); break;
    case Phase::kSignatures: event_.set_phase("signatures"); break;
    case Phase::kVersions:
    case Phase::kContents:
    case Phase::kDeployments:
    case Phase::kReports:
    case Phase::kLog: event_.set_phase("records"); break;
    case Phase::kDone: event_.set_phase("done"); break;
  }
  event_.set_findings_total(findings_);
  return event_;
}

absl::Status StoreCheck::Advance() {
  switch (phase_) {
    case Phase::kCount: return Count();
    case Phase::kChunks: return CheckChunks();
    case Phase::kNameDamage: return NameDamage();
    case Phase::kManifests: return CheckManifests();
    case Phase::kSignatures: return CheckSignatures();
    case Phase::kVersions: return CheckVersions();
    case Phase::kContents: return CheckContents();
    case Phase::kDeployments: return CheckDeployments();
    case Phase::kReports: return CheckReports();
    case Phase::kLog: return CheckLog();
    case Phase::kDone: return absl::OkStatus();
  }
  return absl::OkStatus();
}

template <typename Message, typename Check>
absl::Status StoreCheck::Each(const KeyPrefix<Message>& prefix, Phase next, Check check, size_t rows) {
  absl::StatusOr<RecordPage<Message>> page = ListRecords(parts_.ledger.store(), prefix, after_, rows);
  if (!page.ok()) {
    // One unreadable record hides the rest of its table from this page on; it is said and the next table looked at.
    Find("record", std::string(prefix.bytes.substr(0, prefix.bytes.size() - 1)), std::string(MessageOf(page.status())));
    Next(next);
    return absl::OkStatus();
  }
  for (const auto& [key, record] : page->records) RETURN_IF_ERROR(check(key, record));
  event_.set_done(event_.done() + page->records.size());
  after_ = page->next_after;
  if (after_.empty()) Next(next);
  return absl::OkStatus();
}

absl::Status StoreCheck::Count() {
  ASSIGN_OR_RETURN(const std::vector<StoredChunk> page, parts_.chunks.List(last_chunk_, kCountStep));
  chunks_total_ += page.size();
  if (page.size() == kCountStep) {
    last_chunk_ = page.back().digest;
    return absl::OkStatus();
  }
  last_chunk_ = Digest();
  Next(Phase::kChunks);
  event_.set_total(chunks_total_);
  return absl::OkStatus();
}

absl::Status StoreCheck::CheckChunks() {
  ASSIGN_OR_RETURN(const std::vector<StoredChunk> page, parts_.chunks.List(last_chunk_, kChunksAStep));
  for (const StoredChunk& chunk : page) {
    uint64_t bytes = 0;
    const std::string problem = ExamineChunk(parts_.chunks, chunk.digest, &bytes);
    event_.set_bytes_read(event_.bytes_read() + bytes);
    if (!problem.empty() && damaged_.size() < kDamagedMax) damaged_.push_back({chunk.digest, chunk.size_bytes, problem});
  }
  event_.set_done(event_.done() + page.size());
  event_.set_total(std::max(chunks_total_, event_.done()));
  if (page.size() < kChunksAStep) {
    Next(Phase::kNameDamage);
  } else {
    last_chunk_ = page.back().digest;
  }
  return absl::OkStatus();
}

absl::Status StoreCheck::NameDamage() {
  Next(Phase::kManifests);
  if (damaged_.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<v1::ChunkDamage> described, parts_.damage.Describe(damaged_, "check"));
  if (parts_.record_damage) RETURN_IF_ERROR(parts_.damage.Record(damaged_, "check").status());
  for (const v1::ChunkDamage& damage : described) {
    Find("chunk", StrCat("chunk/", damage.digest()), damage.problem());
    v1::StoreFinding& finding = *event_.mutable_findings(event_.findings_size() - 1);
    *finding.mutable_snapshots() = damage.snapshots();
    *finding.mutable_files() = damage.files();
    *finding.mutable_deployments() = damage.deployments();
  }
  return absl::OkStatus();
}

absl::Status StoreCheck::CheckManifest(const std::string& digest, const store::v1::Manifest& manifest) {
  const MetaStore& store = parts_.ledger.store();
  ASSIGN_OR_RETURN(const auto snapshot, FindRecord(store, keys::SnapshotByDigest(digest)));
  if (!snapshot) {
    Find("manifest", StrCat("snapshot/", digest), "it has a manifest, but no record says what it is");
    return absl::OkStatus();
  }
  const std::string name = SnapshotName(*snapshot);
  ManifestChecker checker(snapshot->kind());
  uint64_t missing = 0;
  for (const store::v1::PageRef& ref : manifest.pages()) {
    const absl::StatusOr<v1::ManifestPage> page = ReadPage(parts_.chunks, ref);
    if (!page.ok()) {
      Find("manifest", name, std::string(MessageOf(page.status())));
      return absl::OkStatus();
    }
    std::vector<Digest> digests;   // asked for together: a page may hold a thousand files of one chunk each
    for (const v1::FileEntry& entry : page->files()) {
      if (const absl::Status added = checker.Add(entry); !added.ok()) {
        Find("manifest", name, std::string(MessageOf(added)));
        return absl::OkStatus();
      }
      for (const v1::ChunkRef& chunk : entry.chunks()) digests.push_back(Digest::FromRaw(chunk.digest()));
    }
    ASSIGN_OR_RETURN(const std::vector<Digest> absent, parts_.chunks.Missing(digests));
    for (const Digest& chunk : absent) {
      if (absl::IsNotFound(parts_.chunks.Get(chunk).status())) ++missing;   // damaged ones were named before
    }
  }
  const absl::StatusOr<ManifestTotals> totals = checker.Finish();
  if (!totals.ok()) {
    Find("manifest", name, std::string(MessageOf(totals.status())));
  } else if (totals->digest.text() != digest) {
    Find("manifest", name, StrCat("its manifest has digest ", totals->digest.text(), ", not ", digest));
  } else if (totals->file_count != snapshot->file_count() || totals->size_bytes != snapshot->size_bytes()) {
    Find("manifest", name, StrCat("its manifest has ", totals->file_count, " files and ", totals->size_bytes, " bytes, its record says ",
                                  snapshot->file_count(), " and ", snapshot->size_bytes()));
  }
  if (missing > 0) Find("manifest", name, StrCat(missing, " of its chunks are not stored"));
  return absl::OkStatus();
}

absl::Status StoreCheck::CheckManifests() {
  const KeyPrefix<store::v1::Manifest> prefix = keys::SnapshotManifests();
  return Each(prefix, Phase::kSignatures, [&](const std::string& key, const store::v1::Manifest& manifest) {
    ++snapshots_total_;
    return CheckManifest(FirstText(prefix.bytes, key), manifest);
  });
}

absl::Status StoreCheck::CheckSignatures() {
  const KeyPrefix<store::v1::Manifest> prefix = keys::SnapshotManifests();
  event_.set_total(snapshots_total_);
  // One in a step: each may take long, and whoever stops the check waits for the step.
  return Each(prefix, Phase::kVersions, [&](const std::string& key, const store::v1::Manifest&) -> absl::Status {
    ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(FirstText(prefix.bytes, key)));
    std::string evidence;
    const absl::StatusOr<bool> holds = parts_.vault.CheckSignatures(digest, &evidence);
    if (absl::IsNotFound(holds.status())) return absl::OkStatus();   // without a record: found above
    if (holds.ok() && *holds) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto snapshot, FindRecord(parts_.ledger.store(), keys::SnapshotByDigest(digest.text())));
    Find("signature", snapshot ? SnapshotName(*snapshot) : digest.text(), holds.ok() ? evidence : std::string(MessageOf(holds.status())));
    return absl::OkStatus();
  }, 1);
}

absl::StatusOr<bool> StoreCheck::Exists(const std::string& snapshot_digest) const {
  ASSIGN_OR_RETURN(const auto snapshot, FindRecord(parts_.ledger.store(), keys::SnapshotByDigest(snapshot_digest)));
  return snapshot.has_value();
}

absl::Status StoreCheck::CheckVersions() {
  return Each(keys::SnapshotVersions(), Phase::kContents, [&](const std::string&, const v1::Snapshot& snapshot) -> absl::Status {
    ASSIGN_OR_RETURN(const bool exists, Exists(snapshot.digest()));
    if (!exists) Find("record", SnapshotName(snapshot), StrCat("its content ", snapshot.digest(), " has no record"));
    ASSIGN_OR_RETURN(const auto manifest, FindRecord(parts_.ledger.store(), keys::SnapshotManifest(snapshot.digest())));
    if (!manifest) Find("record", SnapshotName(snapshot), "it has no manifest");
    return absl::OkStatus();
  });
}

absl::Status StoreCheck::CheckContents() {
  return Each(keys::SnapshotsByDigest(), Phase::kDeployments, [&](const std::string&, const v1::Snapshot& snapshot) -> absl::Status {
    for (const v1::LineageEdge& edge : snapshot.lineage()) {
      ASSIGN_OR_RETURN(const bool exists, Exists(edge.parent_digest()));
      if (!exists) Find("record", SnapshotName(snapshot), StrCat("its parent ", edge.parent_name(), " has no record"));
    }
    return absl::OkStatus();
  });
}

absl::Status StoreCheck::CheckDeployments() {
  return Each(DeploymentPrefix(), Phase::kReports, [&](const std::string&, const v1::Deployment& deployment) -> absl::Status {
    const std::string subject = StrCat("deployment/", deployment.name());
    for (const std::string& part : PartsOf(deployment.wanted())) {
      ASSIGN_OR_RETURN(const auto manifest, FindRecord(parts_.ledger.store(), keys::SnapshotManifest(part)));
      if (!manifest) Find("record", subject, StrCat("its release names ", part, ", whose content is not stored"));
    }
    if (deployment.epoch() == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto decision, FindRecord(parts_.ledger.store(), DecisionKey(DeploymentName(deployment.name()),
                                                                                       Epoch{deployment.epoch()})));
    if (!decision) {
      Find("record", subject, StrCat("decision ", deployment.epoch(), " is not stored"));
    } else if (Sha256(decision->envelope().payload()).text() != deployment.last_decision_digest()) {
      Find("record", subject, StrCat("decision ", deployment.epoch(), " is not the one its record names"));
    }
    return absl::OkStatus();
  });
}

absl::Status StoreCheck::CheckReports() {
  return Each(keys::Reports(), Phase::kLog, [&](const std::string&, const v1::StoredReport& report) -> absl::Status {
    const absl::StatusOr<Digest> digest = Digest::Parse(report.digest());
    if (!digest.ok()) {
      Find("record", StrCat("report/", report.id()), "its digest cannot be read");
    } else if (absl::IsNotFound(parts_.chunks.Get(*digest).status())) {
      Find("record", StrCat("report/", report.id()), "its bytes are not stored");
    }
    return absl::OkStatus();
  });
}

// Every leaf is hashed again, up to the size found when this began.
absl::Status StoreCheck::CheckLog() {
  if (log_size_ == 0) log_size_ = parts_.ledger.size();
  event_.set_total(log_size_);
  if (log_.size() < log_size_) {
    ASSIGN_OR_RETURN(const LeafPage page, ListLeaves(parts_.ledger.store(), log_.size(), log_size_, kLeavesBytes));
    if (page.leaves.empty()) {
      Find("record", "audit-log", StrCat("entry ", log_.size(), " is not stored"));
      Next(Phase::kDone);
      return absl::OkStatus();
    }
    std::vector<Tile> full;
    for (const std::string& leaf : page.leaves) log_.Append(LeafHash(leaf), &full);
    event_.set_done(log_.size());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string root, parts_.ledger.Root(log_size_));
  if (log_size_ > 0 && log_.Root() != root) Find("record", "audit-log", "its entries do not make the root that is signed");
  Next(Phase::kDone);
  return absl::OkStatus();
}

}  // namespace firebreak
