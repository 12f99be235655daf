#include "services/firebreakd/config.h"

#include <yaml-cpp/yaml.h>

#include "absl/strings/numbers.h"
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

absl::StatusOr<absl::Duration> ParsePeriod(std::string_view what, const std::string& text) {
  absl::Duration period;
  if (text == "off") return absl::ZeroDuration();
  if (!absl::ParseDuration(text, &period) || period < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(StrCat(what, ": ", text, " is no duration (next: off, 30m, 24h)"));
  }
  return period;
}

// 16777216, 512K, 16M, 1G
absl::StatusOr<uint64_t> ParseBytes(std::string_view what, const std::string& text) {
  const size_t unit = text.find_first_not_of("0123456789");
  const std::string_view suffix = unit == std::string::npos ? std::string_view() : std::string_view(text).substr(unit);
  constexpr std::string_view kUnits = "KMG";
  const size_t power = suffix.empty() ? 0 : kUnits.find(suffix[0]) + 1;
  uint64_t number = 0;
  if (text == "off") return uint64_t{0};
  if (suffix.size() > 1 || (!suffix.empty() && power == 0) || !absl::SimpleAtoi(text.substr(0, unit), &number) || number >> 32 != 0) {
    return absl::InvalidArgumentError(StrCat(what, ": ", text, " is no number of bytes (next: off, 512K, 16M, 1G)"));
  }
  return number << (10 * power);
}

// Settings of upkeep; false: `key` is none of them.
absl::StatusOr<bool> SetUpkeepKey(const std::string& key, const std::string& value, Config& config) {
  if (key == "backup_folder") {
    config.backup_folder = value;
  } else if (key == "witness") {
    config.witness = value;
  } else if (key == "gc_every") {
    ASSIGN_OR_RETURN(config.gc_every, ParsePeriod(key, value));
  } else if (key == "scrub_every") {
    ASSIGN_OR_RETURN(config.scrub_every, ParsePeriod(key, value));
  } else if (key == "scrub_rate") {
    ASSIGN_OR_RETURN(config.scrub_rate, ParseBytes(key, value));
  } else {
    return false;
  }
  return true;
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
    ASSIGN_OR_RETURN(const bool known, SetUpkeepKey(key, value, config));
    if (known) return absl::OkStatus();
    return absl::InvalidArgumentError(
        StrCat(key, ": is not a setting (known: name, listen_grpc, listen_http, http_tls, playbooks, log_format, log_level, "
                    "backup_folder, witness, gc_every, scrub_every, scrub_rate)"));
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
      "log_level: info     # debug, info, warning, error\n"
      "\n"
      "# Where firebreak backup create writes: another disk. Without this line this service makes no backups.\n"
      "# backup_folder: /mnt/backups/firebreak\n"
      "# A second place for the newest signed checkpoint of the audit log, best on another machine's disk: records that are put\n"
      "# back to an older state are then noticed even when this whole folder was.\n"
      "# witness: /mnt/other/firebreak.witness\n"
      "# Collect garbage by itself (off, 24h); read every chunk again so often, at this many bytes a second (off, 16M).\n"
      "gc_every: off\n"
      "scrub_every: 24h\n"
      "scrub_rate: 16M\n");
}

}  // namespace firebreak
