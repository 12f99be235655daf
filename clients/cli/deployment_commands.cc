// deployment: what serves where, and what was decided about it.
#include "clients/cli/command.h"
#include "clients/cli/decisions.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/fleet.grpc.pb.h"

namespace firebreak::cli {
namespace deployment_commands {
namespace {

struct NoOptions {};
struct NameOption {
  std::string name;
};
struct CreateOptions {
  std::string name;
  std::string environment;
};
struct DeployOptions {
  std::string name;
  std::string model;
  std::string config;
  std::vector<std::string> datasets;
  Change change;
};
struct FreezeOptions {
  std::string name;
  Change change;
};

std::string StateOf(const Output& out, const v1::Deployment& deployment) {
  if (deployment.contained()) return out.Paint("contained", Tone::kBad);
  if (deployment.epoch() == 0) return "empty";
  return deployment.frozen() ? out.Paint("frozen", Tone::kWarning) : "serving";
}

absl::Status Create(Session& session, const CreateOptions& options) {
  v1::CreateDeploymentRequest request;
  request.set_name(options.name);
  request.set_environment(options.environment);
  ASSIGN_OR_RETURN(v1::CreateDeploymentResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::CreateDeployment, request));
  const bool empty = answer.deployment().epoch() == 0;
  session.out().PrintAnswer(
      answer, StrCat("deployment ", answer.deployment().name(), " exists",
                     empty ? StrCat(", nothing deployed yet (next: firebreak agent join-token AGENT --deployment ",
                                    options.name, " --out FILE)")
                           : StrCat(" already, epoch ", answer.deployment().epoch())));
  return absl::OkStatus();
}

absl::Status List(Session& session, const NoOptions&) {
  v1::ListDeploymentsRequest request;
  request.set_page_size(500);
  v1::ListDeploymentsResponse answer;
  do {
    ASSIGN_OR_RETURN(v1::ListDeploymentsResponse page, session.Call<v1::Fleet>(&v1::Fleet::Stub::ListDeployments, request));
    request.set_page_token(page.next_page_token());
    answer.mutable_deployments()->MergeFrom(page.deployments());
  } while (!request.page_token().empty());
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"NAME", "ENV", "EPOCH", "MODEL", "AGENTS", "STATE"});
  for (const v1::Deployment& deployment : answer.deployments()) {
    table.Add({deployment.name(), deployment.environment(), std::to_string(deployment.epoch()), deployment.wanted().model_name(),
               std::to_string(deployment.agents_size()), StateOf(session.out(), deployment)});
  }
  session.out().PrintTable(table, "no deployments; make one with firebreak deployment create");
  return absl::OkStatus();
}

absl::Status Show(Session& session, const NameOption& options) {
  v1::GetDeploymentRequest request;
  request.set_name(options.name);
  ASSIGN_OR_RETURN(v1::GetDeploymentResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::GetDeployment, request));
  const Output& out = session.out();
  if (out.format() == Format::kJson) {
    out.PrintMessage(answer);
    return absl::OkStatus();
  }
  const v1::Deployment& deployment = answer.deployment();
  out.Print(StrCat(deployment.name(), " (", deployment.environment(), "): ", StateOf(out, deployment), ", epoch ",
                   deployment.epoch(),
                   deployment.epoch() == 0 ? "" : StrCat(" (", ShortName(deployment.last_kind()), ")"),
                   deployment.wanted().model_name().empty() ? "" : StrCat(", ", deployment.wanted().model_name())));
  Table agents({"AGENT", "CONNECTED", "SERVES", "EPOCH", "SNAPSHOT", "PROVED", "NOTE"});
  for (const v1::AgentStatus& agent : deployment.agents()) {
    agents.Add({agent.agent(),
                agent.connected()       ? "yes"
                : agent.has_last_seen() ? StrCat("no, since ", TimeText(true, agent.last_seen()))
                                        : "never",
                ShortName(agent.proof().state()), std::to_string(agent.proof().epoch()),
                ShortDigest(agent.proof().snapshot_digest()),
                TimeText(agent.proof().has_proved_at(), agent.proof().proved_at()), agent.proof().error()});
  }
  out.PrintTable(agents, "no agent has joined");
  Table history({"EPOCH", "RELEASE", "FROM", "UNTIL", "PROVEN", "REMOVED FOR CAUSE"});
  for (const v1::ReleaseRecord& record : deployment.history()) {
    history.Add({std::to_string(record.epoch()), record.release().model_name(), TimeText(record.has_served_from(), record.served_from()),
                 TimeText(record.has_served_until(), record.served_until()), record.proven() ? "yes" : "no",
                 record.removed_for_cause() ? StrCat("yes ", record.incident()) : "no"});
  }
  out.PrintTable(history, "nothing was ever deployed");
  return absl::OkStatus();
}

absl::Status Deploy(Session& session, const DeployOptions& options) {
  v1::DeployRequest request;
  request.set_deployment(options.name);
  request.set_model(options.model);
  request.set_config(options.config);
  for (const std::string& dataset : options.datasets) request.add_datasets(dataset);
  request.set_reason(options.change.reason);
  request.set_override_run(options.change.override_run);
  request.set_validate_only(options.change.dry_run);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(v1::DeployResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::Deploy, request));
  return FinishDecision(session, options.name, answer, options.change);
}

absl::Status Freeze(Session& session, const FreezeOptions& options) {
  v1::FreezeRequest request;
  request.set_deployment(options.name);
  request.set_reason(options.change.reason);
  request.set_validate_only(options.change.dry_run);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(v1::FreezeResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::Freeze, request));
  return FinishDecision(session, options.name, answer, options.change);
}

absl::Status Decisions(Session& session, const NameOption& options) {
  v1::ListDecisionsRequest request;
  request.set_deployment(options.name);
  ASSIGN_OR_RETURN(v1::ListDecisionsResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::ListDecisions, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"EPOCH", "DECISION", "MODEL", "AT", "BY", "APPROVED BY", "INCIDENT", "REASON"});
  for (const v1::IssuedDecision& issued : answer.decisions()) {
    const v1::Decision& decision = issued.decision();
    std::string approvers;
    for (const std::string& name : decision.approved_by()) approvers += (approvers.empty() ? "" : ",") + name;
    table.Add({std::to_string(decision.epoch()), ShortName(decision.kind()), decision.release().model_name(),
               TimeText(decision.has_decided_at(), decision.decided_at()), decision.decided_by(), approvers, decision.incident(),
               decision.reason()});
  }
  session.out().PrintTable(table, "no decisions yet");
  return absl::OkStatus();
}

}  // namespace
}  // namespace deployment_commands

void AddDeploymentCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace deployment_commands;
  CLI::App* deployment = AddGroup(app, "deployment", "Serving slots and what was decided about them");
  const auto name = [](CLI::App& command, NameOption& options) {
    command.add_option("name", options.name, "Deployment, e.g. fraud-prod")->required();
  };
  AddCommand<CreateOptions>(*deployment, chosen, "create", "A new serving slot",
                            [](CLI::App& command, CreateOptions& options) {
                              command.add_option("name", options.name, "Deployment, e.g. fraud-prod")->required();
                              command.add_option("--env", options.environment, "prod, staging …")->required();
                            },
                            Create, session);
  AddCommand<NoOptions>(*deployment, chosen, "list", "Every deployment", [](CLI::App&, NoOptions&) {}, List, session);
  AddCommand<NameOption>(*deployment, chosen, "show", "What it serves, who proved it, what it served before", name, Show, session);
  AddCommand<DeployOptions>(*deployment, chosen, "deploy", "Serve a model from now on",
                            [](CLI::App& command, DeployOptions& options) {
                              command.add_option("name", options.name, "Deployment, e.g. fraud-prod")->required();
                              command.add_option("model", options.model, "model/fraud@7")->required();
                              command.add_option("--config", options.config, "config/fraud@3");
                              AddRepeated(command, "--dataset", options.datasets, "Dataset the serving side reads");
                              AddChangeOptions(command, options.change);
                              command.add_flag("--override-run", options.change.override_run, "Although a playbook run has the deployment; recorded");
                            },
                            Deploy, session);
  AddCommand<NameOption>(*deployment, chosen, "decisions", "Every signed decision, oldest first", name, Decisions, session);
  AddCommand<FreezeOptions>(*deployment, chosen, "freeze", "Keep what is served, refuse deploys until released",
                            [](CLI::App& command, FreezeOptions& options) {
                              command.add_option("name", options.name, "Deployment, e.g. fraud-prod")->required();
                              AddChangeOptions(command, options.change);
                            },
                            Freeze, session);
}

}  // namespace firebreak::cli
