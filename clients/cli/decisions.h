// What every command that changes production shares: --reason, --dry-run, --wait, and how its decision is shown.
#ifndef FIREBREAK_CLIENTS_CLI_DECISIONS_H_
#define FIREBREAK_CLIENTS_CLI_DECISIONS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "clients/cli/session.h"
#include "firebreak/v1/fleet.pb.h"

namespace firebreak::cli {

struct Change {
  std::string reason;
  bool dry_run = false;
  bool wait = false;
  bool override_run = false;   // although a run has the deployment in its hands
};

void AddChangeOptions(CLI::App& command, Change& change);

// Shows the decision and, with --wait, stays until it is proved.
absl::Status ShowDecision(Session& session, const std::string& deployment, const google::protobuf::Message& answer,
                          const v1::IssuedDecision& issued, const Change& change);

template <typename Answer>
absl::Status FinishDecision(Session& session, const std::string& deployment, const Answer& answer, const Change& change) {
  return ShowDecision(session, deployment, answer, answer.decision(), change);
}

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_DECISIONS_H_
