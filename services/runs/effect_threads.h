// EffectThreads: a bounded number of threads for effects of one run that are under way at the same time.
#ifndef FIREBREAK_SERVICES_RUNS_EFFECT_THREADS_H_
#define FIREBREAK_SERVICES_RUNS_EFFECT_THREADS_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace firebreak {

// Thread-safe. Threads start when they are first needed. The destructor waits for what was taken on.
class EffectThreads {
 public:
  explicit EffectThreads(int threads_max) : threads_max_(threads_max) {}
  ~EffectThreads();

  // False when every helper is busy: the caller does it itself.
  bool TakeOn(std::function<void()> work);

 private:
  void Work();

  const int threads_max_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::function<void()>> taken_on_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_EFFECT_THREADS_H_
