// firebreakd init: makes a data folder that `firebreakd run` can serve from.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_INIT_H_
#define FIREBREAK_SERVICES_FIREBREAKD_INIT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/random.h"
#include "services/firebreakd/config.h"

namespace firebreak {

struct InitWish {
  std::string data;                // absent or empty
  std::vector<std::string> hosts;  // names and addresses the server certificate is for, besides localhost
  std::string playbooks;           // folder whose *.yaml are copied
  Config config;
};

// Makes the folder (0700) with certificate authority, server certificate, keys (0600), first admin token (0600),
// playbooks and, last, config.yaml. Answers what to tell the person. kFailedPrecondition when the folder is not empty.
absl::StatusOr<std::string> InitDataFolder(const InitWish& wish, const Clock& clock, Random& random, Log& log);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_INIT_H_
