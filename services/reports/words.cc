#include "services/reports/words.h"

#include "absl/strings/ascii.h"
#include "google/protobuf/descriptor.h"

namespace firebreak {

std::string EnumWord(const google::protobuf::EnumDescriptor* type, int value) {
  const google::protobuf::EnumValueDescriptor* found = type->FindValueByNumber(value);
  if (found == nullptr) return std::to_string(value);
  // Values are prefixed with their enum's name; the zero value's suffix tells how long that prefix is.
  constexpr std::string_view kZero = "UNSPECIFIED";
  const std::string& zero = type->FindValueByNumber(0)->name();
  std::string word = found->name().substr(zero.size() - kZero.size());
  absl::AsciiStrToLower(&word);
  for (char& c : word) {
    if (c == '_') c = ' ';
  }
  return word == "unspecified" ? "unknown" : word;
}

}  // namespace firebreak
