// fleet.freeze, fleet.unfreeze and fleet.verify: hold a deployment still, let it go again, ask what its agents proved.
#include <memory>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/actions/specs.h"
#include "firebreak/base/status.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

absl::StatusOr<ActionResult> Freeze(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const v1::IssuedDecision issued, IssueDecision(parts, call, v1::DECISION_KIND_FREEZE, TextField(call.inputs, "reason")));
  // A freeze changes nothing at the agents, so nobody is waited for: it holds from the commit on.
  return Outputs().Number("epoch", issued.decision().epoch()).Text("serving", issued.decision().release().model_name()).Done();
}

absl::StatusOr<ActionResult> Unfreeze(const ActionParts& parts, const ActionCall& call) {
  RETURN_IF_ERROR(NeedApproval(call, specs::Unfreeze().name));
  ASSIGN_OR_RETURN(const v1::Deployment deployment, parts.fleet.LoadDeployment(DeploymentOf(call)));
  if (deployment.contained()) {
    return WithNextStep(absl::FailedPreconditionError(StrCat(deployment.name(), " is contained; letting go would serve again")),
                        "use fleet.release if that is what you mean");
  }
  if (!deployment.frozen()) return Outputs().Number("epoch", deployment.epoch()).Done();
  ASSIGN_OR_RETURN(const v1::IssuedDecision issued, IssueDecision(parts, call, v1::DECISION_KIND_RELEASE, TextField(call.inputs, "reason")));
  return Outputs().Number("epoch", issued.decision().epoch()).Done();
}

absl::StatusOr<ActionPreview> PreviewFreeze(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const v1::Deployment deployment, parts.fleet.LoadDeployment(DeploymentOf(call)));
  ActionPreview preview;
  preview.now = StrCat(ServingText(deployment), deployment.frozen() ? ", frozen" : "");
  preview.then = StrCat(ServingText(deployment), ", frozen");
  preview.blast_radius = StrCat("deploys to ", deployment.name());
  return preview;
}

absl::StatusOr<ActionPreview> PreviewUnfreeze(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const v1::Deployment deployment, parts.fleet.LoadDeployment(DeploymentOf(call)));
  if (deployment.contained()) return absl::FailedPreconditionError(StrCat(deployment.name(), " is contained"));
  ActionPreview preview;
  preview.now = StrCat(ServingText(deployment), deployment.frozen() ? ", frozen" : "");
  preview.then = ServingText(deployment);
  preview.blast_radius = StrCat("deploys to ", deployment.name());
  return preview;
}

absl::StatusOr<ActionResult> VerifyFleet(const ActionParts& parts, const ActionCall& call) {
  const DeploymentName name = DeploymentOf(call);
  ASSIGN_OR_RETURN(const v1::Deployment deployment, parts.fleet.LoadDeployment(name));
  ASSIGN_OR_RETURN(const ProofProgress progress, parts.fleet.Progress(name, Epoch{deployment.epoch()}));
  std::vector<std::string> missing = progress.pending;
  missing.insert(missing.end(), progress.diverged.begin(), progress.diverged.end());
  const bool anybody = !progress.proven.empty() || !missing.empty();
  const char* verdict = !progress.diverged.empty() ? "diverged" : !missing.empty() ? "waiting" : anybody ? "proven" : "nobody";
  return Outputs()
      .Text("verdict", verdict)
      .Number("epoch", deployment.epoch())
      .List("proven", progress.proven)
      .List("missing", missing)
      .List("absent", progress.absent)
      .Text("snapshot", progress.snapshot)
      .Done();
}

}  // namespace

void AddFreezeActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  catalogue.Add(std::make_unique<FunctionAction>(
      specs::Freeze(), [parts](const ActionCall& call) { return Freeze(parts, call); },
      [parts](const ActionCall& call) { return PreviewFreeze(parts, call); }));
  catalogue.Add(std::make_unique<FunctionAction>(
      specs::Unfreeze(), [parts](const ActionCall& call) { return Unfreeze(parts, call); },
      [parts](const ActionCall& call) { return PreviewUnfreeze(parts, call); }));
  catalogue.Add(std::make_unique<FunctionAction>(specs::VerifyFleet(), [parts](const ActionCall& call) { return VerifyFleet(parts, call); }));
}

}  // namespace firebreak
