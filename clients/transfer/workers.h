// A few threads over a short queue: whoever submits waits while the queue is full, which is what bounds memory.
#ifndef FIREBREAK_CLIENTS_TRANSFER_WORKERS_H_
#define FIREBREAK_CLIENTS_TRANSFER_WORKERS_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace firebreak {

// Thread-safe. The destructor runs what is queued, then joins.
class Workers {
 public:
  Workers(int threads, size_t queue_max);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Blocks while queue_max tasks are waiting.
  void Submit(std::function<void()> task);
  // Blocks until nothing is queued or running.
  void Drain();

 private:
  void Run();

  const size_t queue_max_;
  absl::Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_WORKERS_H_
