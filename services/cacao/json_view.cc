#include "services/cacao/json_view.h"

#include <algorithm>

#include "firebreak/base/text.h"

namespace firebreak {

using google::protobuf::Struct;
using google::protobuf::Value;

const Value* FindMember(const Struct& object, const std::string& name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? nullptr : &found->second;
}

std::string TextOf(const Struct& object, const std::string& name) {
  const Value* value = FindMember(object, name);
  return value == nullptr ? "" : value->string_value();
}

const Struct& ObjectOf(const Struct& object, const std::string& name) {
  const Value* value = FindMember(object, name);
  return value == nullptr ? Struct::default_instance() : value->struct_value();
}

std::vector<std::string> TextsOf(const Struct& object, const std::string& name) {
  std::vector<std::string> texts;
  const Value* value = FindMember(object, name);
  if (value == nullptr) return texts;
  for (const Value& item : value->list_value().values()) texts.push_back(item.string_value());
  return texts;
}

int64_t IntegerOf(const Struct& object, const std::string& name) {
  const Value* value = FindMember(object, name);
  if (value == nullptr || !(value->number_value() >= 0) || value->number_value() > 9e15) return 0;
  return static_cast<int64_t>(value->number_value());
}

std::vector<std::string> NamesOf(const Struct& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.fields()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

void PutText(Struct& object, const std::string& name, std::string_view text) {
  (*object.mutable_fields())[name].set_string_value(std::string(text));
}
void PutNumber(Struct& object, const std::string& name, double number) { (*object.mutable_fields())[name].set_number_value(number); }
void PutFlag(Struct& object, const std::string& name, bool flag) { (*object.mutable_fields())[name].set_bool_value(flag); }

void PutTexts(Struct& object, const std::string& name, const std::vector<std::string>& texts) {
  auto& list = *(*object.mutable_fields())[name].mutable_list_value();
  list.clear_values();
  for (const std::string& text : texts) list.add_values()->set_string_value(text);
}

Struct& PutObject(Struct& object, const std::string& name) { return *(*object.mutable_fields())[name].mutable_struct_value(); }

std::string Below(std::string_view pointer, std::string_view name) {
  std::string below = StrCat(pointer, "/");
  for (const char c : name) {
    if (c == '~') {
      below += "~0";
    } else if (c == '/') {
      below += "~1";
    } else {
      below.push_back(c);
    }
  }
  return below;
}

std::string Below(std::string_view pointer, int index) { return StrCat(pointer, "/", index); }

}  // namespace firebreak
