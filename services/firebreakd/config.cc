#include "services/firebreakd/config.h"

#include <yaml-cpp/yaml.h>

#include "firebreak/base/json.h"
#include "firebreak/base/status.h"

namespace firebreak {
namespace {

constexpr size_t kConfigBytesMax = size_t{64} << 10;

absl::Status SetLogFormat(std::string_view text, Config& config) {
  if (text != "human" && text != "json") {
    return absl::InvalidArgumentError(StrCat("log_format: ", text, " is neither human nor json"));
  }
  config.log_format = text == "json" ? LogFormat::kJsonLines : LogFormat::kHuman;
  return absl::OkStatus();
}

absl::Status SetLogLevel(std::string_view text, Config& config) {
  if (text == "debug") {
    config.log_level = LogLevel::kDebug;
  } else if (text == "info") {
    config.log_level = LogLevel::kInfo;
  } else if (text == "warning") {
    config.log_level = LogLevel::kWarning;
  } else if (text == "error") {
    config.log_level = LogLevel::kError;
  } else {
    return absl::InvalidArgumentError(StrCat("log_level: ", text, " is none of debug, info, warning, error"));
  }
  return absl::OkStatus();
}

absl::Status SetKey(const std::string& key, const std::string& value, Config& config) {
  if (key == "name") {
    config.name = value;
  } else if (key == "listen_grpc") {
    config.listen_grpc = value;
  } else if (key == "listen_http") {
    config.listen_http = value;
  } else if (key == "http_tls") {
    ASSIGN_OR_RETURN(config.http_tls, ParseOnOff(key, value));
  } else if (key == "playbooks") {
    config.playbooks = value;
  } else if (key == "log_format") {
    return SetLogFormat(value, config);
  } else if (key == "log_level") {
    return SetLogLevel(value, config);
  } else {
    return absl::InvalidArgumentError(StrCat(
        key, ": is not a setting (known: name, listen_grpc, listen_http, http_tls, playbooks, log_format, log_level)"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<bool> ParseOnOff(std::string_view what, std::string_view text) {
  if (text == "on" || text == "true") return true;
  if (text == "off" || text == "false") return false;
  return absl::InvalidArgumentError(StrCat(what, ": ", text, " is neither on nor off"));
}

absl::StatusOr<Config> ParseConfig(std::string_view yaml) {
  Config config;
  if (yaml.size() > kConfigBytesMax) return absl::InvalidArgumentError("config is larger than 64 KiB");
  try {
    YAML::Node root = YAML::Load(std::string(yaml));
    if (root.IsNull()) return config;
    if (!root.IsMap()) return absl::InvalidArgumentError("config is not a list of `key: value` lines");
    for (const auto& entry : root) {
      std::string at = StrCat("line ", entry.first.Mark().line + 1);
      if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
        return absl::InvalidArgumentError(StrCat(at, ": is not `key: value`"));
      }
      RETURN_IF_ERROR(Annotate(SetKey(entry.first.Scalar(), entry.second.Scalar(), config), at));
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(StrCat("line ", error.mark.line + 1, ": ", error.msg));
  }
  return config;
}

std::string PrintConfig(const Config& config) {
  return StrCat(
      "# Settings of this Firebreak. Flags of `firebreakd run` come on top; changes count at the next start.\n"
      "\n"
      "# Name of this installation; part of the audit log's origin, so do not change it later.\n"
      "name: ",
      QuoteJson(config.name),
      "\n"
      "\n"
      "# Where the CLI and the agents connect (gRPC, TLS).\n"
      "listen_grpc: ",
      QuoteJson(config.listen_grpc),
      "\n"
      "# Where monitors, browsers and curl connect (HTTP). http_tls: off is for loopback addresses only.\n"
      "listen_http: ",
      QuoteJson(config.listen_http),
      "\n"
      "http_tls: ",
      config.http_tls ? "on" : "off",
      "\n"
      "\n"
      "# Playbooks loaded at every start; without this line those in playbooks/ beside this file.\n"
      "# playbooks: /etc/firebreak/playbooks\n"
      "\n"
      "log_format: human   # or json\n"
      "log_level: info     # debug, info, warning, error\n");
}

}  // namespace firebreak
