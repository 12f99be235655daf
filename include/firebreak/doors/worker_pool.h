// WorkerPool: the threads on which handlers run, so that no door's IO thread ever waits for a disk or a lock.
#ifndef FIREBREAK_DOORS_WORKER_POOL_H_
#define FIREBREAK_DOORS_WORKER_POOL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace firebreak {

struct WorkerPoolOptions {
  size_t threads = 64;      // handlers wait for commits; more callers in flight make larger commits
  size_t queue_max = 1024;  // jobs waiting; past it TryPost answers false
};

// Thread-safe.
class WorkerPool {
 public:
  explicit WorkerPool(WorkerPoolOptions options);
  ~WorkerPool();  // Stop

  // False, and the job is dropped unrun, when the queue is full or the pool is stopped. Never blocks.
  [[nodiscard]] bool TryPost(std::function<void()> job);

  // Runs what is queued, then ends the threads. Not from one of its own threads.
  void Stop();

  size_t queued() const;

 private:
  void Work();

  const WorkerPoolOptions options_;
  mutable absl::Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace firebreak

#endif  // FIREBREAK_DOORS_WORKER_POOL_H_
