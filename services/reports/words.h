// Enum values as words for people: RUN_STATE_SUCCEEDED -> "succeeded".
#ifndef FIREBREAK_SERVICES_REPORTS_WORDS_H_
#define FIREBREAK_SERVICES_REPORTS_WORDS_H_

#include <string>

#include "google/protobuf/generated_enum_reflection.h"

namespace firebreak {

std::string EnumWord(const google::protobuf::EnumDescriptor* type, int value);

template <typename Enum>
std::string Word(Enum value) {
  return EnumWord(google::protobuf::GetEnumDescriptor<Enum>(), value);
}

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_REPORTS_WORDS_H_
