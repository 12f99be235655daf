#include "clients/transfer/stream_file.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "firebreak/base/check.h"
#include "firebreak/base/status.h"

namespace firebreak {
namespace {

constexpr size_t kPage = 4096;                            // what direct writes are multiples of
constexpr uint64_t kDirectWorthIt = uint64_t{4} << 20;    // smaller files go through the cache
constexpr size_t kBlocksWaiting = 2;

bool IsZero(const char* data, size_t bytes) { return data[0] == 0 && std::memcmp(data, data + 1, bytes - 1) == 0; }

// False where the file system cannot, as one in memory.
bool SetDirect(const OpenFile& file, bool on) {
  const int flags = ::fcntl(file.fd(), F_GETFL);
  return flags >= 0 && ::fcntl(file.fd(), F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

}  // namespace

void StreamFile::Free::operator()(char* block) const { std::free(block); }

StreamFile::~StreamFile() = default;

StreamFile::Block StreamFile::TakeBlock() {
  {
    absl::MutexLock lock(&mutex_);
    if (!free_.empty()) {
      Block block = std::move(free_.back());
      free_.pop_back();
      return block;
    }
  }
  Block block(static_cast<char*>(std::aligned_alloc(kPage, kBlockBytes)));
  FIREBREAK_CHECK(block != nullptr);
  return block;
}

absl::Status StreamFile::status() {
  absl::MutexLock lock(&mutex_);
  return status_;
}

void StreamFile::Open(OpenFile file, uint64_t size_bytes) {
  if (writer_ != nullptr) writer_->Drain();
  {
    absl::MutexLock lock(&mutex_);
    status_ = absl::OkStatus();
  }
  file_ = std::move(file);
  offset_ = 0;
  filled_ = 0;
  direct_ = size_bytes >= kDirectWorthIt && SetDirect(file_, true);
  if (direct_ && writer_ == nullptr) writer_ = std::make_unique<Workers>(1, kBlocksWaiting);
}

void StreamFile::Write(const char* data, size_t bytes, uint64_t offset) {
  if (!status().ok()) return;
  if (bytes == kBlockBytes && IsZero(data, bytes) && file_.MakeHole(offset, bytes)) return;
  absl::Status written = file_.WriteAt(std::string_view(data, bytes), offset);
  if (written.ok()) return;
  absl::MutexLock lock(&mutex_);
  status_ = std::move(written);
}

// Whole pages go on their way; what is left of the last one, which only the end of a file or a skip leaves, waits for them and
// goes through the cache.
absl::Status StreamFile::Flush() {
  if (filled_ == 0) return status();
  const size_t whole = offset_ % kPage == 0 ? filled_ / kPage * kPage : 0;
  if (whole == kBlockBytes) {
    writer_->Submit([this, block = std::make_shared<Block>(std::move(block_)), at = offset_] {
      Write(block->get(), kBlockBytes, at);
      absl::MutexLock lock(&mutex_);
      free_.push_back(std::move(*block));
    });
    offset_ += filled_;
    filled_ = 0;
    return status();
  }
  writer_->Drain();
  if (whole > 0) Write(block_.get(), whole, offset_);
  SetDirect(file_, false);
  Write(block_.get() + whole, filled_ - whole, offset_ + whole);
  SetDirect(file_, true);
  offset_ += filled_;
  filled_ = 0;
  return status();
}

absl::Status StreamFile::Append(std::string_view data) {
  if (!direct_) {
    RETURN_IF_ERROR(file_.WriteAt(data, offset_));
    offset_ += data.size();
    return absl::OkStatus();
  }
  while (!data.empty()) {
    if (block_ == nullptr) block_ = TakeBlock();
    const size_t take = std::min(data.size(), kBlockBytes - filled_);
    std::memcpy(block_.get() + filled_, data.data(), take);
    filled_ += take;
    data.remove_prefix(take);
    if (filled_ == kBlockBytes) RETURN_IF_ERROR(Flush());
  }
  return absl::OkStatus();
}

absl::Status StreamFile::Skip(uint64_t bytes) {
  if (direct_) RETURN_IF_ERROR(Flush());
  offset_ += bytes;
  return absl::OkStatus();
}

absl::Status StreamFile::Close(Durable durable) {
  if (direct_) {
    RETURN_IF_ERROR(Flush());
    writer_->Drain();
    RETURN_IF_ERROR(status());
  }
  RETURN_IF_ERROR(file_.Truncate(offset_));
  if (durable == Durable::kYes) RETURN_IF_ERROR(file_.Sync());
  file_ = OpenFile();
  direct_ = false;
  return absl::OkStatus();
}

}  // namespace firebreak
