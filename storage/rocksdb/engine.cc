#include "storage/rocksdb/engine.h"

#include <utility>

#include "firebreak/base/text.h"

namespace firebreak {

absl::Status FromRocks(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = StrCat(doing, ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsNoSpace()) {
    return absl::ResourceExhaustedError(StrCat(message, " (next: free space on the volume)"));
  }
  if (status.IsCorruption()) {
    return absl::DataLossError(StrCat(message, " (next: check the disk and restore the data folder from a backup)"));
  }
  if (status.IsInvalidArgument() || status.IsNotSupported()) return absl::InternalError(message);
  return absl::UnavailableError(message);
}

absl::Status WriteFailure::Check(std::string_view doing) const {
  absl::ReaderMutexLock lock(&mutex_);
  if (cause_.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat(doing, ": an earlier write failed: ", cause_,
             "; reads go on, writes are refused (next: repair or free the disk, then restart firebreakd)"));
}

void WriteFailure::Remember(const rocksdb::Status& cause) {
  absl::MutexLock lock(&mutex_);
  if (cause_.empty()) cause_ = cause.ToString();
}

void WriteFailure::OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) {
  // Soft errors (a compaction that will be tried again) do not endanger what is acknowledged.
  if (error->severity() >= rocksdb::Status::Severity::kHardError) Remember(*error);
}

void WriteFailure::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status error, bool* auto_recovery) {
  // After a failed log write nobody knows which bytes are on disk; only recovery at the next open finds out.
  if (error.severity() >= rocksdb::Status::Severity::kHardError) *auto_recovery = false;
}

absl::StatusOr<uint64_t> SpaceGuard::FreeBytes() const {
  uint64_t free_bytes = 0;
  const rocksdb::IOStatus status = files_->GetFreeSpace(path_, rocksdb::IOOptions(), &free_bytes, nullptr);
  if (!status.ok()) return FromRocks(status, StrCat("free space of ", path_));
  return free_bytes;
}

absl::Status SpaceGuard::Check(uint64_t write_bytes) const {
  absl::StatusOr<uint64_t> free_bytes = FreeBytes();
  if (!free_bytes.ok()) return free_bytes.status();
  if (*free_bytes >= reserve_bytes_ + write_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(StrCat("volume of ", path_, " has ", *free_bytes >> 20, " MiB free; writing ",
                                             write_bytes, " bytes would touch the reserve of ", reserve_bytes_ >> 20,
                                             " MiB (next: free space on the volume or enlarge it)"));
}

Database::~Database() {
  if (db == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  db->Close().PermitUncheckedError();
}

}  // namespace firebreak
