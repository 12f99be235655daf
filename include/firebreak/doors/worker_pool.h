// WorkerPool: the threads on which handlers run, so that no door's IO thread waits for a commit, a lock held long or a long read.
#ifndef FIREBREAK_DOORS_WORKER_POOL_H_
#define FIREBREAK_DOORS_WORKER_POOL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace firebreak {

// Slow jobs (reading a whole snapshot again, building a report) get at most a quarter of the threads and of the queue, so that
// however many there are, a containment finds a worker.
enum class Pace { kQuick, kSlow };

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
  [[nodiscard]] bool TryPost(std::function<void()> job, Pace pace = Pace::kQuick);

  // Runs what is queued, then ends the threads. Not from one of its own threads.
  void Stop();

  size_t queued() const;

 private:
  struct Job {
    std::function<void()> run;
    uint64_t number = 0;   // in the order of arrival
  };
  void Work();
  // The queue the next job is taken from: the one with the older job, if its kind may run now. Null when none may.
  std::deque<Job>* ChooseQueue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Wakes one thread unless one is waking up already: it wakes the next if there is more to do. A burst of jobs so costs
  // few wake-ups when the threads that are awake keep up with it.
  void WakeOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const WorkerPoolOptions options_;
  const size_t slow_max_;         // slow jobs running
  const size_t slow_queue_max_;   // and waiting
  mutable absl::Mutex mutex_;
  absl::CondVar wake_;
  std::deque<Job> quick_ ABSL_GUARDED_BY(mutex_);
  std::deque<Job> slow_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t slow_running_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool waking_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace firebreak

#endif  // FIREBREAK_DOORS_WORKER_POOL_H_
