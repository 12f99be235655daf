// A file's bytes where the kernel has them, without the copy that reading makes: a fifth of what hashing costs from memory. Safe only while
// nobody can shorten the file, which a read lease (fcntl(2), F_SETLEASE) sees to: whoever opens it for writing or truncates it waits until
// we let go, /proc/sys/fs/lease-break-time seconds at most (45). Private to this folder.
#ifndef FIREBREAK_SERVICES_SIGNING_LEASED_VIEW_H_
#define FIREBREAK_SERVICES_SIGNING_LEASED_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace firebreak::oms {

// Not thread-safe. The file stays open while this exists.
class LeasedView {
 public:
  // Takes the lease, where that is possible: on a file of our own (or with CAP_LEASE) that nobody writes, on a file system that has leases.
  LeasedView(int fd, uint64_t end);
  ~LeasedView();
  LeasedView(const LeasedView&) = delete;
  LeasedView& operator=(const LeasedView&) = delete;

  // The bytes, until the next call. Nothing where the file has to be read instead: no lease, somebody asks for it back, or the disk fails,
  // of which a read can tell and a look cannot. At most kWindowBytes at a time, so that whoever waits for the lease waits milliseconds.
  std::optional<std::string_view> Look(uint64_t at, size_t wanted);

  static constexpr size_t kWindowBytes = size_t{8} << 20;

 private:
  void Unmap();
  void LetGo();

  const int fd_;
  bool leased_ = false;
  void* mapped_ = nullptr;
  size_t mapped_bytes_ = 0;
};

}  // namespace firebreak::oms

#endif  // FIREBREAK_SERVICES_SIGNING_LEASED_VIEW_H_
