#include "services/actions/fields.h"

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

absl::Status Write(Ledger& ledger, absl::FunctionRef<absl::Status(Draft&)> build) { return ledger.Transact(build).status(); }

DeploymentName DeploymentOf(const ActionCall& call) {
  const std::string given = TextField(call.inputs, "deployment");
  return given.empty() ? call.deployment : DeploymentName(given);
}

Identity RunActor(const ActionCall&) { return Identity("firebreak"); }

}  // namespace firebreak
