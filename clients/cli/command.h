// How a subcommand is described to the parser and run afterwards: parsing only fills values; the chosen command runs once,
// after everything was understood.
#ifndef FIREBREAK_CLIENTS_CLI_COMMAND_H_
#define FIREBREAK_CLIENTS_CLI_COMMAND_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"

namespace firebreak::cli {

class Session;

// What the command line chose to do. Set by the parser's callback, run by main.
struct Chosen {
  std::function<absl::Status()> run;
};

// A group of commands ("snapshot") that shows its help when no command is named.
CLI::App* AddGroup(CLI::App& parent, const std::string& name, const std::string& about);

// Names the options every command takes at the end of its help.
void AddGlobalHint(CLI::App& command);

// A command whose `Options` live as long as the parser. `setup` declares options and arguments; `run` does the work.
template <typename Options>
CLI::App* AddCommand(CLI::App& parent, Chosen& chosen, const std::string& name, const std::string& about,
                     const std::function<void(CLI::App&, Options&)>& setup,
                     std::function<absl::Status(Session&, const Options&)> run, Session& session) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->fallthrough();
  AddGlobalHint(*command);
  auto options = std::make_shared<Options>();
  setup(*command, *options);
  command->callback([&chosen, &session, options, run = std::move(run)] {
    chosen.run = [&session, options, run] { return run(session, *options); };
  });
  return command;
}

// An option that may be given several times, one value each, so that it never swallows the argument behind it.
inline CLI::Option* AddRepeated(CLI::App& command, const std::string& name, std::vector<std::string>& values, const std::string& about) {
  return command.add_option(name, values, about)->allow_extra_args(false);
}

// Each group registers itself; main lists them in the order help shows them.
void AddSessionCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddAccessCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddSnapshotCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddTransferCommands(CLI::App& snapshot, Chosen& chosen, Session& session);
void AddSnapshotLineageCommand(CLI::App& snapshot, Chosen& chosen, Session& session);
void AddDiffCommand(CLI::App& snapshot, Chosen& chosen, Session& session);
void AddLineageCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddBomCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddInventoryCommand(CLI::App& app, Chosen& chosen, Session& session);
void AddDeletionCommands(CLI::App& snapshot, Chosen& chosen, Session& session);
void AddStoreCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddHoldCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddBackupCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddDeploymentCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddContainmentCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddIncidentCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddAlertCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddPlaybookCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddCacaoCommands(CLI::App& app, Chosen& chosen, Session& session);   // after AddPlaybookCommands
void AddActionCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddRunCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddReportCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddShareCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddAuditCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddOmsCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddSignatureCommands(CLI::App& snapshot, Chosen& chosen, Session& session);
void AddPolicyCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddSignerCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddCompletionCommand(CLI::App& app, Chosen& chosen, Session& session);

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_COMMAND_H_
