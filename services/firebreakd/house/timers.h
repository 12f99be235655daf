// Timers: one thread that does small things every so often, such as ending alerts whose source fell silent.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_HOUSE_TIMERS_H_
#define FIREBREAK_SERVICES_FIREBREAKD_HOUSE_TIMERS_H_

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"

namespace firebreak {

// Every is called before Start, from one thread.
class Timers {
 public:
  Timers(const Clock& clock, Log& log) : clock_(clock), log_(log) {}
  ~Timers() { Stop(); }

  // `work` may block; a failure is logged and the next turn comes as planned.
  void Every(std::string name, absl::Duration period, std::function<absl::Status()> work);
  void Start();
  void Stop();  // waits for the work in progress

 private:
  struct Task {
    std::string name;
    absl::Duration period;
    std::function<absl::Status()> work;
    absl::Time next;
  };
  void Run();

  const Clock& clock_;
  Log& log_;
  std::vector<Task> tasks_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_HOUSE_TIMERS_H_
