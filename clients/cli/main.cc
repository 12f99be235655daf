// firebreak: the command line of on-call engineers, publishers and security leads.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "clients/cli/usage.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/process.h"
#include "firebreak/base/text.h"
#include "google/protobuf/stubs/logging.h"

namespace firebreak::cli {

CLI::App* AddGroup(CLI::App& parent, const std::string& name, const std::string& about) {
  CLI::App* group = parent.add_subcommand(name, about);
  group->require_subcommand(1);
  group->fallthrough();
  return group;
}

void AddGlobalHint(CLI::App& command) {
  command.footer("Also here: --context, --server, --ca, --token-file, -o json, --timeout, --no-color (firebreak --help).");
}

namespace {

constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;

// Ends at once: every call of the service is safe to repeat, and files appear whole or not at all.
void EndInterrupted(int) {
  const char line_end = '\n';
  const ssize_t ignored = ::write(STDERR_FILENO, &line_end, 1);
  static_cast<void>(ignored);
  ::_exit(kExitInterrupted);
}

// Libraries below talk to standard error by themselves; what matters of it is in the Status they return.
void SilenceLibraries() {
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  google::protobuf::SetLogHandler(nullptr);
}

void AddGlobalOptions(CLI::App& app, GlobalOptions& options) {
  app.add_option("--context", options.context, "Context to use instead of the current one ($FIREBREAK_CONTEXT)");
  app.add_option("--server", options.server, "host:port of the gRPC door ($FIREBREAK_SERVER)");
  app.add_option("--ca", options.ca_file, "CA certificate of the service ($FIREBREAK_CA)");
  app.add_option("--token-file", options.token_file, "File with the bearer token ($FIREBREAK_TOKEN_FILE)");
  app.add_option("-o,--output", options.output, "table or json")->capture_default_str();
  app.add_option("--timeout", options.timeout, "How long a command may wait for the service")->capture_default_str();
  app.add_flag("--no-color", options.no_color, "Plain output, as with NO_COLOR");
}

void AddCommands(CLI::App& app, Chosen& chosen, Session& session) {
  AddSessionCommands(app, chosen, session);
  AddSnapshotCommands(app, chosen, session);
  AddLineageCommands(app, chosen, session);
  AddInventoryCommand(app, chosen, session);
  AddBomCommands(app, chosen, session);
  AddDeploymentCommands(app, chosen, session);
  AddContainmentCommands(app, chosen, session);
  AddIncidentCommands(app, chosen, session);
  AddAlertCommands(app, chosen, session);
  AddPlaybookCommands(app, chosen, session);
  AddCacaoCommands(app, chosen, session);
  AddActionCommands(app, chosen, session);
  AddRunCommands(app, chosen, session);
  AddReportCommands(app, chosen, session);
  AddShareCommands(app, chosen, session);
  AddAuditCommands(app, chosen, session);
  AddHoldCommands(app, chosen, session);
  AddStoreCommands(app, chosen, session);
  AddBackupCommands(app, chosen, session);
  AddAccessCommands(app, chosen, session);
  AddSignerCommands(app, chosen, session);
  AddPolicyCommands(app, chosen, session);
  AddOmsCommands(app, chosen, session);
  AddCompletionCommand(app, chosen, session);
}

int Run(const std::vector<std::string>& words) {
  SystemClock clock;
  SystemRandom random;
  Session session(clock, random);
  Chosen chosen;
  CLI::App app("Firebreak: contain, roll back and prove it, for machine-learning models", "firebreak");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "firebreak " FIREBREAK_VERSION, "As the command version");
  AddGlobalOptions(app, session.options());
  AddCommands(app, chosen, session);
  for (const std::string& word : words) {
    if (IsValidUtf8(word)) continue;
    std::fputs("firebreak: an argument is not UTF-8 text\n", stderr);
    return kExitUsage;
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& problem) {
    std::fputs(ExplainUsage(app, words, problem).c_str(), stderr);
    return kExitUsage;
  }
  absl::Status status = session.Prepare();
  if (status.ok()) status = chosen.run();
  if (!status.ok()) session.out().Notice(StrCat("firebreak: ", MessageOf(status)), Tone::kBad);
  if (status.ok() && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
    std::fputs("firebreak: standard output could not be written\n", stderr);
    return 1;
  }
  return ExitCode(status);
}

}  // namespace
}  // namespace firebreak::cli

int main(int argc, char** argv) {
  firebreak::PrepareProcess();
  std::signal(SIGINT, firebreak::cli::EndInterrupted);
  firebreak::cli::SilenceLibraries();
  return firebreak::cli::Run(std::vector<std::string>(argv + 1, argv + argc));
}
