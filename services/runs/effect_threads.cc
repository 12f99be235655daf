#include "services/runs/effect_threads.h"

#include <utility>

namespace firebreak {

EffectThreads::~EffectThreads() {
  std::vector<std::thread> threads;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

bool EffectThreads::TakeOn(std::function<void()> work) {
  absl::MutexLock lock(&mutex_);
  if (idle_ <= static_cast<int>(taken_on_.size())) {  // each of the idle ones is spoken for
    if (static_cast<int>(threads_.size()) >= threads_max_) return false;
    ++idle_;
    threads_.emplace_back([this] { Work(); });
  }
  taken_on_.push_back(std::move(work));
  return true;
}

void EffectThreads::Work() {
  absl::MutexLock lock(&mutex_);
  auto due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !taken_on_.empty(); };
  for (;;) {
    mutex_.Await(absl::Condition(&due));
    if (taken_on_.empty()) return;
    const std::function<void()> work = std::move(taken_on_.front());
    taken_on_.pop_front();
    --idle_;
    mutex_.Unlock();
    work();
    mutex_.Lock();
    ++idle_;
  }
}

}  // namespace firebreak
