#include "services/firebreakd/house/timers.h"

#include <algorithm>

namespace firebreak {

void Timers::Every(std::string name, absl::Duration period, std::function<absl::Status()> work) {
  tasks_.push_back({std::move(name), period, std::move(work), absl::InfinitePast()});
}

void Timers::Start() {
  for (Task& task : tasks_) task.next = clock_.Now() + task.period;
  thread_ = std::thread([this] { Run(); });
}

void Timers::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Timers::Run() {
  while (true) {
    absl::Time next = absl::InfiniteFuture();
    for (const Task& task : tasks_) next = std::min(next, task.next);
    {
      absl::MutexLock lock(&mutex_);
      if (clock_.AwaitUntil(mutex_, absl::Condition(&stopping_), next)) return;
    }
    for (Task& task : tasks_) {
      // The clock was set back: what was due within a period stays due within a period.
      task.next = std::min(task.next, clock_.Now() + task.period);
      if (clock_.Now() < task.next) continue;
      absl::Status status = task.work();
      if (!status.ok()) log_.Warning("timer.failed", {{"task", task.name}, {"error", std::string(status.message())}});
      task.next = clock_.Now() + task.period;
    }
  }
}

}  // namespace firebreak
