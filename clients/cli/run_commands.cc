// run and approve: playbook runs in flight and the questions they ask people.
#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/run_view.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/run.grpc.pb.h"
#include "firebreak/v1/run_control.grpc.pb.h"

namespace firebreak::cli {
namespace run_commands {
namespace {

struct ListOptions {
  std::string incident;
  bool active = false;
};
struct Id {
  std::string run;
};
struct StartOptions {
  std::string playbook, incident, reason, plan;
  std::vector<std::string> inputs;
  bool dry_run = false;
};
struct CancelOptions {
  std::string run, reason;
};
struct ResolveOptions {
  std::string run, step, happened, reason;
};
struct ApproveOptions {
  std::string run, step, digest, reason;
  bool refuse = false;
};

}  // namespace
}  // namespace run_commands

absl::Status PrintRunAnswer(Session& session, const google::protobuf::Message& answer, const v1::PlaybookRun& run) {
  using namespace run_commands;
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
  } else {
    for (const std::string& line : RunLines(session.out(), run)) session.out().Print(line);
  }
  return absl::OkStatus();
}

namespace run_commands {
namespace {

absl::Status List(Session& session, const ListOptions& options) {
  v1::ListRunsRequest request;
  request.set_incident(options.incident);
  request.set_only_active(options.active);
  request.set_page_size(200);
  v1::ListRunsResponse answer;
  do {
    ASSIGN_OR_RETURN(v1::ListRunsResponse page, session.Call<v1::Runs>(&v1::Runs::Stub::ListRuns, request));
    request.set_page_token(page.next_page_token());
    answer.mutable_runs()->MergeFrom(page.runs());
  } while (!request.page_token().empty());
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"ID", "PLAYBOOK", "STATE", "INCIDENT", "DEPLOYMENT", "STARTED", "STEPS"});
  for (const v1::PlaybookRun& run : answer.runs()) {
    table.Add({run.id(), run.playbook(), ShortName(run.state()), run.incident(), run.deployment(),
               TimeText(run.has_started_at(), run.started_at()), std::to_string(run.steps_size())});
  }
  session.out().PrintTable(table, "no runs");
  return absl::OkStatus();
}

absl::Status Show(Session& session, const Id& options) {
  v1::GetRunRequest request;
  request.set_run(options.run);
  ASSIGN_OR_RETURN(v1::GetRunResponse answer, session.Call<v1::Runs>(&v1::Runs::Stub::GetRun, request));
  return PrintRunAnswer(session, answer, answer.run());
}

absl::Status StartExactly(Session& session, const StartOptions& options) {
  if (!options.playbook.empty() || !options.incident.empty() || !options.inputs.empty() || options.dry_run) {
    return absl::InvalidArgumentError("--plan starts exactly that plan: it takes no playbook, incident, input or --dry-run beside it");
  }
  v1::StartPlanRequest request;
  request.set_plan_digest(options.plan);
  request.set_reason(options.reason);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(v1::StartPlanResponse answer, session.Call<v1::RunControl>(&v1::RunControl::Stub::StartPlan, request));
  if (answer.attached()) session.out().Notice(StrCat("joined ", answer.run().id(), ", which holds the lock"));
  return PrintRunAnswer(session, answer, answer.run());
}

absl::Status Start(Session& session, const StartOptions& options) {
  if (!options.plan.empty()) return StartExactly(session, options);
  if (options.playbook.empty())
    return absl::InvalidArgumentError("start what? (next: firebreak run start PLAYBOOK, or firebreak run start --plan DIGEST)");
  v1::StartRunRequest request;
  request.set_playbook(options.playbook);
  request.set_incident(options.incident);
  request.set_reason(options.reason);
  request.set_validate_only(options.dry_run);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(*request.mutable_inputs(), ParseInputs(options.inputs));
  ASSIGN_OR_RETURN(v1::StartRunResponse answer, session.Call<v1::Runs>(&v1::Runs::Stub::StartRun, request));
  if (answer.attached()) session.out().Notice(StrCat("joined ", answer.run().id(), ", which holds the lock"));
  return PrintRunAnswer(session, answer, answer.run());
}

absl::Status Cancel(Session& session, const CancelOptions& options) {
  v1::CancelRunRequest request;
  request.set_run(options.run);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::CancelRunResponse answer, session.Call<v1::Runs>(&v1::Runs::Stub::CancelRun, request));
  session.out().Notice("containment and quarantine stay in place after a cancel");
  return PrintRunAnswer(session, answer, answer.run());
}

absl::Status Resolve(Session& session, const ResolveOptions& options) {
  if (options.happened != "yes" && options.happened != "no") {
    return absl::InvalidArgumentError(StrCat("--happened ", options.happened, ": say yes or no"));
  }
  v1::ResolveStepRequest request;
  request.set_run(options.run);
  request.set_step(options.step);
  request.set_happened(options.happened == "yes");
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::ResolveStepResponse answer, session.Call<v1::Runs>(&v1::Runs::Stub::ResolveStep, request));
  return PrintRunAnswer(session, answer, answer.run());
}

absl::Status ListApprovals(Session& session) {
  ASSIGN_OR_RETURN(v1::ListApprovalsResponse answer,
                   session.Call<v1::Runs>(&v1::Runs::Stub::ListApprovals, v1::ListApprovalsRequest()));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  if (answer.approvals().empty()) session.out().Notice("nothing waits for approval");
  for (const v1::PendingApproval& pending : answer.approvals()) {
    session.out().Print(StrCat(pending.run(), " ", pending.step(), "  ", pending.incident(), "  expires ",
                               TimeText(pending.has_expires_at(), pending.expires_at()), "\n  ", pending.question(),
                               "\n  votes ", pending.votes_size(), " of ", pending.need(),
                               "\n  next: firebreak approve ", pending.run(), " ", pending.step(), " --digest ",
                               pending.subject_digest()));
  }
  return absl::OkStatus();
}

absl::Status Approve(Session& session, const ApproveOptions& options) {
  if (options.run == "list") return ListApprovals(session);
  if (options.step.empty() || options.digest.empty()) {
    return absl::InvalidArgumentError("approve needs RUN STEP --digest DIGEST (next: firebreak approve list)");
  }
  v1::AnswerApprovalRequest request;
  request.set_run(options.run);
  request.set_step(options.step);
  request.set_subject_digest(options.digest);
  request.set_approve(!options.refuse);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::AnswerApprovalResponse answer, session.Call<v1::Runs>(&v1::Runs::Stub::AnswerApproval, request));
  return PrintRunAnswer(session, answer, answer.run());
}

void SetUpId(CLI::App& command, Id& options) { command.add_option("run", options.run, "RUN-17")->required(); }

}  // namespace
}  // namespace run_commands

void AddRunCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace run_commands;
  CLI::App* run = AddGroup(app, "run", "Playbook runs");
  AddCommand<ListOptions>(*run, chosen, "list", "Runs, newest first",
                          [](CLI::App& command, ListOptions& options) {
                            command.add_option("--incident", options.incident, "INC-42");
                            command.add_flag("--active", options.active, "Only those not over");
                          },
                          List, session);
  AddCommand<Id>(*run, chosen, "show", "One run with its steps", SetUpId, Show, session);
  AddCommand<StartOptions>(*run, chosen, "start", "Start a playbook by hand",
                           [](CLI::App& command, StartOptions& options) {
                             command.add_option("playbook", options.playbook, "As playbook list shows it");
                             command.add_option("--plan", options.plan, "Digest of a plan: do exactly that, or refuse because the world changed");
                             command.add_option("--incident", options.incident, "INC-42");
                             AddRepeated(command, "--input", options.inputs, "name=value, one of the playbook's inputs");
                             command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                             command.add_flag("--dry-run", options.dry_run, "Show the run it would be, start nothing");
                           },
                           Start, session);
  AddCommand<CancelOptions>(*run, chosen, "cancel", "No new steps; steps marked always still run",
                            [](CLI::App& command, CancelOptions& options) {
                              command.add_option("run", options.run, "RUN-17")->required();
                              command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                            },
                            Cancel, session);
  AddCommand<Id>(*run, chosen, "watch", "Follow a run until it is over", SetUpId, [](Session& at, const Id& options) { return WatchRun(at, options.run); }, session);
  AddCommand<ResolveOptions>(*run, chosen, "resolve", "Say whether an effect in doubt happened",
                             [](CLI::App& command, ResolveOptions& options) {
                               command.add_option("run", options.run, "RUN-17")->required();
                               command.add_option("step", options.step, "As run show names it")->required();
                               command.add_option("--happened", options.happened, "yes or no")->required();
                               command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                             },
                             Resolve, session);
  AddRunControlCommands(*run, chosen, session);
  AddCommand<ApproveOptions>(app, chosen, "approve", "Answer what a run asks (`approve list` shows what waits)",
                             [](CLI::App& command, ApproveOptions& options) {
                               command.add_option("run", options.run, "RUN-17, or list")->required();
                               command.add_option("step", options.step, "As approve list names it");
                               command.add_option("--digest", options.digest, "Digest of exactly what you saw");
                               command.add_option("--reason", options.reason, "Why; kept in the audit log");
                               command.add_flag("--refuse", options.refuse, "Say no");
                             },
                             Approve, session);
}

}  // namespace firebreak::cli
