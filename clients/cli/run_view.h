// How a run is shown to people: as lines, and live.
#ifndef FIREBREAK_CLIENTS_CLI_RUN_VIEW_H_
#define FIREBREAK_CLIENTS_CLI_RUN_VIEW_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/cli/command.h"
#include "clients/cli/output.h"
#include "firebreak/v1/run.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak::cli {

class Session;

// The run and the tree of its steps, as far as it has got.
std::vector<std::string> RunLines(const Output& out, const v1::PlaybookRun& run);

// An answer that holds a run: JSON, or its lines.
absl::Status PrintRunAnswer(Session& session, const google::protobuf::Message& answer, const v1::PlaybookRun& run);

// name=value pairs as a playbook's inputs.
absl::StatusOr<google::protobuf::Struct> ParseInputs(const std::vector<std::string>& pairs);

// Follows a run to its end, through restarts of the service. On a terminal the tree is drawn in place; elsewhere every change is a
// line. OK when the run succeeded.
absl::Status WatchRun(Session& session, const std::string& run);

// plan, pause, continue, resume.
void AddRunControlCommands(CLI::App& run, Chosen& chosen, Session& session);

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_RUN_VIEW_H_
