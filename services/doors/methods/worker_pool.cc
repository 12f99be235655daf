#include "firebreak/doors/worker_pool.h"

#include <algorithm>
#include <utility>

namespace firebreak {

WorkerPool::WorkerPool(WorkerPoolOptions options)
    : options_(options),
      slow_max_(std::max<size_t>(1, options.threads / 4)),
      slow_queue_max_(options.queue_max / 4) {
  threads_.reserve(options_.threads);
  for (size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Work(); });
}

WorkerPool::~WorkerPool() { Stop(); }

bool WorkerPool::TryPost(std::function<void()> job, Pace pace) {
  absl::MutexLock lock(&mutex_);
  if (stopped_ || quick_.size() + slow_.size() >= options_.queue_max) return false;
  if (pace == Pace::kSlow && slow_.size() >= slow_queue_max_) return false;
  std::deque<Job>& queue = pace == Pace::kSlow ? slow_ : quick_;
  queue.push_back({std::move(job), next_number_++});
  WakeOne();
  return true;
}

void WorkerPool::WakeOne() {
  if (idle_ == 0 || waking_) return;
  waking_ = true;
  wake_.Signal();
}

void WorkerPool::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    wake_.SignalAll();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

size_t WorkerPool::queued() const {
  absl::MutexLock lock(&mutex_);
  return quick_.size() + slow_.size();
}

std::deque<WorkerPool::Job>* WorkerPool::ChooseQueue() {
  const bool slow_may_run = !slow_.empty() && slow_running_ < slow_max_;
  if (quick_.empty()) return slow_may_run ? &slow_ : nullptr;
  return slow_may_run && slow_.front().number < quick_.front().number ? &slow_ : &quick_;
}

void WorkerPool::Work() {
  absl::MutexLock lock(&mutex_);
  for (;;) {
    std::deque<Job>* queue = ChooseQueue();
    if (queue == nullptr) {
      // Slow jobs that wait for their turn are run by the threads that run slow jobs now.
      if (stopped_) return;
      ++idle_;
      wake_.Wait(&mutex_);
      --idle_;
      waking_ = false;
      continue;
    }
    const bool slow = queue == &slow_;
    Job job = std::move(queue->front());
    queue->pop_front();
    if (slow) ++slow_running_;
    if (ChooseQueue() != nullptr) WakeOne();
    mutex_.Unlock();
    job.run();
    job.run = nullptr;   // what it holds may need the lock
    mutex_.Lock();
    if (slow) --slow_running_;
  }
}

}  // namespace firebreak
