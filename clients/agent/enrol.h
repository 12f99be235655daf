// Enrolment: a one-time join token buys a client certificate for a key that never leaves this host.
#ifndef FIREBREAK_CLIENTS_AGENT_ENROL_H_
#define FIREBREAK_CLIENTS_AGENT_ENROL_H_

#include <string>

#include "absl/status/statusor.h"
#include "clients/agent/config.h"
#include "firebreak/channel/control_port.h"
#include "firebreak/crypto/sign.h"

namespace firebreak {

// Makes the key (kept when there is one from an attempt that was cut), asks for the certificate, writes agent.key (0600),
// agent.crt, ca.pem, decision_key.pem and agent.yaml into config.folder; answers the finished config. `config` brings server,
// folder and hooks. kAlreadyExists when the folder belongs to an enrolled agent.
absl::StatusOr<AgentConfig> Enrol(ControlPort& control, const std::string& join_token, AgentConfig config);

struct AgentIdentity {
  std::string key_pem;
  std::string cert_pem;
  std::string ca_pem;
  std::string decision_key_pem;
};

// kNotFound says to enrol first.
absl::StatusOr<AgentIdentity> LoadIdentity(const std::string& folder);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_AGENT_ENROL_H_
