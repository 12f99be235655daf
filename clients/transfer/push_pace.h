// What keeps a push quick: memory that is used again, and questions that are left out where the answer is known.
#ifndef FIREBREAK_CLIENTS_TRANSFER_PUSH_PACE_H_
#define FIREBREAK_CLIENTS_TRANSFER_PUSH_PACE_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace firebreak {

// Memory of chunks that are done with, for the next ones. Thread-safe.
class Buffers {
 public:
  std::string Take() {
    absl::MutexLock lock(&mutex_);
    if (kept_.empty()) return std::string();
    std::string buffer = std::move(kept_.back());
    kept_.pop_back();
    return buffer;
  }
  void Give(std::string buffer) {
    absl::MutexLock lock(&mutex_);
    if (kept_.size() < kKept && buffer.capacity() >= kWorthKeeping) kept_.push_back(std::move(buffer));
  }

 private:
  static constexpr size_t kKept = 24;
  static constexpr size_t kWorthKeeping = size_t{512} << 10;
  absl::Mutex mutex_;
  std::vector<std::string> kept_ ABSL_GUARDED_BY(mutex_);
};

// Whether the next group is asked about. When so many groups in a row were wholly new to the other side, the next go unasked and
// unhashed, in runs of 2, 4, 8 and 16 with a question between them: most of a first push, next to nothing of a changed one.
// Thread-safe.
class Doubt {
 public:
  bool Asks() {
    absl::MutexLock lock(&mutex_);
    if (unasked_left_ == 0) return true;
    --unasked_left_;
    return false;
  }
  void Answered(bool all_new) {
    absl::MutexLock lock(&mutex_);
    new_in_a_row_ = all_new ? new_in_a_row_ + 1 : 0;
    unasked_left_ = new_in_a_row_ < kNewInARow ? 0 : 2 << std::min(new_in_a_row_ - kNewInARow, 3);
  }

 private:
  static constexpr int kNewInARow = 4;
  absl::Mutex mutex_;
  int new_in_a_row_ ABSL_GUARDED_BY(mutex_) = 0;
  int unasked_left_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_PUSH_PACE_H_
