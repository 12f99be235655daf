#include "services/signing/members.h"

#include <algorithm>

#include "firebreak/base/json.h"
#include "firebreak/base/status.h"

namespace firebreak::oms {

absl::StatusOr<Members> Members::Of(std::string_view what, const Value& value) {
  if (!value.has_struct_value()) return absl::InvalidArgumentError(StrCat(what, ": not an object"));
  return Members(std::string(what), value.struct_value());
}

absl::Status Members::RefuseOthersThan(std::initializer_list<std::string_view> names) const {
  for (const auto& [name, value] : fields_->fields()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return absl::InvalidArgumentError(StrCat(what_, ": unknown member ", QuoteJson(name)));
    }
  }
  return absl::OkStatus();
}

const Value* Members::Find(std::string_view name) const {
  const auto found = fields_->fields().find(std::string(name));
  return found == fields_->fields().end() ? nullptr : &found->second;
}

absl::StatusOr<const Value*> Members::Load(std::string_view name) const {
  const Value* value = Find(name);
  if (value == nullptr) return absl::InvalidArgumentError(StrCat(what_, ": ", name, " is missing"));
  return value;
}

absl::StatusOr<std::string> Members::LoadString(std::string_view name) const {
  ASSIGN_OR_RETURN(const Value* value, Load(name));
  if (!value->has_string_value()) return absl::InvalidArgumentError(StrCat(what_, ": ", name, " is not a string"));
  return value->string_value();
}

absl::StatusOr<std::string> Members::FindString(std::string_view name) const {
  if (Find(name) == nullptr) return std::string();
  return LoadString(name);
}

absl::StatusOr<bool> Members::LoadBool(std::string_view name) const {
  ASSIGN_OR_RETURN(const Value* value, Load(name));
  if (!value->has_bool_value()) return absl::InvalidArgumentError(StrCat(what_, ": ", name, " is not true or false"));
  return value->bool_value();
}

absl::StatusOr<Members> Members::LoadObject(std::string_view name, std::string_view what) const {
  ASSIGN_OR_RETURN(const Value* value, Load(name));
  return Of(what, *value);
}

absl::StatusOr<const ListValue*> Members::LoadList(std::string_view name) const {
  ASSIGN_OR_RETURN(const Value* value, Load(name));
  if (!value->has_list_value()) return absl::InvalidArgumentError(StrCat(what_, ": ", name, " is not a list"));
  return &value->list_value();
}

}  // namespace firebreak::oms
