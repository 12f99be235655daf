#include "clients/agent/converge.h"

namespace firebreak {

std::string TargetOf(const store::v1::AgentState& state) {
  if (state.decision().epoch() == 0) return "";
  if (!state.decision().has_release()) return std::string(kContainedTarget);
  return state.decision().release().digest();
}

std::vector<AgentStep> PlanSteps(const store::v1::AgentState& state, const Observed& observed) {
  const std::string target = TargetOf(state);
  std::vector<AgentStep> steps;
  if (target.empty()) return steps;
  const bool there = observed.current == target;
  if (target == kContainedTarget) {
    if (!there) steps.push_back(AgentStep::kSwitch);
    if (state.carried_out() != target || !there) {
      steps.push_back(AgentStep::kMarkContained);
      steps.push_back(AgentStep::kReload);
    }
    steps.push_back(AgentStep::kProbe);
    return steps;
  }
  if (!observed.staged) {
    steps.push_back(AgentStep::kStage);
  } else if (!there) {
    steps.push_back(AgentStep::kCheckStaged);
  }
  // A release that was served from and had to be staged again has changed under the server: switch and reload as well.
  const bool restaged = !steps.empty() && steps.front() == AgentStep::kStage;
  if (!there) steps.push_back(AgentStep::kSwitch);
  if (!there || restaged || state.carried_out() != target) steps.push_back(AgentStep::kReload);
  steps.push_back(AgentStep::kProbe);
  return steps;
}

}  // namespace firebreak
