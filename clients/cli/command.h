// How a subcommand is described to the parser and run afterwards: parsing only fills values; the chosen command runs once,
// after everything was understood.
#ifndef FIREBREAK_CLI_COMMAND_H_
#define FIREBREAK_CLI_COMMAND_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

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

// A command whose `Options` live as long as the parser. `setup` declares options and arguments; `run` does the work.
template <typename Options>
CLI::App* AddCommand(CLI::App& parent, Chosen& chosen, const std::string& name, const std::string& about,
                     const std::function<void(CLI::App&, Options&)>& setup,
                     std::function<absl::Status(Session&, const Options&)> run, Session& session) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->fallthrough();
  auto options = std::make_shared<Options>();
  setup(*command, *options);
  command->callback([&chosen, &session, options, run = std::move(run)] {
    chosen.run = [&session, options, run] { return run(session, *options); };
  });
  return command;
}

// Each group registers itself; main lists them in the order help shows them.
void AddSessionCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddAccessCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddSnapshotCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddTransferCommands(CLI::App& snapshot, Chosen& chosen, Session& session);
void AddDeploymentCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddContainmentCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddIncidentCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddAlertCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddPlaybookCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddRunCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddReportCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddShareCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddAuditCommands(CLI::App& app, Chosen& chosen, Session& session);
void AddCompletionCommand(CLI::App& app, Chosen& chosen, Session& session);

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLI_COMMAND_H_
