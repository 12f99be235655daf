// run and approve: playbook runs in flight and the questions they ask people.
#include <set>

#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/run.grpc.pb.h"

namespace firebreak::cli {
namespace {

struct ListOptions {
  std::string incident;
  bool active = false;
};
struct Id {
  std::string run;
};
struct StartOptions {
  std::string playbook, incident, reason;
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

Tone ToneOf(v1::StepPhase phase) {
  if (phase == v1::STEP_PHASE_DONE) return Tone::kGood;
  if (phase == v1::STEP_PHASE_FAILED || phase == v1::STEP_PHASE_IN_DOUBT) return Tone::kBad;
  return phase == v1::STEP_PHASE_ASKING ? Tone::kWarning : Tone::kPlain;
}

void PrintRun(const Output& out, const v1::PlaybookRun& run) {
  const std::string state = run.id().empty() ? "would start" : ShortName(run.state());
  out.Print(StrCat(run.id(), run.id().empty() ? "" : "  ", run.playbook(), "  ", state,
                   run.incident().empty() ? "" : StrCat("  ", run.incident()),
                   run.deployment().empty() ? "" : StrCat("  ", run.deployment()),
                   run.id().empty() ? ""
                                    : StrCat("  started ", TimeText(run.has_started_at(), run.started_at()), " by ",
                                             run.started_by())));
  for (const v1::StepState& step : run.steps()) {
    std::string line = StrCat("  ", out.Paint(ShortName(step.phase()), ToneOf(step.phase())), "  ", step.path());
    if (step.attempt() > 1) StrAppend(&line, "  (attempt ", step.attempt(), ")");
    if (!step.error().message().empty()) StrAppend(&line, "  ", step.error().message());
    if (step.phase() == v1::STEP_PHASE_ASKING) StrAppend(&line, "  ", step.question());
    out.Print(line);
  }
  if (!run.error().message().empty()) out.Print(out.Paint(StrCat("  ", run.error().message()), Tone::kBad));
}

absl::Status PrintRunAnswer(Session& session, const google::protobuf::Message& answer, const v1::PlaybookRun& run) {
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
  } else {
    PrintRun(session.out(), run);
  }
  return absl::OkStatus();
}

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

absl::Status Start(Session& session, const StartOptions& options) {
  v1::StartRunRequest request;
  request.set_playbook(options.playbook);
  request.set_incident(options.incident);
  request.set_reason(options.reason);
  request.set_validate_only(options.dry_run);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(auto inputs, ParsePairs("--input", options.inputs));
  for (const auto& [name, text] : inputs) {
    // 5 and true are meant as a number and a truth value; anything that is not JSON is text.
    auto value = ParseJson(text);
    google::protobuf::Value& field = (*request.mutable_inputs()->mutable_fields())[name];
    if (value.ok() && !value->has_struct_value() && !value->has_list_value()) {
      field = *value;
    } else {
      field.set_string_value(text);
    }
  }
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

bool Over(const v1::PlaybookRun& run) {
  return run.state() == v1::RUN_STATE_SUCCEEDED || run.state() == v1::RUN_STATE_FAILED || run.state() == v1::RUN_STATE_CANCELLED;
}

// Prints each step once more whenever it changed; resumes after a cut with the last sequence seen.
absl::Status Watch(Session& session, const Id& options) {
  v1::GetRunRequest exists;
  exists.set_run(options.run);
  RETURN_IF_ERROR(session.Call<v1::Runs>(&v1::Runs::Stub::GetRun, exists).status());
  ASSIGN_OR_RETURN(auto channel, session.Channel());
  const auto stub = v1::Runs::NewStub(channel);
  std::set<std::string> printed;
  uint64_t sequence = 0;
  while (true) {
    grpc::ClientContext context;
    v1::WatchRunRequest request;
    request.set_run(options.run);
    request.set_after_sequence(sequence);
    auto reader = stub->WatchRun(&context, request);
    v1::WatchRunEvent event;
    while (reader->Read(&event)) {
      sequence = event.run().sequence();
      if (session.out().format() == Format::kJson) {
        session.out().Print(MessageToJson(event));
      } else {
        for (const v1::StepState& step : event.run().steps()) {
          const std::string line = StrCat(session.out().Paint(ShortName(step.phase()), ToneOf(step.phase())), "  ", step.path());
          if (printed.insert(StrCat(step.path(), step.phase(), ":", step.attempt())).second) session.out().Print(line);
        }
      }
      if (Over(event.run())) {
        context.TryCancel();
        if (session.out().format() == Format::kTable) session.out().Print(StrCat(options.run, " ", ShortName(event.run().state())));
        return event.run().state() == v1::RUN_STATE_SUCCEEDED
                   ? absl::OkStatus()
                   : absl::UnknownError(StrCat(options.run, " ended as ", ShortName(event.run().state()), ": ",
                                               event.run().error().message()));
      }
    }
    RETURN_IF_ERROR(session.AwaitStreamAgain(FromGrpcStatus(reader->Finish()), "the run goes on without this watcher"));
  }
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

void AddRunCommands(CLI::App& app, Chosen& chosen, Session& session) {
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
                             command.add_option("playbook", options.playbook, "As playbook list shows it")->required();
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
  AddCommand<Id>(*run, chosen, "watch", "Follow a run until it is over", SetUpId, Watch, session);
  AddCommand<ResolveOptions>(*run, chosen, "resolve", "Say whether an effect in doubt happened",
                             [](CLI::App& command, ResolveOptions& options) {
                               command.add_option("run", options.run, "RUN-17")->required();
                               command.add_option("step", options.step, "As run show names it")->required();
                               command.add_option("--happened", options.happened, "yes or no")->required();
                               command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                             },
                             Resolve, session);
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
