// action: list, run. evidence: list, show. One action by itself, and what actions have kept.
#include "absl/strings/str_join.h"
#include "clients/cli/command.h"
#include "clients/cli/contexts.h"
#include "clients/cli/session.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/action.grpc.pb.h"

namespace firebreak::cli {
namespace action_commands {
namespace {

struct NoOptions {};
struct RunOptions {
  std::string action;
  std::string key;
  std::string inputs = "{}";
};
struct ListOptions {
  std::string incident;
};
struct ShowOptions {
  std::string evidence;
  std::string out;
};

absl::Status ListActions(Session& session, const NoOptions&) {
  ASSIGN_OR_RETURN(const v1::ListActionsResponse answer, session.Call<v1::Actions>(&v1::Actions::Stub::ListActions, v1::ListActionsRequest()));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"ACTION", "CLASS", "NEEDS", "INPUTS", "WHAT IT DOES"});
  for (const v1::ActionDescription& action : answer.actions()) {
    std::vector<std::string> inputs;
    for (const v1::ActionFieldDescription& input : action.inputs()) inputs.push_back(StrCat(input.name(), input.required() ? "" : "?"));
    table.Add({action.name(), action.action_class(), action.permission(), absl::StrJoin(inputs, " "), action.about()});
  }
  session.out().PrintTable(table, "no actions");
  return absl::OkStatus();
}

// The same key over retries: an effect that is under way is asked for again until it is done.
absl::Status RunAction(Session& session, const RunOptions& options) {
  v1::RunActionRequest request;
  request.set_action(options.action);
  request.set_idempotency_key(options.key.empty() ? session.NewRequestId() : options.key);
  const absl::StatusOr<google::protobuf::Value> inputs = ParseJson(options.inputs);
  if (!inputs.ok() || !inputs->has_struct_value()) return absl::InvalidArgumentError("--inputs must be a JSON object");
  *request.mutable_inputs() = inputs->struct_value();
  const absl::Time until = session.clock().Now() + session.timeout();
  while (true) {
    ASSIGN_OR_RETURN(const v1::RunActionResponse answer, session.Call<v1::Actions>(&v1::Actions::Stub::RunAction, request));
    if (answer.done()) {
      session.out().PrintAnswer(answer, PrintJson(answer.outputs()));
      return absl::OkStatus();
    }
    if (session.clock().Now() >= until) {
      return WithNextStep(absl::DeadlineExceededError(StrCat(options.action, " waits for ", answer.waiting_for())),
                          StrCat("ask again with --key ", request.idempotency_key()));
    }
    session.out().Notice(StrCat("waits for ", answer.waiting_for()), Tone::kFaint);
    session.Pause(absl::Seconds(1));
  }
}

absl::Status ListEvidence(Session& session, const ListOptions& options) {
  v1::ListEvidenceRequest request;
  request.set_incident(options.incident);
  v1::ListEvidenceResponse all;
  do {
    ASSIGN_OR_RETURN(const v1::ListEvidenceResponse page, session.Call<v1::Actions>(&v1::Actions::Stub::ListEvidence, request));
    all.mutable_evidence()->MergeFrom(page.evidence());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(all);
    return absl::OkStatus();
  }
  Table table({"EVIDENCE", "INCIDENT", "RUN", "CAPTURED", "BYTES", "DIGEST"});
  for (const v1::Evidence& one : all.evidence()) {
    table.Add({one.id(), one.incident(), one.run(), TimeText(one.has_captured_at(), one.captured_at()), StrCat(one.size_bytes()), ShortDigest(one.digest())});
  }
  session.out().PrintTable(table, "no evidence");
  return absl::OkStatus();
}

absl::Status ShowEvidence(Session& session, const ShowOptions& options) {
  v1::GetEvidenceRequest request;
  request.set_evidence(options.evidence);
  ASSIGN_OR_RETURN(const v1::GetEvidenceResponse answer, session.Call<v1::Actions>(&v1::Actions::Stub::GetEvidence, request));
  // Exactly the bytes whose digest is in the audit log.
  if (!options.out.empty()) return WriteWholeFile(options.out, answer.evidence().json(), FileMode::kOrdinary);
  const absl::StatusOr<google::protobuf::Value> json = ParseJson(answer.evidence().json());
  session.out().PrintAnswer(answer, json.ok() ? PrintJsonPretty(*json) : answer.evidence().json());
  return absl::OkStatus();
}

}  // namespace
}  // namespace action_commands

void AddActionCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace action_commands;
  CLI::App* action = AddGroup(app, "action", "What playbooks can do, one thing at a time");
  AddCommand<NoOptions>(*action, chosen, "list", "Actions, what they take and which permission they need", [](CLI::App&, NoOptions&) {}, ListActions, session);
  AddCommand<RunOptions>(*action, chosen, "run", "Do one action in your own name",
                         [](CLI::App& command, RunOptions& options) {
                           command.add_option("action", options.action, "fleet.contain …")->required();
                           command.add_option("--inputs", options.inputs, "JSON object; \"incident\" names whom it is for");
                           command.add_option("--key", options.key, "Names the effect; the same key never does it twice");
                         },
                         RunAction, session);
  CLI::App* evidence = AddGroup(app, "evidence", "What was captured before anybody touched it");
  AddCommand<ListOptions>(*evidence, chosen, "list", "Newest first",
                          [](CLI::App& command, ListOptions& options) { command.add_option("--incident", options.incident, "Only of this incident"); }, ListEvidence, session);
  AddCommand<ShowOptions>(*evidence, chosen, "show", "The state as it was, with its digest checked",
                          [](CLI::App& command, ShowOptions& options) {
                            command.add_option("evidence", options.evidence, "EVD-3")->required();
                            command.add_option("--out", options.out, "Write exactly the bytes kept");
                          },
                          ShowEvidence, session);
}

}  // namespace firebreak::cli
