#include "clients/agent/config.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <functional>
#include <map>

#include "firebreak/base/ids.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr size_t kConfigBytesMax = 64 * 1024;

absl::Status Wrong(std::string_view path, const YAML::Node& node, std::string_view what) {
  return absl::InvalidArgumentError(StrCat(path, ":", node.Mark().line + 1, ": ", what));
}

using Setter = std::function<absl::Status(const std::string&)>;

Setter Text(std::string& target) {
  return [&target](const std::string& value) {
    target = value;
    return absl::OkStatus();
  };
}

Setter Length(absl::Duration& target) {
  return [&target](const std::string& value) -> absl::Status {
    if (!absl::ParseDuration(value, &target) || target <= absl::ZeroDuration()) {
      return absl::InvalidArgumentError(StrCat("\"", value, "\" is no duration like 30s or 5m"));
    }
    return absl::OkStatus();
  };
}

absl::Status ReadMap(std::string_view path, const YAML::Node& map, const std::map<std::string, Setter>& setters,
                     const std::map<std::string, std::function<absl::Status(const YAML::Node&)>>& nested) {
  if (!map.IsMap()) return Wrong(path, map, "expected keys and values");
  for (const auto& item : map) {
    const std::string key = item.first.Scalar();
    if (const auto inner = nested.find(key); inner != nested.end()) {
      RETURN_IF_ERROR(inner->second(item.second));
      continue;
    }
    const auto setter = setters.find(key);
    if (setter == setters.end()) return Wrong(path, item.first, StrCat("unknown key ", key));
    if (item.second.IsNull()) continue;
    if (!item.second.IsScalar()) return Wrong(path, item.second, StrCat(key, " takes one value"));
    const absl::Status set = setter->second(item.second.Scalar());
    if (!set.ok()) return Wrong(path, item.second, StrCat(key, ": ", MessageOf(set)));
  }
  return absl::OkStatus();
}

absl::Status Check(const AgentConfig& config, std::string_view path) {
  if (config.server.empty()) return absl::InvalidArgumentError(StrCat(path, ": server is required, host:port"));
  RETURN_IF_ERROR(Annotate(CheckName("deployment", config.deployment), path));
  RETURN_IF_ERROR(Annotate(CheckName("agent", config.agent), path));
  if (!config.safe_folder.empty() && !std::filesystem::path(config.safe_folder).is_absolute()) {
    return absl::InvalidArgumentError(StrCat(path, ": safe_folder must be an absolute path"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AgentConfig> ParseAgentConfig(std::string_view yaml, std::string_view path) {
  if (yaml.size() > kConfigBytesMax) return absl::InvalidArgumentError(StrCat(path, ": ", yaml.size(), " bytes are too many"));
  AgentConfig config;
  try {
    const YAML::Node root = YAML::Load(std::string(yaml));
    const std::map<std::string, Setter> hooks = {{"reload", Text(config.reload)},
                                                 {"probe", Text(config.probe)},
                                                 {"probe_contained", Text(config.probe_contained)},
                                                 {"timeout", Length(config.hook_timeout)}};
    RETURN_IF_ERROR(ReadMap(path, root,
                            {{"server", Text(config.server)},
                             {"folder", Text(config.folder)},
                             {"deployment", Text(config.deployment)},
                             {"agent", Text(config.agent)},
                             {"safe_folder", Text(config.safe_folder)},
                             {"prove_every", Length(config.prove_every)}},
                            {{"hooks", [&](const YAML::Node& node) { return ReadMap(path, node, hooks, {}); }}}));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(StrCat(path, ":", error.mark.line + 1, ": ", error.msg));
  }
  RETURN_IF_ERROR(Check(config, path));
  std::error_code ignored;
  if (config.folder.empty()) config.folder = std::filesystem::path(path).parent_path().string();
  config.folder = std::filesystem::absolute(config.folder, ignored).string();
  return config;
}

std::string PrintAgentConfig(const AgentConfig& config) {
  const auto quoted = [](const std::string& text) { return QuoteJson(text); };   // JSON strings are YAML strings
  return StrCat("# Written by firebreak-agent enrol. The hooks are yours: the control plane can never name a command.\n",
                "server: ", quoted(config.server), "\ndeployment: ", quoted(config.deployment), "\nagent: ",
                quoted(config.agent), "\nfolder: ", quoted(config.folder),
                "\nhooks:\n  # makes the model server take what `current` points to; $FIREBREAK_STATE is serving or contained\n",
                "  reload: ", quoted(config.reload), "\n  # fails unless the model answers as it should\n  probe: ",
                quoted(config.probe), "\n  # fails while the model still answers although it is contained\n  probe_contained: ",
                quoted(config.probe_contained), "\n  timeout: ", absl::FormatDuration(config.hook_timeout),
                "\n# what is served while contained, reachable as current/safe\nsafe_folder: ", quoted(config.safe_folder),
                "\nprove_every: ", absl::FormatDuration(config.prove_every), "\n");
}

}  // namespace firebreak
