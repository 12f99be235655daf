// What was wrong with a command line, said so that the next try is right.
#ifndef FIREBREAK_CLIENTS_CLI_USAGE_H_
#define FIREBREAK_CLIENTS_CLI_USAGE_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace firebreak::cli {

// The lines for standard error: what is wrong, the nearest command or option, where help is. A group named without a
// command answers its help. `words` is the command line without the program's name.
std::string ExplainUsage(const CLI::App& app, const std::vector<std::string>& words, const CLI::ParseError& problem);

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_USAGE_H_
