#include "clients/cli/names.h"

#include "absl/strings/str_join.h"
#include "clients/cli/output.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak::cli {

absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor* type, std::string_view what, std::string_view word) {
  std::vector<std::string> known;
  for (int i = 0; i < type->value_count(); ++i) {
    const int number = type->value(i)->number();
    if (number == 0) continue;
    known.push_back(ShortEnum(type, number));
    if (known.back() == word) return number;
  }
  const std::string near = NearestName(word, known);
  return absl::InvalidArgumentError(StrCat(what, " ", word, " does not exist", near.empty() ? "" : StrCat("; did you mean ", near),
                                           " (known: ", absl::StrJoin(known, ", "), ")"));
}

absl::StatusOr<std::pair<std::string, std::string>> ParsePair(std::string_view what, std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return absl::InvalidArgumentError(StrCat(what, " ", text, ": give name=value"));
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

absl::StatusOr<std::map<std::string, std::string>> ParsePairs(std::string_view what, const std::vector<std::string>& texts) {
  std::map<std::string, std::string> pairs;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(auto pair, ParsePair(what, text));
    if (!pairs.insert(pair).second) return absl::InvalidArgumentError(StrCat(what, " ", pair.first, " is given twice"));
  }
  return pairs;
}

}  // namespace firebreak::cli
