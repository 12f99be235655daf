#include "services/signing/leased_view.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

namespace firebreak::oms {

LeasedView::LeasedView(int fd, uint64_t end) : fd_(fd) {
#if defined(F_SETLEASE) && defined(MADV_POPULATE_READ)
  // Being asked for the lease is told by a signal, by default one that ends the process. Nobody minds this one; Look asks by itself.
  if (::fcntl(fd_, F_SETSIG, SIGURG) != 0 || ::fcntl(fd_, F_SETLEASE, F_RDLCK) != 0) return;
  leased_ = true;
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || static_cast<uint64_t>(status.st_size) < end) LetGo();   // shortened just before
#else
  static_cast<void>(end);
#endif
}

LeasedView::~LeasedView() { LetGo(); }

void LeasedView::Unmap() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_bytes_);
  mapped_ = nullptr;
}

void LeasedView::LetGo() {
  Unmap();
#ifdef F_SETLEASE
  if (leased_) ::fcntl(fd_, F_SETLEASE, F_UNLCK);
#endif
  leased_ = false;
}

std::optional<std::string_view> LeasedView::Look(uint64_t at, size_t wanted) {
  Unmap();
#if defined(F_SETLEASE) && defined(MADV_POPULATE_READ)
  if (leased_ && ::fcntl(fd_, F_GETLEASE) != F_RDLCK) LetGo();   // F_UNLCK: it was asked for
  if (!leased_) return std::nullopt;
  static const auto kPage = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t before = at % kPage;
  mapped_bytes_ = static_cast<size_t>(before) + wanted;
  void* const mapped = ::mmap(nullptr, mapped_bytes_, PROT_READ, MAP_SHARED, fd_, static_cast<off_t>(at - before));
  if (mapped == MAP_FAILED) {
    LetGo();
    return std::nullopt;
  }
  mapped_ = mapped;
  // Answers with an error where touching the pages would end the process.
  if (::madvise(mapped_, mapped_bytes_, MADV_POPULATE_READ) != 0) {
    LetGo();
    return std::nullopt;
  }
  return std::string_view(static_cast<const char*>(mapped_) + before, wanted);
#else
  static_cast<void>(at), static_cast<void>(wanted);
  return std::nullopt;
#endif
}

}  // namespace firebreak::oms
