// Converging, pure: which steps take a host from what it has to what its newest decision says. Asking again after any crash
// gives what is left to do.
#ifndef FIREBREAK_CLIENTS_AGENT_CONVERGE_H_
#define FIREBREAK_CLIENTS_AGENT_CONVERGE_H_

#include <string>
#include <string_view>
#include <vector>

#include "firebreak/store/v1/fleet.pb.h"
#include "firebreak/v1/fleet.pb.h"

namespace firebreak {

// What a decision asks for: "" before the first one, kContainedTarget, or a release digest.
inline constexpr std::string_view kContainedTarget = "contained";
std::string TargetOf(const store::v1::AgentState& state);

// What was found on the host.
struct Observed {
  std::string current;     // what `current` points to, as a target; "" = no link, "?" = something that is not ours
  bool staged = false;     // the target release lies complete in its folder
};

enum class AgentStep {
  kMarkContained,   // write CONTAINED.json; may fail without stopping the containment
  kStage,           // bring the release here
  kCheckStaged,     // it has lain here for a while: hash it before it is served
  kSwitch,          // point `current` at the target, atomically
  kReload,
  kProbe,
};

// Containment comes without staging, checks or anything else that could fail before the switch.
std::vector<AgentStep> PlanSteps(const store::v1::AgentState& state, const Observed& observed);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_AGENT_CONVERGE_H_
