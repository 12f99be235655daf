#include "services/actions/fields.h"

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/actions.h"

namespace firebreak {
namespace {

const google::protobuf::Value* FindField(const google::protobuf::Struct& inputs, const std::string& name) {
  const auto found = inputs.fields().find(name);
  return found == inputs.fields().end() ? nullptr : &found->second;
}

}  // namespace

std::string TextField(const google::protobuf::Struct& inputs, const std::string& name) {
  const google::protobuf::Value* value = FindField(inputs, name);
  return value == nullptr ? "" : value->string_value();
}

uint64_t NumberField(const google::protobuf::Struct& inputs, const std::string& name) {
  const google::protobuf::Value* value = FindField(inputs, name);
  return value == nullptr || value->number_value() < 0 ? 0 : static_cast<uint64_t>(value->number_value());
}

bool FlagField(const google::protobuf::Struct& inputs, const std::string& name) {
  const google::protobuf::Value* value = FindField(inputs, name);
  return value != nullptr && value->bool_value();
}

Outputs& Outputs::Text(const std::string& name, std::string_view value) {
  (*fields_.mutable_fields())[name].set_string_value(std::string(value));
  return *this;
}

Outputs& Outputs::Number(const std::string& name, uint64_t value) {
  (*fields_.mutable_fields())[name].set_number_value(static_cast<double>(value));
  return *this;
}

Outputs& Outputs::Flag(const std::string& name, bool value) {
  (*fields_.mutable_fields())[name].set_bool_value(value);
  return *this;
}

Outputs& Outputs::List(const std::string& name, const std::vector<std::string>& values) {
  google::protobuf::ListValue& list = *(*fields_.mutable_fields())[name].mutable_list_value();
  for (const std::string& value : values) list.add_values()->set_string_value(value);
  return *this;
}

absl::Status Write(Ledger& ledger, absl::FunctionRef<absl::Status(Draft&)> build) {
  absl::Status built;
  const absl::Status written = ledger.Transact([&](Draft& draft) { return built = build(draft); }).status();
  // A race with other writers goes away; what the draft itself refuses (a plan that no longer holds) does not.
  if (absl::IsAborted(written) && built.ok()) return absl::UnavailableError(written.message());
  return written;
}

DeploymentName DeploymentOf(const ActionCall& call) {
  const std::string given = TextField(call.inputs, "deployment");
  return given.empty() ? call.deployment : DeploymentName(given);
}

Identity RunActor(const ActionCall& call) {
  return call.run.empty() && !call.started_by.empty() ? call.started_by : Identity("firebreak");
}

std::vector<std::string> ListField(const google::protobuf::Struct& inputs, const std::string& name) {
  std::vector<std::string> list;
  const google::protobuf::Value* value = FindField(inputs, name);
  if (value == nullptr) return list;
  for (const google::protobuf::Value& item : value->list_value().values()) list.push_back(item.string_value());
  return list;
}

absl::Status NeedIncident(const ActionCall& call) {
  if (!call.incident.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat(Cause(call), " belongs to no incident, so there is nothing to write to"));
}

absl::Status NeedApproval(const ActionCall& call, std::string_view action) {
  if (call.run.empty() || !call.approved_by.empty()) return absl::OkStatus();
  return WithNextStep(absl::FailedPreconditionError(StrCat(call.run.text(), ": ", action, " needs the approval of a person")),
                      "put an ask before it");
}

std::string Cause(const ActionCall& call) {
  return call.run.empty() ? StrCat(call.started_by.text(), " by hand") : call.run.text();
}

absl::StatusOr<std::optional<google::protobuf::Struct>> FindAnswer(Ledger& ledger, const EffectId& effect) {
  ASSIGN_OR_RETURN(std::optional<store::v1::EffectAnswer> answer, FindRecord(ledger.store(), keys::AnswerOfEffect(effect)));
  if (!answer) return std::optional<google::protobuf::Struct>();
  return std::optional<google::protobuf::Struct>(std::move(*answer->mutable_outputs()));
}

void PutAnswer(Draft& draft, const ActionCall& call, const std::string& action, const google::protobuf::Struct& outputs) {
  store::v1::EffectAnswer answer;
  answer.set_action(action);
  *answer.mutable_outputs() = outputs;
  draft.Put(keys::AnswerOfEffect(call.effect), answer);
}

v1::AuditEntry EntryOf(const ActionCall& call, std::string_view action, std::string_view summary) {
  v1::AuditEntry entry;
  entry.set_actor(RunActor(call).text());
  entry.set_action(std::string(action));
  entry.set_summary(std::string(CutText(summary, 480)));
  if (!call.incident.empty()) entry.add_subjects(StrCat("incident/", call.incident.text()));
  if (!call.run.empty()) entry.add_subjects(StrCat("run/", call.run.text()));
  (*entry.mutable_facts())["effect"] = call.effect.text();
  return entry;
}

}  // namespace firebreak
