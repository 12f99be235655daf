// firebreakd: the service. `firebreakd help` says what it does.

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "firebreak/base/process.h"
#include "firebreak/base/status.h"
#include "services/firebreakd/arguments.h"
#include "services/firebreakd/init.h"
#include "services/firebreakd/serve.h"
#include "services/firebreakd/upkeep_files.h"

// jemalloc reads this before main. One arena for each processor, not the four it would take: each keeps buffers for chunks that
// came and went, and megabytes that one thread gave back serve the next at once instead of being mapped anew. Threads keep only
// small things to themselves: a hundred of them with a few chunk-sized ones each are a hundred megabytes that serve nobody.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "percpu_arena:percpu,dirty_decay_ms:1000,tcache_max:4096";
}

namespace firebreak {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr rlim_t kOpenFilesWanted = 65'536;

constexpr std::string_view kHelp =
    "firebreakd: the Firebreak service\n"
    "\n"
    "  firebreakd init --data DIR [--host NAME]... [--name NAME] [--listen-grpc ADDR:PORT] [--listen-http ADDR:PORT]\n"
    "                  [--http-tls on|off] [--playbooks DIR]\n"
    "      makes a data folder: certificate authority, keys, first admin token, settings, playbooks\n"
    "  firebreakd run --data DIR [--listen-grpc ADDR:PORT] [--listen-http ADDR:PORT] [--http-tls on|off]\n"
    "                 [--playbooks DIR] [--log-format human|json] [--log-level debug|info|warning|error]\n"
    "      serves from it until SIGTERM or SIGINT; port 0 takes a free port, addresses are in DIR/run/addresses.json\n"
    "  firebreakd check --data DIR [--output table|json]\n"
    "      reads everything in the folder of a stopped service; exit code 1 when something is wrong\n"
    "  firebreakd accept-rollback --data DIR --reason TEXT [--by NAME]\n"
    "      goes on with records that are older than a checkpoint seen outside, and writes that decision down\n"
    "  firebreakd version\n"
    "  firebreakd help\n";

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "firebreakd: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

// Beside the binary when installed or packed, in the source tree otherwise.
std::string FindPlaybooks() {
  std::error_code error;
  std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const std::filesystem::path& folder : {here / "playbooks", here / ".." / "share" / "firebreak" / "playbooks",
                                              std::filesystem::path(FIREBREAK_RUNBOOKS)}) {
    if (std::filesystem::is_directory(folder, error)) return folder.lexically_normal().string();
  }
  return FIREBREAK_RUNBOOKS;
}

int Init(const Arguments& arguments) {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Log> log = Log::ToStderr(LogFormat::kHuman, LogLevel::kWarning);
  InitWish wish;
  wish.data = arguments.data;
  wish.hosts = arguments.hosts;
  absl::Status applied = arguments.ApplyTo(wish.config);
  if (!applied.ok()) return Fail(applied);
  if (arguments.name.empty() && !wish.hosts.empty()) wish.config.name = wish.hosts.front();
  wish.playbooks = wish.config.playbooks.empty() ? FindPlaybooks() : wish.config.playbooks;
  wish.config.playbooks.clear();  // copied; the copies are what counts
  absl::StatusOr<std::string> made = InitDataFolder(wish, clock, random, *log);
  if (!made.ok()) return Fail(Annotate(made.status(), "init"));
  std::fputs(made->c_str(), stdout);
  return EXIT_SUCCESS;
}

// Every connection is an open file, and so is every table of the store: guests must not use up what it needs.
void RaiseFileLimit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, kOpenFilesWanted);
  setrlimit(RLIMIT_NOFILE, &files);   // fails only if the limit is what it was
}

int Run(const Arguments& arguments) {
  RaiseFileLimit();
  // Before any thread: all of them inherit the mask, and this one waits for the signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  ServeWish wish;
  wish.folder.root = std::filesystem::absolute(arguments.data).lexically_normal().string();
  absl::StatusOr<Config> config = LoadConfig(wish.folder);
  if (!config.ok()) return Fail(config.status());
  wish.config = *config;
  absl::Status applied = arguments.ApplyTo(wish.config);
  if (!applied.ok()) return Fail(applied);
  wish.announce = [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  };
  wish.await_stop = [&signals] {
    int received = 0;
    sigwait(&signals, &received);
  };
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Log> log = Log::ToStderr(wish.config.log_format, wish.config.log_level);
  const char* armed = std::getenv("FIREBREAK_CRASH_AT");  // tests kill the process at a named point
  CrashPoints crash_points(armed != nullptr ? armed : "");
  absl::Status served = Serve(wish, clock, random, *log, crash_points);
  if (!served.ok()) return Fail(Annotate(served, "run"));
  return EXIT_SUCCESS;
}

int Check(const Arguments& arguments) {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Log> log = Log::ToStderr(LogFormat::kHuman, LogLevel::kError);
  if (!arguments.output.empty() && arguments.output != "json" && arguments.output != "table") {
    return Fail(absl::InvalidArgumentError(StrCat("--output: ", arguments.output, " is neither table nor json")));
  }
  absl::StatusOr<uint64_t> findings = CheckDataFolder({arguments.data}, clock, random, *log, arguments.output == "json");
  if (!findings.ok()) return Fail(Annotate(findings.status(), "check"));
  return *findings == 0 ? EXIT_SUCCESS : kExitFailed;
}

int Accept(const Arguments& arguments) {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Log> log = Log::ToStderr(LogFormat::kHuman, LogLevel::kError);
  const std::string actor = arguments.by.empty() ? "operator" : arguments.by;
  absl::Status accepted = CheckName("--by", actor);
  if (accepted.ok()) accepted = AcceptRollback({arguments.data}, actor, arguments.reason, clock, random, *log);
  if (!accepted.ok()) return Fail(Annotate(accepted, "accept-rollback"));
  std::puts("accepted; the decision is in the audit log (next: firebreakd run)");
  return EXIT_SUCCESS;
}

int Main(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "help" || words[0] == "--help" || words[0] == "-h") {
    std::fputs(std::string(kHelp).c_str(), words.empty() ? stderr : stdout);
    return words.empty() ? kExitUsage : EXIT_SUCCESS;
  }
  if (words[0] == "version" || words[0] == "--version") {
    std::puts("firebreakd " FIREBREAK_VERSION);
    return EXIT_SUCCESS;
  }
  const std::map<std::string, int (*)(const Arguments&)> commands = {
      {"init", Init}, {"run", Run}, {"check", Check}, {"accept-rollback", Accept}};
  const auto command = commands.find(words[0]);
  if (command == commands.end()) {
    return Fail(absl::InvalidArgumentError(StrCat(words[0], " is not a command (next: firebreakd help)")));
  }
  absl::StatusOr<Arguments> arguments = ParseArguments({words.begin() + 1, words.end()});
  if (!arguments.ok()) return Fail(arguments.status());
  return command->second(*arguments);
}

}  // namespace
}  // namespace firebreak

int main(int argc, char** argv) {
  firebreak::PrepareProcess();
  return firebreak::Main({argv + 1, argv + argc});
}
