// contain, release, rollback: the three things an on-call engineer does at 3 a.m.
#include <unistd.h>

#include <iostream>

#include "clients/cli/command.h"
#include "clients/cli/decisions.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/fleet.grpc.pb.h"

namespace firebreak::cli {

void AddChangeOptions(CLI::App& command, Change& change) {
  command.add_option("--reason", change.reason, "Why; kept in the audit log")->required();
  command.add_flag("--dry-run", change.dry_run, "Show what would be decided, decide nothing");
  command.add_flag("--wait", change.wait, "Stay until every agent proved it (at most --timeout; exit code 7 otherwise)");
}

absl::Status ShowDecision(Session& session, const std::string& deployment, const google::protobuf::Message& answer,
                          const v1::IssuedDecision& issued, const Change& change) {
  const v1::Decision& decision = issued.decision();
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
  } else {
    const std::string model = decision.release().model_name();
    session.out().Print(StrCat(change.dry_run ? "would decide: " : "decided: ", ShortName(decision.kind()), " ", deployment,
                               model.empty() ? "" : StrCat(" → ", model), ", epoch ", decision.epoch(),
                               issued.digest().empty() ? "" : StrCat(", ", ShortDigest(issued.digest()))));
  }
  if (change.dry_run) return absl::OkStatus();
  if (!change.wait) {
    session.out().Notice(StrCat("agents are converging (next: firebreak deployment show ", deployment, ")"));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(session.AwaitProof(deployment, decision.epoch()));
  session.out().Notice("every agent proved it", Tone::kGood);
  return absl::OkStatus();
}

namespace containment_commands {
namespace {

struct ContainOptions {
  std::string deployment;
  std::string incident;
  Change change;
};
struct RollbackOptions {
  std::string deployment;
  std::string to;
  std::string plan;
  std::string incident;
  std::string confirm;
  Change change;
};

absl::Status Contain(Session& session, const ContainOptions& options) {
  v1::ContainRequest request;
  request.set_deployment(options.deployment);
  request.set_reason(options.change.reason);
  request.set_incident(options.incident);
  request.set_validate_only(options.change.dry_run);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(v1::ContainResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::Contain, request));
  return FinishDecision(session, options.deployment, answer, options.change);
}

absl::Status Release(Session& session, const ContainOptions& options) {
  v1::ReleaseContainmentRequest request;
  request.set_deployment(options.deployment);
  request.set_reason(options.change.reason);
  request.set_override_run(options.change.override_run);
  request.set_validate_only(options.change.dry_run);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(v1::ReleaseContainmentResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::ReleaseContainment, request));
  return FinishDecision(session, options.deployment, answer, options.change);
}

void ShowPlan(const Output& out, const v1::RollbackPlan& plan) {
  out.Print(StrCat("serves now: ", plan.current().model_name().empty() ? "nothing" : plan.current().model_name(),
                   " (epoch ", plan.from_epoch(), ")"));
  for (const v1::RollbackCandidate& candidate : plan.candidates()) {
    out.Print(StrCat(candidate.eligible() ? out.Paint("  may serve  ", Tone::kGood) : out.Paint("  refused    ", Tone::kBad),
                     candidate.release().model_name(), "  ", ShortDigest(candidate.release().digest())));
    for (const v1::GateResult& gate : candidate.gates()) {
      out.Print(StrCat("    ", ShortName(gate.verdict()), "  ", gate.gate(), ": ", gate.evidence()));
    }
  }
  out.Print(plan.has_target() ? StrCat("would serve: ", plan.target().model_name(), "\nplan: ", plan.digest())
                              : std::string("no candidate passes every gate"));
}

absl::Status Confirm(Session& session, const RollbackOptions& options) {
  if (options.confirm == options.deployment) return absl::OkStatus();
  if (::isatty(STDIN_FILENO) != 1) {
    return absl::FailedPreconditionError(
        StrCat("a roll-back needs its deployment named again (next: add --confirm ", options.deployment, ")"));
  }
  session.out().Notice(StrCat("Type the deployment's name to roll it back: "));
  std::string typed;
  std::getline(std::cin, typed);
  if (typed == options.deployment) return absl::OkStatus();
  return absl::FailedPreconditionError("not confirmed; nothing was changed");
}

absl::Status Rollback(Session& session, const RollbackOptions& options) {
  if (!options.confirm.empty() && options.confirm != options.deployment) {
    return absl::InvalidArgumentError(StrCat("--confirm ", options.confirm, " is not the name of the deployment, ", options.deployment));
  }
  std::string digest = options.plan;
  if (digest.empty() || options.change.dry_run) {
    v1::PlanRollbackRequest request;
    request.set_deployment(options.deployment);
    request.set_to(options.to);
    ASSIGN_OR_RETURN(v1::PlanRollbackResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::PlanRollback, request));
    if (session.out().format() == Format::kJson) {
      if (options.change.dry_run) session.out().PrintMessage(answer);
    } else {
      ShowPlan(session.out(), answer.plan());
    }
    if (!answer.plan().has_target()) {
      return absl::FailedPreconditionError(
          StrCat("roll back ", options.deployment,
                 ": no release passes every gate (next: push and deploy a good one, or name one with --to)"));
    }
    if (options.change.dry_run) return absl::OkStatus();
    digest = answer.plan().digest();
  }
  RETURN_IF_ERROR(Confirm(session, options));
  v1::RollBackRequest request;
  request.set_deployment(options.deployment);
  request.set_plan_digest(digest);
  request.set_to(options.to);
  request.set_reason(options.change.reason);
  request.set_override_run(options.change.override_run);
  request.set_incident(options.incident);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(v1::RollBackResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::RollBack, request));
  return FinishDecision(session, options.deployment, answer, options.change);
}

}  // namespace
}  // namespace containment_commands

void AddContainmentCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace containment_commands;
  AddCommand<ContainOptions>(app, chosen, "contain", "Take a deployment's model out of production now",
                             [](CLI::App& command, ContainOptions& options) {
                               command.add_option("deployment", options.deployment, "e.g. fraud-prod")->required();
                               command.add_option("--incident", options.incident, "INC-42");
                               AddChangeOptions(command, options.change);
                             },
                             Contain, session);
  AddCommand<RollbackOptions>(app, chosen, "rollback", "Serve an older release that passes every gate",
                              [](CLI::App& command, RollbackOptions& options) {
                                command.add_option("deployment", options.deployment, "e.g. fraud-prod")->required();
                                command.add_option("--to", options.to, "model/fraud@6; default: the newest that passes");
                                command.add_option("--plan", options.plan, "Digest of the plan that was shown");
                                command.add_option("--incident", options.incident, "INC-42");
                                command.add_option("--confirm", options.confirm, "The deployment's name, instead of typing it");
                                AddChangeOptions(command, options.change);
                                command.add_flag("--override-run", options.change.override_run, "Although a playbook run has the deployment; recorded");
                              },
                              Rollback, session);
  AddCommand<ContainOptions>(app, chosen, "release", "Lift a containment or freeze: serve what was served before",
                             [](CLI::App& command, ContainOptions& options) {
                               command.add_option("deployment", options.deployment, "e.g. fraud-prod")->required();
                               AddChangeOptions(command, options.change);
                               command.add_flag("--override-run", options.change.override_run, "Although a playbook run has the deployment; recorded");
                             },
                             Release, session);
}

}  // namespace firebreak::cli
