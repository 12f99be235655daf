// Commands on playbook files that need no service, registered under `playbook`.
#ifndef FIREBREAK_CLIENTS_CLI_PLAYBOOK_FILES_H_
#define FIREBREAK_CLIENTS_CLI_PLAYBOOK_FILES_H_

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "clients/cli/command.h"

namespace firebreak::cli {

void AddPlaybookAuthorCommands(CLI::App& playbook, Chosen& chosen, Session& session);  // lint, new, graph, schema
void AddPlaybookTestCommand(CLI::App& playbook, Chosen& chosen, Session& session);

// Replaces what is there.
absl::Status WriteTextFile(const std::filesystem::path& path, const std::string& text);

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_PLAYBOOK_FILES_H_
