// The flags of firebreakd's commands.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_ARGUMENTS_H_
#define FIREBREAK_SERVICES_FIREBREAKD_ARGUMENTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/firebreakd/config.h"

namespace firebreak {

// Empty: the flag was not given.
struct Arguments {
  std::string data;
  std::vector<std::string> hosts;
  std::string name;
  std::string listen_grpc;
  std::string listen_http;
  std::string http_tls;
  std::string playbooks;
  std::string log_format;
  std::string log_level;
  std::string reason;   // of accept-rollback
  std::string by;       // who accepts
  std::string output;   // of check: table or json

  // Flags come on top of the settings, by the same rules.
  absl::Status ApplyTo(Config& config) const;
};

// `words` after the command: --flag value or --flag=value. kInvalidArgument for anything unknown and when --data is
// missing.
absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& words);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_ARGUMENTS_H_
