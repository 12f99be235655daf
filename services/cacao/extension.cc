#include "services/cacao/extension.h"

#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/cacao/check.h"
#include "firebreak/cacao/export.h"
#include "services/cacao/json_view.h"

namespace firebreak {
namespace {

using google::protobuf::Message;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kPlaybookType = "firebreak-playbook-1";
constexpr std::string_view kStepType = "firebreak-step-1";

Value AsValue(const Message& message) {
  absl::StatusOr<Value> value = ParseJson(MessageToJson(message));
  FIREBREAK_CHECK(value.ok());
  return *std::move(value);
}

absl::Status FromValue(const Value* value, Message& message) {
  if (value == nullptr || !value->has_struct_value()) return absl::InvalidArgumentError("firebreak extension: an object is missing");
  return Annotate(JsonToMessage(PrintJson(*value), message, kCacaoLimits), "firebreak extension");
}

// The steps inside are steps of the workflow; only those of a for_each are not.
v1::Step Bare(v1::Step step) {
  if (step.has_branch()) {
    step.mutable_branch()->clear_then_steps();
    step.mutable_branch()->clear_else_steps();
  }
  if (step.has_loop()) step.mutable_loop()->clear_steps();
  if (step.has_choice()) {
    for (v1::SwitchCase& one : *step.mutable_choice()->mutable_cases()) one.clear_steps();
    step.mutable_choice()->clear_default_steps();
  }
  if (step.has_parallel()) step.mutable_parallel()->clear_branches();
  if (step.has_group()) step.mutable_group()->clear_steps();
  return step;
}

Struct& Own(Struct& object) {
  Struct& own = PutObject(PutObject(object, "step_extensions"), CacaoExtensionId());
  PutText(own, "type", kStepType);
  return own;
}

}  // namespace

void AddExtension(const v1::Playbook& playbook, Struct& document) {
  const std::string id = CacaoExtensionId();
  Struct& definition = PutObject(PutObject(document, "extension_definitions"), id);
  PutText(definition, "type", "extension-definition");
  PutText(definition, "name", "Firebreak playbook semantics");
  PutText(definition, "description",
          "Typed inputs and expressions, triggers, locks, retry, undo, groups, loops over lists and approval quorums of Firebreak playbooks. "
          "An engine that does not know it may ignore it: the workflow itself is complete but for these.");
  PutText(definition, "created_by", CacaoId("identity", "firebreak"));
  PutText(definition, "schema", "firebreak.v1.Playbook and firebreak.v1.Step in their JSON form (proto/firebreak/v1/playbook.proto)");
  PutText(definition, "version", kCacaoExtensionVersion);
  v1::Playbook bare = playbook;
  bare.clear_steps();
  bare.clear_on_failure();
  Struct& own = PutObject(PutObject(document, "playbook_extensions"), id);
  PutText(own, "type", kPlaybookType);
  (*own.mutable_fields())["playbook"] = AsValue(bare);
}

void PutStepExtension(const v1::Step& step, const std::string& path, Struct& object) {
  Struct& own = Own(object);
  PutText(own, "path", path);
  (*own.mutable_fields())["step"] = AsValue(Bare(step));
}

// Inner groups are put first, so an outer one goes in front.
void PutGroupExtension(const v1::Step& group, const std::string& path, Struct& object) {
  Struct& own = Own(object);
  google::protobuf::ListValue groups;
  Struct& first = *groups.add_values()->mutable_struct_value();
  PutText(first, "path", path);
  (*first.mutable_fields())["step"] = AsValue(Bare(group));
  auto& there = *(*own.mutable_fields())["groups"].mutable_list_value();
  for (const Value& inner : there.values()) *groups.add_values() = inner;
  there = std::move(groups);
}

absl::StatusOr<std::optional<v1::Playbook>> FindPlaybookExtension(const Struct& document) {
  const Struct& own = ObjectOf(ObjectOf(document, "playbook_extensions"), CacaoExtensionId());
  if (own.fields().empty()) return std::optional<v1::Playbook>();
  if (TextOf(own, "type") != kPlaybookType) {
    return absl::InvalidArgumentError(StrCat("firebreak extension: type ", CutText(TextOf(own, "type"), 40), " is not known, ", kPlaybookType, " is"));
  }
  v1::Playbook playbook;
  RETURN_IF_ERROR(FromValue(FindMember(own, "playbook"), playbook));
  return std::optional<v1::Playbook>(std::move(playbook));
}

absl::StatusOr<std::optional<StepExtension>> FindStepExtension(const Struct& step) {
  const Struct& own = ObjectOf(ObjectOf(step, "step_extensions"), CacaoExtensionId());
  if (own.fields().empty()) return std::optional<StepExtension>();
  StepExtension extension;
  extension.own.path = TextOf(own, "path");
  RETURN_IF_ERROR(FromValue(FindMember(own, "step"), extension.own.step));
  const Value* groups = FindMember(own, "groups");
  for (int i = 0; groups != nullptr && i < groups->list_value().values_size(); ++i) {
    const Struct& one = groups->list_value().values(i).struct_value();
    ExtendedStep& group = extension.groups.emplace_back();
    group.path = TextOf(one, "path");
    RETURN_IF_ERROR(FromValue(FindMember(one, "step"), group.step));
  }
  return std::optional<StepExtension>(std::move(extension));
}

}  // namespace firebreak
