#include "services/runs/resolve.h"

#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/playbooks/value_type.h"
#include "firebreak/runs/decide.h"

namespace firebreak {
namespace {

using google::protobuf::Value;

absl::StatusOr<Value> FieldOf(const google::protobuf::Struct& values, const std::string& field,
                              const Reference& reference) {
  const auto found = values.fields().find(field);
  if (found == values.fields().end()) return absl::FailedPreconditionError(StrCat(reference.text(), " has no value"));
  return found->second;
}

bool IsAround(const Node* outer, const Node& inner) {
  for (const Node* node = &inner; node != nullptr; node = node->parent) {
    if (node == outer) return true;
  }
  return false;
}

// `$item`: the element of the nearest loop that is called so.
std::optional<Value> FindItem(const LoadedRun& run, const Instance& at, const std::string& name) {
  for (const Node* node = at.node.parent; node != nullptr && node->scope == at.node.scope; node = node->parent) {
    if (node->kind != StepKind::kForEach || node->step->for_each().item_name() != name) continue;
    const std::string_view loop = PathPrefix(at.path, node->depth);
    const v1::StepState* state = run.Find(WithoutRound(loop));
    const uint32_t round = RoundOf(loop);
    if (state == nullptr || round == 0 || static_cast<int>(round) > state->items().values_size()) return std::nullopt;
    return state->items().values(static_cast<int>(round) - 1);
  }
  return std::nullopt;
}

absl::StatusOr<Value> InputOf(const LoadedRun& run, const Instance& at, const Reference& reference) {
  if (std::optional<Value> item = FindItem(run, at, reference.field)) return *std::move(item);
  const Node* around = at.node.scope->run;
  if (around == nullptr) return FieldOf(run.run().inputs(), reference.field, reference);
  const v1::StepState* state = run.Find(PathPrefix(at.path, around->depth));
  if (state == nullptr) return absl::FailedPreconditionError(StrCat(reference.text(), " has no value"));
  return FieldOf(state->inputs(), reference.field, reference);
}

absl::StatusOr<Value> OutputOf(const LoadedRun& run, const Instance& at, const Reference& reference) {
  const auto& names = at.node.scope->names;
  const auto target = names.find(reference.scope);
  if (target == names.end()) return absl::FailedPreconditionError(StrCat(reference.text(), ": there is no such step"));
  const std::optional<std::string> path = InstancePath(run, *target->second, at);
  const v1::StepState* state = path ? run.Find(*path) : nullptr;
  const bool done = state != nullptr && (state->phase() == v1::STEP_PHASE_DONE || state->phase() == v1::STEP_PHASE_UNDONE);
  if (done && state->outputs().fields().count(reference.field) > 0) return FieldOf(state->outputs(), reference.field, reference);
  const bool over = done || (state != nullptr && state->phase() == v1::STEP_PHASE_FAILED);
  if (over && (reference.field == "ok" || reference.field == "error")) {
    Value value;
    if (reference.field == "ok") value.set_bool_value(done);
    if (reference.field == "error") value.set_string_value(done ? "" : CodeName(state->error().code()));
    return value;
  }
  if (!done) {
    return absl::FailedPreconditionError(
        StrCat(reference.text(), " has no value: step ", reference.scope, " has not been done"));
  }
  return FieldOf(state->outputs(), reference.field, reference);
}

absl::Status CheckChoice(const v1::InputDeclaration& input, const Value& value) {
  if (!input.choices().empty()) {
    for (const std::string& choice : input.choices()) {
      if (value.string_value() == choice) return absl::OkStatus();
    }
    std::string all;
    for (const std::string& choice : input.choices()) StrAppend(&all, all.empty() ? "" : ", ", choice);
    return absl::InvalidArgumentError(StrCat("input ", input.name(), " = ", PrintJson(value), " is none of ", all));
  }
  if (input.type() != "list" || input.element_type().empty()) return absl::OkStatus();
  const std::optional<DataType> element = ParseType(input.element_type());
  for (const Value& each : value.list_value().values()) {
    if (element && !ValueMatches(each, *element)) {
      return absl::InvalidArgumentError(
          StrCat("input ", input.name(), " holds ", PrintJson(each), ", which is no ", input.element_type()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Value> BindInput(const v1::InputDeclaration& input, const google::protobuf::Struct& all,
                                const ValueLookup& values) {
  const ValueType type = FindValueType(input.type()).value_or(ValueType::kString);
  const auto given = all.fields().find(input.name());
  const std::string next = StrCat(" (next: give ", input.name(), "=<", input.type(), ">)");
  Value value;
  if (given != all.fields().end()) {
    value = given->second;
  } else {
    absl::StatusOr<Value> bound = absl::NotFoundError("nothing");
    if (input.has_from()) bound = EvaluateText(input.from().text(), values);
    if (bound.ok()) {
      value = *std::move(bound);
    } else if (input.has_default_value()) {
      value = input.default_value();
    } else if (input.has_from()) {
      return absl::InvalidArgumentError(
          StrCat("input ", input.name(), " comes from ", input.from().text(), ", which has no value", next));
    } else {
      return absl::InvalidArgumentError(StrCat("input ", input.name(), " is missing", next));
    }
  }
  if (!ValueMatches(value, type))
    return absl::InvalidArgumentError(StrCat("input ", input.name(), " = ", PrintJson(value), " is no ", input.type()));
  RETURN_IF_ERROR(CheckChoice(input, value));
  return value;
}

}  // namespace

ValueLookup ValuesOf(const v1::PlaybookRun& run) {
  return [&run](const Reference& reference) -> absl::StatusOr<Value> {
    if (reference.scope.empty()) return FieldOf(run.inputs(), reference.field, reference);
    if (reference.scope == "incident") return FieldOf(run.incident_values(), reference.field, reference);
    return absl::FailedPreconditionError(StrCat(reference.text(), " has no value: no step has been done"));
  };
}

ValueLookup ValuesAt(const LoadedRun& run, const Instance& at) {
  return [&run, at](const Reference& reference) -> absl::StatusOr<Value> {
    if (reference.scope.empty()) return InputOf(run, at, reference);
    if (reference.scope == "incident") return FieldOf(run.run().incident_values(), reference.field, reference);
    return OutputOf(run, at, reference);
  };
}

std::optional<std::string> InstancePath(const LoadedRun& run, const Node& target, const Instance& from) {
  std::vector<const Node*> below;  // from the target up to what is around both
  const Node* shared = &target;
  while (shared != nullptr && shared->scope == target.scope && !IsAround(shared, from.node)) {
    below.push_back(shared);
    shared = shared->parent;
  }
  std::string path(shared == nullptr ? std::string_view() : PathPrefix(from.path, shared->depth));
  const Node* above = shared;
  for (auto node = below.rbegin(); node != below.rend(); ++node) {
    if (above != nullptr && above->IsLoop() && !path.ends_with(']')) {
      const v1::StepState* loop = run.Find(path);
      if (loop == nullptr || loop->round() == 0) return std::nullopt;
      StrAppend(&path, "[", loop->round(), "]");
    }
    StrAppend(&path, (*node)->link, (*node)->step->name());
    above = *node;
  }
  return path;
}

absl::StatusOr<google::protobuf::Struct> ResolveInputs(const CompiledCall& call, const ValueLookup& values) {
  google::protobuf::Struct inputs;
  for (int i = 0; i < call.call->with_size(); ++i) {
    const v1::Argument& argument = call.call->with(i);
    Value value = argument.literal();
    if (argument.has_expression()) {
      const auto& expression = call.expressions[static_cast<size_t>(i)];
      RETURN_IF_ERROR(expression.status());
      absl::StatusOr<Value> evaluated = Evaluate(*expression, values);
      if (!evaluated.ok()) return Annotate(evaluated.status(), argument.expression().text());
      value = *std::move(evaluated);
    }
    (*inputs.mutable_fields())[argument.name()] = std::move(value);
  }
  if (call.spec == nullptr) return inputs;
  for (const ActionField& field : call.spec->inputs) {
    const auto found = inputs.fields().find(field.name);
    if (found == inputs.fields().end()) {
      if (field.required) return absl::FailedPreconditionError(StrCat(call.spec->name, " needs ", field.name));
      continue;
    }
    const std::optional<DataType> type = ParseType(field.type);
    if (type && !ValueMatches(found->second, *type)) {
      return absl::FailedPreconditionError(
          StrCat(call.spec->name, ": ", field.name, " = ", PrintJson(found->second), " is no ", field.type));
    }
  }
  return inputs;
}

absl::StatusOr<std::string> SubjectDigest(const LoadedRun& run, const Instance& ask, std::string_view question) {
  if (!ask.node.step->ask().has_about()) return Sha256(StrCat(run.run().id(), "\n", ask.path, "\n", question)).text();
  RETURN_IF_ERROR(ask.node.expression.status());
  ASSIGN_OR_RETURN(const Value value, Evaluate(*ask.node.expression, ValuesAt(run, ask)));
  if (value.kind_case() == Value::kStringValue && Digest::Parse(value.string_value()).ok()) return value.string_value();
  return Sha256(PrintJson(value)).text();
}

absl::StatusOr<google::protobuf::Struct> BindInputs(const v1::Playbook& playbook, const google::protobuf::Struct& given,
                                                    const ValueLookup& values) {
  google::protobuf::Struct inputs;
  for (const v1::InputDeclaration& input : playbook.inputs()) {
    ASSIGN_OR_RETURN((*inputs.mutable_fields())[input.name()], BindInput(input, given, values));
  }
  return inputs;
}

std::string CodeName(int code) {
  return code == 0 ? "" : absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

EffectId EffectIdOf(std::string_view run, std::string_view path, uint64_t iteration, std::string_view action,
                    const google::protobuf::Struct& inputs) {
  // Each part is preceded by its length, so that no two different lists of parts give the same bytes.
  const std::string round = StrCat(iteration);
  const std::string json = PrintJson(inputs);
  std::string bytes = "firebreak-effect-v1";
  for (const std::string_view part : {run, path, std::string_view(round), action, std::string_view(json)}) {
    StrAppend(&bytes, "\n", part.size(), ":", part);
  }
  const Digest digest = Sha256(bytes);
  return EffectId(ToHex(std::string_view(digest.raw()).substr(0, 16)));
}

}  // namespace firebreak
