// Words on the command line turned into values, with the nearest known word when one is wrong.
#ifndef FIREBREAK_CLIENTS_CLI_NAMES_H_
#define FIREBREAK_CLIENTS_CLI_NAMES_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"

namespace firebreak::cli {

// "security-lead" of enum Role -> its number; the zero value is never accepted.
absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor* type, std::string_view what, std::string_view word);

// "k=v" -> {k, v}; the value may hold '='.
absl::StatusOr<std::pair<std::string, std::string>> ParsePair(std::string_view what, std::string_view text);
absl::StatusOr<std::map<std::string, std::string>> ParsePairs(std::string_view what, const std::vector<std::string>& texts);

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_NAMES_H_
