// Caller: who is asking, as the doors established it. Every handler gets one; handlers check roles only where a rule is
// finer than the method's permission (an approval that names roles, "not the requester").
#ifndef FIREBREAK_ACCESS_CALLER_H_
#define FIREBREAK_ACCESS_CALLER_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "firebreak/base/ids.h"
#include "firebreak/v1/access.pb.h"

namespace firebreak {

struct Caller {
  Identity identity;                       // alice; "firebreak" for the service itself
  std::vector<v1::Role> roles;
  absl::Time deadline = absl::InfiniteFuture();
  AgentName agent;                         // set when the caller came with an agent's client certificate

  bool Has(v1::Role role) const { return std::find(roles.begin(), roles.end(), role) != roles.end(); }
};

// The service acting by itself (alert correlation, runs). Holds every role but admin.
Caller ServiceCaller();

}  // namespace firebreak

#endif  // FIREBREAK_ACCESS_CALLER_H_
