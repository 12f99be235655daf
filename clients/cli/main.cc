// firebreak: the command line of on-call engineers, publishers and security leads.
#include <cstdio>
#include <string>
#include <vector>

#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"

namespace firebreak::cli {

CLI::App* AddGroup(CLI::App& parent, const std::string& name, const std::string& about) {
  CLI::App* group = parent.add_subcommand(name, about);
  group->require_subcommand(1);
  group->fallthrough();
  return group;
}

namespace {

void AddGlobalOptions(CLI::App& app, GlobalOptions& options) {
  app.add_option("--context", options.context, "Context to use instead of the current one ($FIREBREAK_CONTEXT)");
  app.add_option("--server", options.server, "host:port of the gRPC door ($FIREBREAK_SERVER)");
  app.add_option("--ca", options.ca_file, "CA certificate of the service ($FIREBREAK_CA)");
  app.add_option("--token-file", options.token_file, "File with the bearer token ($FIREBREAK_TOKEN_FILE)");
  app.add_option("-o,--output", options.output, "table or json")->capture_default_str();
  app.add_option("--timeout", options.timeout, "How long a command may wait for the service")->capture_default_str();
  app.add_flag("--no-color", options.no_color, "Plain output, as with NO_COLOR");
}

// The command nearest to a word nobody knows: "depoy" -> "deployment".
std::string NearestCommand(const CLI::App& app, int argc, char** argv) {
  const CLI::App* level = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.empty() || word[0] == '-') continue;
    std::vector<std::string> known;
    const CLI::App* next = nullptr;
    for (const CLI::App* command : level->get_subcommands([](const CLI::App*) { return true; })) {
      known.push_back(command->get_name());
      if (command->get_name() == word) next = command;
    }
    if (next == nullptr) return known.empty() ? "" : NearestName(word, known);
    level = next;
  }
  return "";
}

int Run(int argc, char** argv) {
  SystemClock clock;
  SystemRandom random;
  Session session(clock, random);
  Chosen chosen;
  CLI::App app("Firebreak: contain, roll back and prove it, for machine-learning models", "firebreak");
  app.require_subcommand(1);
  app.fallthrough();
  AddGlobalOptions(app, session.options());
  AddSessionCommands(app, chosen, session);
  AddSnapshotCommands(app, chosen, session);
  AddDeploymentCommands(app, chosen, session);
  AddContainmentCommands(app, chosen, session);
  AddIncidentCommands(app, chosen, session);
  AddAlertCommands(app, chosen, session);
  AddPlaybookCommands(app, chosen, session);
  AddRunCommands(app, chosen, session);
  AddReportCommands(app, chosen, session);
  AddShareCommands(app, chosen, session);
  AddAuditCommands(app, chosen, session);
  AddAccessCommands(app, chosen, session);
  AddCompletionCommand(app, chosen, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& problem) {
    const std::string near = NearestCommand(app, argc, argv);
    std::fprintf(stderr, "firebreak: %s%s\nRun with --help for usage.\n", problem.what(),
                 near.empty() ? "" : StrCat(" (did you mean ", near, "?)").c_str());
    return 2;
  }
  absl::Status status = session.Prepare();
  if (status.ok()) status = chosen.run();
  if (!status.ok()) {
    const std::string prefix = session.out().Paint("firebreak:", Tone::kBad);
    std::fprintf(stderr, "%s %s\n", prefix.c_str(), std::string(MessageOf(status)).c_str());
  }
  return ExitCode(status);
}

}  // namespace
}  // namespace firebreak::cli

int main(int argc, char** argv) { return firebreak::cli::Run(argc, argv); }
