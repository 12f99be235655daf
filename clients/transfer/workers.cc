#include "clients/transfer/workers.h"

#include <algorithm>
#include <utility>

namespace firebreak {

Workers::Workers(int threads, size_t queue_max) : queue_max_(std::max<size_t>(queue_max, 1)) {
  for (int i = 0; i < std::clamp(threads, 1, 64); ++i) threads_.emplace_back([this] { Run(); });
}

Workers::~Workers() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void Workers::Submit(std::function<void()> task) {
  absl::MutexLock lock(&mutex_);
  auto room = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return queue_.size() < queue_max_; };
  mutex_.Await(absl::Condition(&room));
  queue_.push_back(std::move(task));
}

void Workers::Drain() {
  absl::MutexLock lock(&mutex_);
  auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return queue_.empty() && running_ == 0; };
  mutex_.Await(absl::Condition(&idle));
}

void Workers::Run() {
  auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stop_ || !queue_.empty(); };
  while (true) {
    std::function<void()> task;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&ready));
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
      ++running_;
    }
    task();
    task = nullptr;   // what it holds is freed before anybody is told that it ended
    absl::MutexLock lock(&mutex_);
    --running_;
  }
}

}  // namespace firebreak
