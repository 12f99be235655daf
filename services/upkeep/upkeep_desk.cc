#include "firebreak/upkeep/upkeep_desk.h"

#include <atomic>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/time/civil_time.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/note.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"
#include "firebreak/upkeep/store_check.h"

namespace firebreak {
namespace {

constexpr size_t kRows = 1000;
constexpr size_t kChunksPage = 4096;
constexpr absl::Duration kSettleWaitMax = absl::Seconds(10);
constexpr absl::Duration kTellEvery = absl::Milliseconds(250);   // a stream takes 256 messages in a row

std::string BackupId(absl::Time now, uint64_t log_entries) {
  return absl::StrCat(absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()), "-", log_entries);
}

}  // namespace

absl::StatusOr<v1::CollectGarbageResponse> UpkeepDesk::CollectGarbage(const Caller& caller, const v1::CollectGarbageRequest& request) {
  if (!request.reason().empty()) RETURN_IF_ERROR(CheckReason(request.reason()));
  const absl::Time settled = parts_.chunks.settled_at();
  if (settled > parts_.clock.Now() && settled < parts_.clock.Now() + kSettleWaitMax) {
    absl::Mutex mutex;
    absl::MutexLock lock(&mutex);
    const bool never = false;
    parts_.clock.AwaitUntil(mutex, absl::Condition(&never), settled);
  }
  GarbageWish wish;
  wish.actor = caller.identity;
  wish.reason = request.reason();
  wish.dry_run = request.validate_only();
  wish.abandon_pushes = request.abandon_pushes();
  v1::CollectGarbageResponse response;
  ASSIGN_OR_RETURN(*response.mutable_report(), parts_.collector.Collect(wish));
  return response;
}

absl::StatusOr<v1::GetStoreResponse> UpkeepDesk::GetStore(const Caller&, const v1::GetStoreRequest&) {
  v1::GetStoreResponse response;
  Digest after;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<StoredChunk> page, parts_.chunks.List(after, kChunksPage));
    for (const StoredChunk& chunk : page) response.set_bytes(response.bytes() + chunk.size_bytes);
    response.set_chunks(response.chunks() + page.size());
    if (page.size() < kChunksPage) break;
    after = page.back().digest;
  }
  const MetaStore& store = parts_.ledger.store();
  std::string row;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(store, keys::SnapshotVersions(), row, kRows));
    for (const auto& [key, snapshot] : page.records) response.set_snapshot_bytes(response.snapshot_bytes() + snapshot.size_bytes());
    response.set_snapshots(response.snapshots() + page.records.size());
    row = page.next_after;
  } while (!row.empty());
  if (ground_.free_bytes) {
    ASSIGN_OR_RETURN(const uint64_t free_bytes, ground_.free_bytes());
    response.set_volume_free_bytes(free_bytes);
  }
  ASSIGN_OR_RETURN(auto run, FindRecord(store, keys::LastGarbageRun()));
  if (run) *response.mutable_last_garbage_collection() = run->report();
  const store::v1::ScrubState scrub = parts_.scrubber.state();
  if (scrub.has_round_began_at()) *response.mutable_scrub_round_began_at() = scrub.round_began_at();
  if (scrub.has_round_ended_at()) *response.mutable_scrub_round_ended_at() = scrub.round_ended_at();
  if (scrub.after().size() == 32) response.set_scrub_progress(static_cast<unsigned char>(scrub.after()[0]) / 256.0);
  response.set_damaged_chunks(parts_.chunks.damaged());
  return response;
}

// Checks on a thread of its own and tells as it goes; destroyed when the client is gone.
class UpkeepDesk::CheckThread final : public Subscription {
 public:
  CheckThread(UpkeepDesk& desk, std::shared_ptr<Sink<v1::CheckStoreEvent>> sink) : desk_(desk), sink_(std::move(sink)) {
    thread_ = std::thread([this] { Run(); });
  }
  ~CheckThread() override {
    stopping_ = true;
    thread_.join();
    absl::MutexLock lock(&desk_.mutex_);
    desk_.checking_ = false;
  }

 private:
  void Run() {
    StoreCheck check({desk_.parts_.ledger, desk_.parts_.chunks, desk_.parts_.vault, desk_.parts_.damage});
    absl::Time told = absl::InfinitePast();
    v1::CheckStoreEvent news;
    while (!stopping_) {
      absl::StatusOr<v1::CheckStoreEvent> event = check.Step();
      if (!event.ok()) return sink_->Close(Annotate(event.status(), "check store"));
      google::protobuf::RepeatedPtrField<v1::StoreFinding> findings = std::move(*news.mutable_findings());
      for (v1::StoreFinding& finding : *event->mutable_findings()) *findings.Add() = std::move(finding);
      news = *std::move(event);
      *news.mutable_findings() = std::move(findings);
      const bool done = news.phase() == "done";
      if (!done && desk_.parts_.clock.Now() < told + kTellEvery) continue;
      told = desk_.parts_.clock.Now();
      if (!sink_->Send(news)) return;
      if (done) return sink_->Close(absl::OkStatus());
      news.Clear();
    }
  }

  UpkeepDesk& desk_;
  const std::shared_ptr<Sink<v1::CheckStoreEvent>> sink_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<Subscription>> UpkeepDesk::CheckStore(const Caller&, const v1::CheckStoreRequest&,
                                                                     std::shared_ptr<Sink<v1::CheckStoreEvent>> sink) {
  {
    absl::MutexLock lock(&mutex_);
    if (checking_) return absl::FailedPreconditionError("check store: another check is going on (next: wait for it)");
    checking_ = true;
  }
  return std::make_unique<CheckThread>(*this, std::move(sink));
}

absl::StatusOr<v1::Backup> UpkeepDesk::Write(const v1::CreateBackupRequest&) {
  namespace fs = std::filesystem;
  // Chunks are cut after the records that name them; nothing may delete any in between.
  ASSIGN_OR_RETURN(const std::unique_ptr<GarbageCollector::Lease> lease, parts_.collector.Block("a backup"));
  v1::Backup backup;
  ASSIGN_OR_RETURN(*backup.mutable_checkpoint(), parts_.ledger.SignCheckpoint());
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(backup.checkpoint(), parts_.ledger.verifier_key()));
  backup.set_log_entries(checkpoint.size);
  backup.set_log_origin(checkpoint.origin);
  backup.set_service_version(ground_.service_version);
  *backup.mutable_created_at() = ToProto(parts_.clock.Now());
  backup.set_id(BackupId(parts_.clock.Now(), checkpoint.size));
  std::error_code error;
  fs::remove_all(ground_.cut_folder, error);   // of a backup that a crash interrupted
  RETURN_IF_ERROR(ground_.cut(ground_.cut_folder));
  std::vector<BackupSource> sources = ground_.backup_extras;
  sources.push_back({ground_.cut_folder, "store"});
  absl::StatusOr<v1::Backup> written = WriteBackup(ground_.backup_folder, std::move(backup), sources);
  fs::remove_all(ground_.cut_folder, error);
  return written;
}

absl::StatusOr<v1::CreateBackupResponse> UpkeepDesk::CreateBackup(const Caller& caller, const v1::CreateBackupRequest& request) {
  if (!request.reason().empty()) RETURN_IF_ERROR(CheckReason(request.reason()));
  if (ground_.backup_folder.empty() || !ground_.cut) {
    return WithNextStep(absl::FailedPreconditionError("create backup: this service has no folder for backups"),
                        "set backup_folder in its config.yaml, on another disk, and restart it");
  }
  RETURN_IF_ERROR(parts_.ledger.refusal());
  absl::StatusOr<v1::Backup> backup = Write(request);
  if (!backup.ok()) return Annotate(backup.status(), "create backup");
  auto build = [&](Draft& draft) -> absl::Status {
    v1::AuditEntry entry = MakeEntry(caller.identity, "backup.created",
                                       StrCat("backup ", backup->id(), ": ", backup->files(), " files, ", backup->bytes_written(),
                                              " bytes written", request.reason().empty() ? "" : ": ", request.reason()));
    AddSubject(entry, StrCat("backup/", backup->id()));
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(parts_.ledger.Transact(build).status());
  v1::CreateBackupResponse response;
  *response.mutable_backup() = *std::move(backup);
  response.set_folder(ground_.backup_folder);
  return response;
}

absl::StatusOr<v1::ListBackupsResponse> UpkeepDesk::ListBackups(const Caller&, const v1::ListBackupsRequest&) {
  v1::ListBackupsResponse response;
  response.set_folder(ground_.backup_folder);
  if (ground_.backup_folder.empty()) return response;
  absl::StatusOr<std::vector<store::v1::BackupManifest>> backups = firebreak::ListBackups(ground_.backup_folder);
  if (absl::IsNotFound(backups.status())) return response;
  RETURN_IF_ERROR(backups.status());
  for (store::v1::BackupManifest& backup : *backups) *response.add_backups() = std::move(*backup.mutable_backup());
  return response;
}

}  // namespace firebreak
