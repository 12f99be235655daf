#include "services/firebreakd/arguments.h"

#include <map>
#include <utility>

#include "firebreak/base/json.h"
#include "firebreak/base/status.h"

namespace firebreak {

absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& words) {
  Arguments arguments;
  const std::map<std::string, std::string*> flags = {
      {"--data", &arguments.data},
      {"--name", &arguments.name},
      {"--listen-grpc", &arguments.listen_grpc},
      {"--listen-http", &arguments.listen_http},
      {"--http-tls", &arguments.http_tls},
      {"--playbooks", &arguments.playbooks},
      {"--log-format", &arguments.log_format},
      {"--log-level", &arguments.log_level},
      {"--reason", &arguments.reason},
      {"--by", &arguments.by},
      {"--output", &arguments.output},
  };
  for (size_t i = 0; i < words.size(); ++i) {
    std::string flag = words[i].substr(0, words[i].find('='));
    auto known = flags.find(flag);
    if (known == flags.end() && flag != "--host") {
      return absl::InvalidArgumentError(StrCat(words[i], " is not a flag (next: firebreakd help)"));
    }
    std::string value;
    if (flag.size() < words[i].size()) {
      value = words[i].substr(flag.size() + 1);
    } else if (i + 1 < words.size()) {
      value = words[++i];
    }
    if (value.empty()) return absl::InvalidArgumentError(StrCat(flag, " needs a value"));
    if (flag == "--host") {
      arguments.hosts.push_back(std::move(value));
    } else {
      *known->second = std::move(value);
    }
  }
  if (arguments.data.empty()) return absl::InvalidArgumentError("--data DIR is needed");
  return arguments;
}

absl::Status Arguments::ApplyTo(Config& config) const {
  if (!name.empty()) config.name = name;
  if (!listen_grpc.empty()) config.listen_grpc = listen_grpc;
  if (!listen_http.empty()) config.listen_http = listen_http;
  if (!playbooks.empty()) config.playbooks = playbooks;
  if (!http_tls.empty()) {
    ASSIGN_OR_RETURN(config.http_tls, ParseOnOff("--http-tls", http_tls));
  }
  std::string yaml;
  if (!log_format.empty()) StrAppend(&yaml, "log_format: ", QuoteJson(log_format), "\n");
  if (!log_level.empty()) StrAppend(&yaml, "log_level: ", QuoteJson(log_level), "\n");
  ASSIGN_OR_RETURN(Config log, ParseConfig(yaml));
  if (!log_format.empty()) config.log_format = log.log_format;
  if (!log_level.empty()) config.log_level = log.log_level;
  return absl::OkStatus();
}

}  // namespace firebreak
