// agent.yaml: what an operator tells the agent of this host.
//   server: firebreak.example:7443      deployment: fraud-prod      agent: web-1      folder: /var/lib/firebreak-agent
//   hooks: {reload: "systemctl reload model", probe: "curl -fsS localhost:8080/health", probe_contained: "", timeout: 30s}
//   safe_folder: /srv/safe-answers      prove_every: 5m
#ifndef FIREBREAK_CLIENTS_AGENT_CONFIG_H_
#define FIREBREAK_CLIENTS_AGENT_CONFIG_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace firebreak {

struct AgentConfig {
  std::string server;
  std::string folder;             // default: where agent.yaml lies
  std::string deployment;
  std::string agent;
  std::string reload;
  std::string probe;
  std::string probe_contained;
  absl::Duration hook_timeout = absl::Seconds(30);
  std::string safe_folder;
  absl::Duration prove_every = absl::Minutes(5);
};

// kInvalidArgument names the line and the key; unknown keys are refused, so that a typing mistake never goes unseen.
// `path` is for messages and the default folder.
absl::StatusOr<AgentConfig> ParseAgentConfig(std::string_view yaml, std::string_view path);
std::string PrintAgentConfig(const AgentConfig& config);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_AGENT_CONFIG_H_
