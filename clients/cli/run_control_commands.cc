// run plan, pause, continue and resume: look before, hold, let go, go on.
#include <algorithm>

#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/run_view.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/run_control.grpc.pb.h"

namespace firebreak::cli {
namespace run_control_commands {
namespace {

struct PlanOptions {
  std::string playbook, incident;
  std::vector<std::string> inputs;
};
struct HoldOptions {
  std::string run, reason;
};
struct ResumeOptions {
  std::string run, from, reason;
};

Tone ToneOf(v1::PlannedOutcome outcome) {
  if (outcome == v1::PLANNED_OUTCOME_FAILS) return Tone::kBad;
  if (outcome == v1::PLANNED_OUTCOME_CHANGES || outcome == v1::PLANNED_OUTCOME_ASKS) return Tone::kWarning;
  if (outcome == v1::PLANNED_OUTCOME_READS || outcome == v1::PLANNED_OUTCOME_UNCHANGED) return Tone::kGood;
  return outcome == v1::PLANNED_OUTCOME_NOT_REACHED ? Tone::kFaint : Tone::kPlain;
}

std::string SpanText(bool present, const google::protobuf::Duration& duration) {
  return present ? absl::FormatDuration(FromProto(duration)) : std::string("-");
}

std::vector<std::string> PlanLines(const Output& out, const v1::PlannedStep& step) {
  std::string outcome = ShortName(step.outcome());
  outcome.resize(std::max<size_t>(outcome.size(), 11), ' ');
  std::string head = StrCat("  ", out.Paint(outcome, ToneOf(step.outcome())), "  ", step.path());
  if (!step.action().empty()) StrAppend(&head, "  ", step.action(), " (", step.action_class(), ")");
  if (step.need() > 0) StrAppend(&head, "  needs ", Count(step.need(), step.need() == 1 ? "answer" : "different people"));
  if (step.always()) StrAppend(&head, "  always");
  std::vector<std::string> lines = {head};
  auto add = [&lines](const char* what, const std::string& text) {
    if (!text.empty()) lines.push_back(StrCat("               ", what, text));
  };
  if (!step.now().empty() && !step.then().empty() && step.outcome() != v1::PLANNED_OUTCOME_READS) {
    add("", StrCat(step.now(), " -> ", step.then()));
  } else {
    add("now  ", step.now());
    if (step.now().empty()) add("then ", step.then());
  }
  add("reaches ", step.blast_radius());
  add("asks ", step.question());
  if (step.has_at_most())
    add("takes ", StrCat(SpanText(step.has_expected(), step.expected()), ", at most ", SpanText(true, step.at_most())));
  add("", step.note());
  return lines;
}

absl::Status Plan(Session& session, const PlanOptions& options) {
  v1::PlanRunRequest request;
  request.set_playbook(options.playbook);
  request.set_incident(options.incident);
  ASSIGN_OR_RETURN(*request.mutable_inputs(), ParseInputs(options.inputs));
  ASSIGN_OR_RETURN(v1::PlanRunResponse answer, session.Call<v1::RunControl>(&v1::RunControl::Stub::PlanRun, request));
  const Output& out = session.out();
  if (out.format() == Format::kJson) {
    out.PrintMessage(answer);
    return absl::OkStatus();
  }
  const v1::RunPlan& plan = answer.plan();
  out.Print(StrCat(plan.playbook(), "  ", plan.incident(), plan.incident().empty() ? "" : "  ", plan.deployment(),
                   "  would do this; nothing has been done:"));
  for (const v1::PlannedStep& step : plan.steps()) {
    for (const std::string& line : PlanLines(out, step)) out.Print(line);
  }
  out.Print(StrCat("approvals needed ", plan.approvals(), "; expected ", SpanText(true, plan.expected()), " without waiting for people, at most ",
                   SpanText(true, plan.at_most())));
  if (!plan.lock_held_by().empty()) out.Print(StrCat("the deployment is in the hands of ", plan.lock_held_by(), "; if_locked is ", plan.if_locked()));
  if (!plan.refused().empty()) out.Print(out.Paint(StrCat("it could not start: ", plan.refused()), Tone::kBad));
  out.Print(StrCat("plan ", plan.digest(), "\nnext: firebreak run start --plan ", plan.digest(), " --reason \"why\"   (until ",
                   TimeText(true, plan.expires_at()), ")"));
  return absl::OkStatus();
}

absl::Status Pause(Session& session, const HoldOptions& options) {
  v1::PauseRunRequest request;
  request.set_run(options.run);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::PauseRunResponse answer, session.Call<v1::RunControl>(&v1::RunControl::Stub::PauseRun, request));
  session.out().Notice("it begins nothing new; what is under way is settled, and questions go on expiring");
  return PrintRunAnswer(session, answer, answer.run());
}

absl::Status Continue(Session& session, const HoldOptions& options) {
  v1::ContinueRunRequest request;
  request.set_run(options.run);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::ContinueRunResponse answer, session.Call<v1::RunControl>(&v1::RunControl::Stub::ContinueRun, request));
  return PrintRunAnswer(session, answer, answer.run());
}

absl::Status Resume(Session& session, const ResumeOptions& options) {
  v1::ResumeRunRequest request;
  request.set_run(options.run);
  request.set_step(options.from);
  request.set_reason(options.reason);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(v1::ResumeRunResponse answer, session.Call<v1::RunControl>(&v1::RunControl::Stub::ResumeRun, request));
  return PrintRunAnswer(session, answer, answer.run());
}

void SetUpHold(CLI::App& command, HoldOptions& options) {
  command.add_option("run", options.run, "RUN-17")->required();
  command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
}

}  // namespace
}  // namespace run_control_commands

void AddRunControlCommands(CLI::App& run, Chosen& chosen, Session& session) {
  using namespace run_control_commands;
  AddCommand<PlanOptions>(run, chosen, "plan", "What a playbook would do, step by step; nothing is done",
                          [](CLI::App& command, PlanOptions& options) {
                            command.add_option("playbook", options.playbook, "As playbook list shows it")->required();
                            command.add_option("--incident", options.incident, "INC-42");
                            AddRepeated(command, "--input", options.inputs, "name=value, one of the playbook's inputs");
                          },
                          Plan, session);
  AddCommand<HoldOptions>(run, chosen, "pause", "Begin nothing new until continue", SetUpHold, Pause, session);
  AddCommand<HoldOptions>(run, chosen, "continue", "Let a paused run go on", SetUpHold, Continue, session);
  AddCommand<ResumeOptions>(run, chosen, "resume", "A new run that goes on from a step of one that failed or was cancelled",
                            [](CLI::App& command, ResumeOptions& options) {
                              command.add_option("run", options.run, "RUN-17")->required();
                              command.add_option("--from", options.from, "The first step to do anew, as run show names it")->required();
                              command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                            },
                            Resume, session);
}

}  // namespace firebreak::cli
