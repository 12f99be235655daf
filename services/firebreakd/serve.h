// firebreakd run: serves from a data folder until it is told to stop.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_SERVE_H_
#define FIREBREAK_SERVICES_FIREBREAKD_SERVE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/crash_points.h"
#include "firebreak/base/log.h"
#include "firebreak/base/random.h"
#include "services/firebreakd/config.h"
#include "services/firebreakd/data_folder.h"

namespace firebreak {

// firebreak.<name>/audit
std::string LogOrigin(const Config& config);

struct ServeWish {
  DataFolder folder;
  Config config;
  std::function<void(const std::string& line)> announce;  // once, when both doors are open
  std::function<void()> await_stop;                       // returns when it is time to go
};

// Returns OK after a clean stop.
absl::Status Serve(const ServeWish& wish, const Clock& clock, Random& random, Log& log, CrashPoints& crash_points);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_SERVE_H_
