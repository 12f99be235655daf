// Small looks into JSON objects, and RFC 6901 pointers.
#ifndef FIREBREAK_SERVICES_CACAO_JSON_VIEW_H_
#define FIREBREAK_SERVICES_CACAO_JSON_VIEW_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/struct.pb.h"

namespace firebreak {

const google::protobuf::Value* FindMember(const google::protobuf::Struct& object, const std::string& name);
// Empty when absent or no text.
std::string TextOf(const google::protobuf::Struct& object, const std::string& name);
// An empty object when absent or no object.
const google::protobuf::Struct& ObjectOf(const google::protobuf::Struct& object, const std::string& name);
std::vector<std::string> TextsOf(const google::protobuf::Struct& object, const std::string& name);
int64_t IntegerOf(const google::protobuf::Struct& object, const std::string& name);   // 0 when absent
// Names in order: the map of a Struct has none.
std::vector<std::string> NamesOf(const google::protobuf::Struct& object);

void PutText(google::protobuf::Struct& object, const std::string& name, std::string_view text);
void PutNumber(google::protobuf::Struct& object, const std::string& name, double number);
void PutFlag(google::protobuf::Struct& object, const std::string& name, bool flag);
void PutTexts(google::protobuf::Struct& object, const std::string& name, const std::vector<std::string>& texts);
google::protobuf::Struct& PutObject(google::protobuf::Struct& object, const std::string& name);   // the one there, or a new one

// pointer + "/" + name with ~ and / escaped.
std::string Below(std::string_view pointer, std::string_view name);
std::string Below(std::string_view pointer, int index);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_JSON_VIEW_H_
