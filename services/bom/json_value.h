// Short words for building JSON values: members in the order of their names, absent when empty.
#ifndef FIREBREAK_SERVICES_BOM_JSON_VALUE_H_
#define FIREBREAK_SERVICES_BOM_JSON_VALUE_H_

#include <string>
#include <string_view>
#include <utility>

#include "google/protobuf/struct.pb.h"

namespace firebreak {

class JsonObject {
 public:
  JsonObject& Text(std::string_view name, std::string_view value) {
    (*object_.mutable_fields())[std::string(name)].set_string_value(std::string(value));
    return *this;
  }
  JsonObject& TextUnlessEmpty(std::string_view name, std::string_view value) { return value.empty() ? *this : Text(name, value); }
  JsonObject& Number(std::string_view name, double value) {
    (*object_.mutable_fields())[std::string(name)].set_number_value(value);
    return *this;
  }
  JsonObject& Object(std::string_view name, JsonObject value) {
    *(*object_.mutable_fields())[std::string(name)].mutable_struct_value() = std::move(value.object_);
    return *this;
  }
  JsonObject& ObjectUnlessEmpty(std::string_view name, JsonObject value) {
    return value.object_.fields().empty() ? *this : Object(name, std::move(value));
  }
  JsonObject& List(std::string_view name, google::protobuf::ListValue value) {
    *(*object_.mutable_fields())[std::string(name)].mutable_list_value() = std::move(value);
    return *this;
  }
  JsonObject& ListUnlessEmpty(std::string_view name, google::protobuf::ListValue value) {
    return value.values().empty() ? *this : List(name, std::move(value));
  }
  const google::protobuf::Struct& object() const { return object_; }

 private:
  google::protobuf::Struct object_;
};

inline void Append(google::protobuf::ListValue& list, const JsonObject& value) {
  *list.add_values()->mutable_struct_value() = value.object();
}
inline void Append(google::protobuf::ListValue& list, std::string_view text) {
  list.add_values()->set_string_value(std::string(text));
}

// CycloneDX properties: [{"name", "value"}].
class Properties {
 public:
  Properties& Add(std::string_view name, std::string_view value) {
    Append(list_, JsonObject().Text("name", name).Text("value", value));
    return *this;
  }
  google::protobuf::ListValue list() const { return list_; }

 private:
  google::protobuf::ListValue list_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_BOM_JSON_VALUE_H_
