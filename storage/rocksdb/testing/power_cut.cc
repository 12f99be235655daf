// Playing a power cut back on the real files, and the switches of a ForgetfulFileSystem.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "storage/rocksdb/testing/forgetful_file_system.h"

namespace firebreak::testing {
namespace {

// Anything in 0..most; both ends often, because that is where mistakes are.
uint64_t Choose(uint64_t most, std::mt19937_64& dice) {
  switch (dice() % 3) {
    case 0:
      return 0;
    case 1:
      return most;
  }
  return std::uniform_int_distribution<uint64_t>(0, most)(dice);
}

}  // namespace

void ForgetfulFileSystem::Restore(uint64_t seed) {
  absl::MutexLock lock(&mutex_);
  std::mt19937_64 dice(seed);
  // Folder changes are forgotten from the newest back, as a journal would lose them.
  for (uint64_t undone = Choose(unsynced_.size(), dice); undone > 0; --undone) {
    Undo(unsynced_.back());
    unsynced_.pop_back();
  }
  for (const Entry& entry : unsynced_) {
    if (!entry.buried.empty()) std::filesystem::remove(entry.buried);
  }
  for (const auto& [path, extent] : extents_) ForgetBytes(path, *extent, dice);
  unsynced_.clear();
  extents_.clear();
  cut_at_.reset();
  off_ = false;
}

void ForgetfulFileSystem::Undo(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::kCreated:
      std::filesystem::remove(entry.path);
      extents_.erase(entry.path);
      return;
    case EntryKind::kRenamed:
      std::filesystem::rename(entry.path, entry.old_path);
      if (SharedExtent extent = TakeExtent(entry.path)) extents_[entry.old_path] = std::move(extent);
      break;
    case EntryKind::kDeleted:
      break;
  }
  if (entry.buried.empty()) return;
  std::filesystem::rename(entry.buried, entry.path);
  if (entry.buried_extent != nullptr) extents_[entry.path] = entry.buried_extent;
}

void ForgetfulFileSystem::ForgetBytes(const std::string& path, const Extent& extent, std::mt19937_64& dice) {
  if (extent.size == extent.synced || !std::filesystem::exists(path)) return;
  const uint64_t kept = extent.synced + Choose(extent.size - extent.synced, dice);
  std::filesystem::resize_file(path, kept);
  // Pages of one write may reach the disk in any order: a hole of zeros inside what was kept of a log.
  if (!path.ends_with(".log") || kept - extent.synced < 2 || dice() % 3 != 0) return;
  const uint64_t hole = extent.synced + dice() % (kept - extent.synced);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(hole));
  const std::string zeros(std::min<uint64_t>(4096, kept - hole), '\0');
  file.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
}

void ForgetfulFileSystem::CutPowerAfter(uint64_t operations) {
  absl::MutexLock lock(&mutex_);
  cut_at_ = operations_ + operations;
}

bool ForgetfulFileSystem::off() const {
  absl::MutexLock lock(&mutex_);
  return off_;
}

uint64_t ForgetfulFileSystem::operations() const {
  absl::MutexLock lock(&mutex_);
  return operations_;
}

void ForgetfulFileSystem::LieAboutSync() {
  absl::MutexLock lock(&mutex_);
  lies_ = true;
}

void ForgetfulFileSystem::SetFull(bool full) {
  absl::MutexLock lock(&mutex_);
  full_ = full;
}

void ForgetfulFileSystem::ReportFreeBytes(uint64_t free) {
  absl::MutexLock lock(&mutex_);
  free_ = free;
}

}  // namespace firebreak::testing
