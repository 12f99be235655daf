#include "services/signing/range_hash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <semaphore>
#include <system_error>
#include <thread>

#include "firebreak/base/check.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/signing/leased_view.h"

namespace firebreak::oms {
namespace {

namespace fs = std::filesystem;
constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr size_t kSlots = 4;                            // pieces read and not yet hashed
constexpr uint64_t kLookMin = uint64_t{256} << 10;      // below it a copy costs less than a lease
constexpr uint64_t kReadAheadMin = uint64_t{8} << 20;   // below it a thread costs more than it saves
constexpr uint64_t kDirectUnit = 4096;                  // what places and lengths of direct reads are multiples of
constexpr uint64_t kPagesAsked = 16;

class OpenFile {
 public:
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile() = default;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  absl::Status Open(const ModelListing& listing, const ModelFile& file) {
    what_ = StrCat("model file ", QuoteJson(file.name));
    fs::path path = listing.root / file.name;
    if (listing.follows_symlinks) {
      // Looked at again: what a link leads to may have changed since it was listed.
      std::error_code error;
      path = fs::canonical(path, error);
      const auto [root_end, rest] = std::mismatch(listing.root.begin(), listing.root.end(), path.begin(), path.end());
      if (error || root_end != listing.root.end()) {
        return absl::FailedPreconditionError(what_ + ": leads out of the model by now");
      }
    }
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd_ < 0) return absl::FailedPreconditionError(StrCat(what_, ": cannot be read: ", std::strerror(errno)));
    return CheckSame(file);
  }

  absl::Status CheckSame(const ModelFile& file) const {
    struct stat status {};
    const bool is_same = ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode) &&
                         static_cast<uint64_t>(status.st_size) == file.size_bytes &&
                         int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec == file.modified_ns;
    return is_same ? absl::OkStatus() : absl::FailedPreconditionError(what_ + ": changed while it was read");
  }

  void ExpectInOrder(FileRange range) const {
    static_cast<void>(::posix_fadvise(fd_, static_cast<off_t>(range.start), static_cast<off_t>(range.end - range.start),
                                      POSIX_FADV_SEQUENTIAL));
  }

  // Bytes read at `at`: as many as wanted unless the file ends; negative on an error.
  ssize_t Read(char* into, uint64_t at, size_t wanted) const {
    size_t done = 0;
    while (done < wanted) {
      const ssize_t got = ::pread(fd_, into + done, wanted - done, static_cast<off_t>(at + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EINVAL && ReadThroughCache()) continue;
      if (got < 0) return -1;
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return static_cast<ssize_t>(done);
  }

  int fd() const { return fd_; }

  // Whether the kernel has the range in memory, by a few of its pages. Where it cannot be asked, as if it had.
  bool IsCached(FileRange range) const {
#ifdef RWF_NOWAIT
    for (uint64_t page = 0; page < kPagesAsked; ++page) {
      char byte = 0;
      const iovec into{&byte, 1};
      const uint64_t at = range.start + (range.end - range.start) / kPagesAsked * page;
      if (::preadv2(fd_, &into, 1, static_cast<off_t>(at), RWF_NOWAIT) < 0 && errno == EAGAIN) return false;
    }
#else
    static_cast<void>(range);
#endif
    return true;
  }

  // From now on reads go past the page cache, if the file system can.
  void ReadDirectly() const {
    const int flags = ::fcntl(fd_, F_GETFL);
    if (flags >= 0) static_cast<void>(::fcntl(fd_, F_SETFL, flags | O_DIRECT));
  }
  absl::Status Short() const { return absl::FailedPreconditionError(what_ + ": could not be read to its end"); }

 private:
  // False when they did already: some file systems take O_DIRECT and then refuse the read; others refuse what an odd end left over.
  bool ReadThroughCache() const {
    const int flags = ::fcntl(fd_, F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) != 0 && ::fcntl(fd_, F_SETFL, flags & ~O_DIRECT) == 0;
  }

  int fd_ = -1;
  std::string what_;
};

struct Freed {
  void operator()(char* bytes) const { std::free(bytes); }
};
using Buffer = std::unique_ptr<char, Freed>;

Buffer AlignedBuffer(size_t bytes) {
  Buffer buffer(static_cast<char*>(std::aligned_alloc(kDirectUnit, bytes)));
  FIREBREAK_CHECK(buffer != nullptr);
  return buffer;
}

size_t PieceAt(uint64_t at, FileRange range) { return static_cast<size_t>(std::min<uint64_t>(kPieceBytes, range.end - at)); }

absl::Status HashInline(const OpenFile& file, FileRange range, HashStream& hash) {
  uint64_t begin = range.start;
  if (range.end - range.start >= kLookMin) {
    LeasedView view(file.fd(), range.end);
    while (begin < range.end) {
      const auto bytes = view.Look(begin, static_cast<size_t>(std::min<uint64_t>(LeasedView::kWindowBytes, range.end - begin)));
      if (!bytes) break;
      hash.Update(*bytes);
      begin += bytes->size();
    }
  }
  // One buffer per thread: a model may have a million files.
  thread_local const std::unique_ptr<char[]> buffer(new char[kPieceBytes]);
  for (uint64_t at = begin; at < range.end;) {
    const size_t wanted = PieceAt(at, range);
    if (file.Read(buffer.get(), at, wanted) != static_cast<ssize_t>(wanted)) return file.Short();
    hash.Update(std::string_view(buffer.get(), wanted));
    at += wanted;
  }
  return absl::OkStatus();
}

// One thread reads pieces, this one hashes them.
absl::Status HashAhead(const OpenFile& file, FileRange range, HashStream& hash) {
  struct Slot {
    Buffer bytes = AlignedBuffer(kPieceBytes);
    bool is_whole = false;
  };
  std::array<Slot, kSlots> slots;
  std::counting_semaphore<kSlots> free_slots(kSlots);
  std::counting_semaphore<kSlots> full_slots(0);
  // Both sides walk the same pieces; the reader stops at the first that is not whole, and so does the hasher when it gets there.
  // Pieces begin where direct reads can, up to a unit before the range, and end where they can, unless the file ends before.
  const FileRange pieces{range.start - range.start % kDirectUnit, range.end};
  const auto wanted = [&](uint64_t at) { return PieceAt(at, pieces); };
  std::thread reader([&] {
    size_t next = 0;
    for (uint64_t at = pieces.start; at < pieces.end; at += wanted(at)) {
      free_slots.acquire();
      Slot& slot = slots[next++ % kSlots];
      const size_t whole_units = (wanted(at) + kDirectUnit - 1) / kDirectUnit * kDirectUnit;
      const bool is_whole = file.Read(slot.bytes.get(), at, whole_units) >= static_cast<ssize_t>(wanted(at));
      slot.is_whole = is_whole;
      full_slots.release();
      if (!is_whole) return;
    }
  });
  absl::Status status;
  size_t next = 0;
  for (uint64_t at = pieces.start; at < pieces.end && status.ok(); at += wanted(at)) {
    full_slots.acquire();
    const Slot& slot = slots[next++ % kSlots];
    if (!slot.is_whole) {
      status = file.Short();
      continue;
    }
    const size_t before = at < range.start ? static_cast<size_t>(range.start - at) : 0;
    hash.Update(std::string_view(slot.bytes.get(), wanted(at)).substr(before));
    free_slots.release();
  }
  reader.join();
  return status;
}

}  // namespace

absl::StatusOr<std::string> HashRange(const ModelListing& listing, const ModelFile& file, FileRange range,
                                      HashAlgorithm algorithm, Reading reading) {
  OpenFile open;
  RETURN_IF_ERROR(open.Open(listing, file));
  const bool large = range.end - range.start >= kReadAheadMin;
  // What has to come from the disk comes past the page cache, while what came before is hashed: to fill the cache costs processor
  // time, on a virtual machine up to several times that of hashing, and pushes out what others need.
  const bool direct = large && !open.IsCached(range);
  if (direct) {
    open.ReadDirectly();
  } else {
    open.ExpectInOrder(range);
  }
  HashStream hash(algorithm);
  const bool ahead = direct || (large && reading == Reading::kAhead);
  RETURN_IF_ERROR(ahead ? HashAhead(open, range, hash) : HashInline(open, range, hash));
  RETURN_IF_ERROR(open.CheckSame(file));
  return hash.Finish();
}

}  // namespace firebreak::oms
