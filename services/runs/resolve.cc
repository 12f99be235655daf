#include "services/runs/resolve.h"

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

// Names are unique in a playbook, so the last component of a path says which step it is; undo has no outputs of its
// own.
const v1::StepState* FindNamed(const v1::PlaybookRun& run, std::string_view name) {
  for (const v1::StepState& state : run.steps()) {
    if (IsUndoPath(state.path())) continue;
    const std::string_view path = state.path();
    const size_t slash = path.rfind('/');
    if ((slash == std::string_view::npos ? path : path.substr(slash + 1)) == name) return &state;
  }
  return nullptr;
}

}  // namespace

ValueLookup ValuesOf(const v1::PlaybookRun& run) {
  return [&run](const Reference& reference) -> absl::StatusOr<Value> {
    if (reference.scope.empty()) return FieldOf(run.inputs(), reference.field, reference);
    if (reference.scope == "incident") return FieldOf(run.incident_values(), reference.field, reference);
    const v1::StepState* state = FindNamed(run, reference.scope);
    if (state == nullptr || (state->phase() != v1::STEP_PHASE_DONE && state->phase() != v1::STEP_PHASE_UNDONE)) {
      return absl::FailedPreconditionError(
          StrCat(reference.text(), " has no value: step ", reference.scope, " has not been done"));
    }
    return FieldOf(state->outputs(), reference.field, reference);
  };
}

absl::StatusOr<google::protobuf::Struct> ResolveInputs(const v1::DoStep& call, const ActionSpec& spec,
                                                       const v1::PlaybookRun& run) {
  google::protobuf::Struct inputs;
  for (const v1::Argument& argument : call.with()) {
    Value value = argument.literal();
    if (argument.has_expression()) {
      ASSIGN_OR_RETURN(value, EvaluateText(argument.expression().text(), ValuesOf(run)));
    }
    (*inputs.mutable_fields())[argument.name()] = std::move(value);
  }
  for (const ActionField& field : spec.inputs) {
    const auto found = inputs.fields().find(field.name);
    if (found == inputs.fields().end()) {
      if (field.required) return absl::FailedPreconditionError(StrCat(spec.name, " needs ", field.name));
      continue;
    }
    const std::optional<ValueType> type = FindValueType(field.type);
    if (type && !ValueMatches(found->second, *type)) {
      return absl::FailedPreconditionError(
          StrCat(spec.name, ": ", field.name, " = ", PrintJson(found->second), " is no ", field.type));
    }
  }
  return inputs;
}

absl::StatusOr<std::string> SubjectDigest(const v1::AskStep& ask, const v1::PlaybookRun& run, std::string_view path,
                                          std::string_view question) {
  if (!ask.has_about()) return Sha256(StrCat(run.id(), "\n", path, "\n", question)).text();
  ASSIGN_OR_RETURN(const Value value, EvaluateText(ask.about().text(), ValuesOf(run)));
  if (value.kind_case() == Value::kStringValue && Digest::Parse(value.string_value()).ok()) return value.string_value();
  return Sha256(PrintJson(value)).text();
}

EffectId EffectIdOf(std::string_view run, std::string_view path, uint64_t iteration, std::string_view action,
                    const google::protobuf::Struct& inputs) {
  // Each part is preceded by its length, so that no two different lists of parts give the same bytes.
  std::string bytes = "firebreak-effect-v1";
  for (const std::string& part :
       {std::string(run), std::string(path), StrCat(iteration), std::string(action), PrintJson(inputs)}) {
    StrAppend(&bytes, "\n", part.size(), ":", part);
  }
  return EffectId(ToHex(Sha256(bytes).raw()).substr(0, 32));
}

}  // namespace firebreak
