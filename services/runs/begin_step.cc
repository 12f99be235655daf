// Beginning a step: its values are resolved once, here, and journaled.
#include <algorithm>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/question.h"
#include "firebreak/playbooks/value_type.h"
#include "firebreak/runs/outcome.h"
#include "services/runs/walker.h"

namespace firebreak {
namespace {

using google::protobuf::Value;
using store::v1::RunEvent;

absl::StatusOr<Value> ValueOf(const LoadedRun& run, const Instance& at) {
  RETURN_IF_ERROR(at.node.expression.status());
  return Evaluate(*at.node.expression, ValuesAt(run, at));
}

}  // namespace

absl::Status Walker::CheckRoom() const {
  if (run_.run().steps_size() >= kRunStepsMax)
    return absl::ResourceExhaustedError(StrCat("the run has entered ", kRunStepsMax, " steps, the most it may"));
  if (run_.bytes() >= kRunBytesMax)
    return absl::ResourceExhaustedError(StrCat("the run holds ", run_.bytes() / 1024, " KiB, the most it may"));
  if (run_.run().sequence() >= kRunCommitsMax)
    return absl::ResourceExhaustedError(StrCat("the run's journal has ", kRunCommitsMax, " records, the most it may"));
  return absl::OkStatus();
}

Walker::Standing Walker::Begin(const Node& node, const std::string& path) {
  const absl::Status room = IsForward() ? CheckRoom() : absl::OkStatus();  // what cleans up must never lack room
  if (!room.ok()) return Fail(path, room);
  if (!node.step->has_delay() || FromProto(node.step->delay()) <= absl::ZeroDuration()) return BeginNow(node, path);
  RunEvent event = NewEvent();
  event.mutable_step_delayed()->set_path(path);
  *event.mutable_step_delayed()->mutable_until() = ToProto(vantage_.now + FromProto(node.step->delay()));
  Answer(std::move(event));
  return Standing::kBusy;
}

Walker::Standing Walker::BeginNow(const Node& node, const std::string& path) {
  switch (node.kind) {
    case StepKind::kDo:
      BeginCall(node, node.call, path, {node, path});
      break;
    case StepKind::kAsk:
      BeginAsk(node, path);
      break;
    case StepKind::kIf:
    case StepKind::kSwitch:
    case StepKind::kWhile:
    case StepKind::kForEach:
    case StepKind::kParallel:
    case StepKind::kGroup:
    case StepKind::kRun:
      Enter(node, path);
      break;
    case StepKind::kUnknown:
      Fail(path, absl::UnimplementedError("a step of a kind this build does not know"));
      break;
  }
  return Standing::kBusy;
}

void Walker::BeginUndo(const Node& node, std::string_view path) {
  BeginCall(node, node.undo, StrCat(path, kUndoSuffix), {node, path});
}

void Walker::BeginCall(const Node& node, const CompiledCall& call, const std::string& path, const Instance& at) {
  const std::string& action = call.call->action();
  if (call.spec == nullptr) {
    Fail(path, absl::UnimplementedError(StrCat("action ", action, " is not known here")));
    return;
  }
  absl::StatusOr<google::protobuf::Struct> inputs = ResolveInputs(call, ValuesAt(run_, at));
  if (!inputs.ok()) {
    Fail(path, inputs.status());
    return;
  }
  RunEvent event = NewEvent();
  store::v1::StepStarted& started = *event.mutable_step_started();
  started.set_path(path);
  started.set_action(action);
  started.set_attempt(1);
  started.set_effect_id(EffectIdOf(run_.run().id(), path, 0, action, *inputs).text());
  *started.mutable_inputs() = *std::move(inputs);
  const absl::Duration timeout = node.step->has_timeout() ? FromProto(node.step->timeout()) : kDefaultStepTimeout;
  *started.mutable_deadline_at() = ToProto(vantage_.now + timeout);
  Answer(std::move(event));
}

void Walker::BeginAsk(const Node& node, const std::string& path) {
  const v1::AskStep& ask = node.step->ask();
  RunEvent event = NewEvent();
  store::v1::Asked& asked = *event.mutable_asked();
  asked.set_path(path);
  asked.set_question(ResolveText(ask.question(), ValuesAt(run_, {node, path})));
  absl::StatusOr<std::string> subject = SubjectDigest(run_, {node, path}, asked.question());
  if (!subject.ok()) {
    Fail(path, subject.status());
    return;
  }
  asked.set_subject_digest(*std::move(subject));
  *asked.mutable_roles() = ask.roles();
  asked.set_need(std::max<uint32_t>(1, ask.need()));
  for (const std::string& identity : ask.not_identities()) {
    const std::string& excluded = identity == "author" ? run_.run().playbook_author() : run_.run().started_by();
    if (!excluded.empty()) asked.add_not_identities(excluded);
  }
  const absl::Duration timeout = node.step->has_timeout() ? FromProto(node.step->timeout()) : kDefaultAskTimeout;
  *asked.mutable_deadline_at() = ToProto(vantage_.now + timeout);
  Answer(std::move(event));
}

void Walker::Enter(const Node& node, const std::string& path) {
  RunEvent event = NewEvent();
  store::v1::StepEntered& entered = *event.mutable_step_entered();
  entered.set_path(path);
  const Instance at{node, path};
  absl::Status status;
  if (node.kind == StepKind::kIf) status = EnterBranch(at, entered);
  if (node.kind == StepKind::kSwitch) status = EnterCase(at, entered);
  if (node.kind == StepKind::kForEach) status = EnterForEach(at, entered);
  if (node.kind == StepKind::kRun) status = EnterRun(at, entered);
  if (!status.ok()) {
    Fail(path, status);
    return;
  }
  if (node.step->has_timeout()) *entered.mutable_deadline_at() = ToProto(vantage_.now + FromProto(node.step->timeout()));
  Answer(std::move(event));
}

absl::Status Walker::EnterBranch(const Instance& at, store::v1::StepEntered& entered) const {
  ASSIGN_OR_RETURN(const Value condition, ValueOf(run_, at));
  if (condition.kind_case() != Value::kBoolValue) return absl::InvalidArgumentError("the condition is not a bool");
  entered.set_condition(condition.bool_value());
  entered.set_branch(condition.bool_value() ? "then" : "else");
  return absl::OkStatus();
}

absl::Status Walker::EnterCase(const Instance& at, store::v1::StepEntered& entered) const {
  ASSIGN_OR_RETURN(const Value subject, ValueOf(run_, at));
  const v1::SwitchStep& choice = at.node.step->choice();
  entered.set_branch(choice.default_steps().empty() ? "none" : "default");
  for (int i = choice.cases_size() - 1; i >= 0; --i) {  // the first that fits
    const Value& value = choice.cases(i).value();
    if (value.kind_case() == subject.kind_case() && PrintJson(value) == PrintJson(subject)) entered.set_branch(StrCat("case", i + 1));
  }
  return absl::OkStatus();
}

absl::Status Walker::EnterForEach(const Instance& at, store::v1::StepEntered& entered) const {
  ASSIGN_OR_RETURN(const Value list, ValueOf(run_, at));
  const v1::ForEachStep& loop = at.node.step->for_each();
  if (list.kind_case() != Value::kListValue) return absl::InvalidArgumentError("what it goes through is not a list");
  const int count = list.list_value().values_size();
  if (count > static_cast<int>(loop.max())) {
    return absl::ResourceExhaustedError(
        StrCat("the list has ", count, " elements, at most ", loop.max(), " may be gone through; none was touched"));
  }
  const std::optional<DataType> type = ParseType(loop.item_type());
  for (const Value& value : list.list_value().values()) {
    if (type && !ValueMatches(value, *type))
      return absl::InvalidArgumentError(StrCat("the list holds ", PrintJson(value), ", which is no ", loop.item_type()));
  }
  *entered.mutable_items() = list.list_value();
  return absl::OkStatus();
}

absl::Status Walker::EnterRun(const Instance& at, store::v1::StepEntered& entered) const {
  const v1::RunStep& run = at.node.step->run();
  if (at.node.inner == nullptr)
    return absl::NotFoundError(StrCat("playbook ", run.playbook(), "@", run.digest(), " is not on the shelf"));
  google::protobuf::Struct given;
  for (int i = 0; i < run.with_size(); ++i) {
    const v1::Argument& argument = run.with(i);
    Value value = argument.literal();
    if (argument.has_expression()) {
      const auto& expression = at.node.arguments[0].expressions[static_cast<size_t>(i)];
      RETURN_IF_ERROR(expression.status());
      ASSIGN_OR_RETURN(value, Evaluate(*expression, ValuesAt(run_, at)));
    }
    (*given.mutable_fields())[argument.name()] = std::move(value);
  }
  ASSIGN_OR_RETURN(*entered.mutable_inputs(), BindInputs(*at.node.inner->playbook, given, ValuesOf(run_.run())));
  entered.set_playbook_digest(run.digest());
  return absl::OkStatus();
}

}  // namespace firebreak
