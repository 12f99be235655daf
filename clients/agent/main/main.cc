// firebreak-agent: enrol, run, status. The only place of the agent that names real engines.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <map>
#include <thread>

#include "clients/agent/agent_loop.h"
#include "clients/agent/config.h"
#include "clients/agent/enrol.h"
#include "clients/agent/folder.h"
#include "clients/agent/main/snapshots.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/channel/channel.h"
#include "firebreak/channel/snapshot_port.h"

namespace firebreak {
namespace {

constexpr char kUsage[] =
    "firebreak-agent: keeps one host at its deployment's newest decision\n\n"
    "  firebreak-agent enrol --server HOST:PORT --ca CA.pem --join-token-file FILE --folder DIR\n"
    "                        [--reload CMD] [--probe CMD] [--probe-contained CMD] [--safe-folder DIR]\n"
    "  firebreak-agent run    --config DIR/agent.yaml [--log-format human|json]\n"
    "  firebreak-agent status --config DIR/agent.yaml\n"
    "  firebreak-agent version\n";

using Flags = std::map<std::string, std::string>;

absl::StatusOr<Flags> ParseFlags(int argc, char** argv, const std::vector<std::string>& known) {
  Flags flags;
  for (int i = 2; i < argc; ++i) {
    std::string name = argv[i];
    std::string value;
    if (const size_t equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    } else {
      return absl::InvalidArgumentError(StrCat(name, " needs a value"));
    }
    if (!name.starts_with("--") || std::find(known.begin(), known.end(), name.substr(2)) == known.end()) {
      return absl::InvalidArgumentError(StrCat("unknown option ", name));
    }
    flags[name.substr(2)] = value;
  }
  return flags;
}

absl::StatusOr<std::string> Required(const Flags& flags, const std::string& name) {
  const auto found = flags.find(name);
  if (found == flags.end() || found->second.empty()) return absl::InvalidArgumentError(StrCat("--", name, " is required"));
  return found->second;
}

std::string Optional(const Flags& flags, const std::string& name) {
  const auto found = flags.find(name);
  return found == flags.end() ? std::string() : found->second;
}

absl::StatusOr<AgentConfig> ReadConfig(const Flags& flags) {
  ASSIGN_OR_RETURN(const std::string path, Required(flags, "config"));
  ASSIGN_OR_RETURN(const std::string yaml, ReadWholeFile(path));
  return ParseAgentConfig(yaml, std::filesystem::absolute(path).string());
}

absl::Status EnrolCommand(const Flags& flags) {
  AgentConfig config;
  ASSIGN_OR_RETURN(config.server, Required(flags, "server"));
  ASSIGN_OR_RETURN(const std::string folder, Required(flags, "folder"));
  config.folder = std::filesystem::absolute(folder).string();
  config.reload = Optional(flags, "reload");
  config.probe = Optional(flags, "probe");
  config.probe_contained = Optional(flags, "probe-contained");
  config.safe_folder = Optional(flags, "safe-folder");
  ASSIGN_OR_RETURN(const std::string ca_path, Required(flags, "ca"));
  ASSIGN_OR_RETURN(const std::string token_path, Required(flags, "join-token-file"));
  ASSIGN_OR_RETURN(const std::string ca, ReadWholeFile(ca_path));
  ASSIGN_OR_RETURN(std::string token, ReadWholeFile(token_path));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.pop_back();
  ChannelOptions options;
  options.address = config.server;
  options.ca_pem = ca;
  ASSIGN_OR_RETURN(const auto channel, MakeChannel(options));
  const std::unique_ptr<ControlPort> control = MakeGrpcControlPort(channel);
  ASSIGN_OR_RETURN(config, Enrol(*control, token, config));
  std::cout << "enrolled agent " << config.agent << " for deployment " << config.deployment << "\nnext: firebreak-agent run --config "
            << (std::filesystem::path(config.folder) / "agent.yaml").string() << "\n";
  return absl::OkStatus();
}

// Two agents on one folder would undo each other's work. The lock goes with the process.
absl::Status LockFolder(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "lock").string();
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::PermissionDeniedError(StrCat("open ", path, ": ", std::strerror(errno)));
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  ::close(fd);
  return absl::FailedPreconditionError(StrCat("another firebreak-agent runs on ", folder));
}

std::vector<std::string> Environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  return variables;
}

absl::Status RunCommand(const Flags& flags) {
  ASSIGN_OR_RETURN(const AgentConfig config, ReadConfig(flags));
  ASSIGN_OR_RETURN(const AgentIdentity identity, LoadIdentity(config.folder));
  RETURN_IF_ERROR(LockFolder(config.folder));
  ASSIGN_OR_RETURN(EcPrivateKey key, EcPrivateKey::FromPem(identity.key_pem));
  ASSIGN_OR_RETURN(EcPublicKey decision_key, EcPublicKey::FromPem(identity.decision_key_pem));
  const std::unique_ptr<Log> log =
      Log::ToStderr(Optional(flags, "log-format") == "json" ? LogFormat::kJsonLines : LogFormat::kHuman, LogLevel::kInfo);
  const char* armed = std::getenv("FIREBREAK_CRASH_AT");
  const CrashPoints crash(armed == nullptr ? "" : armed);
  SystemClock clock;
  SystemRandom random;
  ProcessHookRunner hooks(Environment());
  ChannelOptions channel_options;
  channel_options.address = config.server;
  channel_options.ca_pem = identity.ca_pem;
  channel_options.client_cert_pem = identity.cert_pem;
  channel_options.client_key_pem = identity.key_pem;
  ASSIGN_OR_RETURN(const auto channel, MakeChannel(channel_options));
  const std::unique_ptr<SnapshotPort> snapshots = MakeGrpcSnapshotPort(channel);
  const std::unique_ptr<ControlPort> control = MakeGrpcControlPort(channel);

  SlotOptions slot_options;
  slot_options.agent = config.agent;
  slot_options.deployment = DeploymentName(config.deployment);
  slot_options.folder = config.folder;
  slot_options.safe_folder = config.safe_folder;
  slot_options.reload = config.reload;
  slot_options.probe = config.probe;
  slot_options.probe_contained = config.probe_contained;
  slot_options.hook_timeout = config.hook_timeout;
  SlotPorts ports;
  ports.fetch = FetchFrom(*snapshots, clock);
  ports.hash = HashSnapshotFolder;
  ports.hooks = &hooks;
  ports.clock = &clock;
  ports.log = log.get();
  ports.crash = &crash;
  ASSIGN_OR_RETURN(const std::unique_ptr<ServingSlot> slot, ServingSlot::Open(slot_options, ports, decision_key));
  LoopOptions loop_options;
  loop_options.prove_every = config.prove_every;
  loop_options.offer = [&](const std::set<std::string>& wanted, const std::vector<HeldSnapshot>& held) {
    return OfferWanted(*snapshots, *control, wanted, held);
  };
  AgentLoop loop(*slot, *control, std::move(key), clock, random, *log, crash, loop_options);

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  std::thread follow([&] { loop.Follow(); });
  std::thread work([&] {
    const absl::Status worked = loop.Work();
    if (!worked.ok()) log->Error("agent.stopped", {{"error", worked.ToString()}});
  });
  log->Info("agent.running", {{"agent", config.agent}, {"deployment", config.deployment}, {"server", config.server},
                              {"epoch", StrCat(slot->head().epoch.value)}});
  int signal = 0;
  sigwait(&ends, &signal);
  log->Info("agent.stopping");
  loop.Stop();
  follow.join();
  work.join();
  return absl::OkStatus();
}

absl::Status StatusCommand(const Flags& flags) {
  ASSIGN_OR_RETURN(const AgentConfig config, ReadConfig(flags));
  const AgentFolder folder(config.folder);
  ASSIGN_OR_RETURN(const store::v1::AgentState state, folder.LoadState());
  const absl::StatusOr<store::v1::AgentStatusFile> status = folder.LoadStatus();
  const v1::Decision& decision = state.decision();
  const std::string current = folder.CurrentTarget();
  std::cout << "agent       " << config.agent << "\ndeployment  " << config.deployment << "\ndecision    epoch "
            << decision.epoch() << (decision.epoch() == 0 ? "" : StrCat(", ", v1::DecisionKind_Name(decision.kind()), " by ",
                                                                      decision.decided_by(), ": ", decision.reason()))
            << "\ncurrent     " << (current.empty() ? "nothing" : current) << "\n";
  if (!status.ok()) {
    std::cout << "contact     unknown, the agent has not run here\n";
    return absl::OkStatus();
  }
  std::cout << "state       " << v1::ServingState_Name(status->proof().state()) << "\ncontact     "
            << (status->connected() ? "connected" : "none") << ", last "
            << (status->has_last_contact() ? FormatRfc3339(FromProto(status->last_contact())) : "never") << "\nwritten     "
            << FormatRfc3339(FromProto(status->written_at())) << "\n";
  if (!status->connected()) std::cout << "            keeps serving what was decided last\n";
  if (!status->last_error().empty()) std::cout << "error       " << status->last_error() << "\n";
  return absl::OkStatus();
}

absl::Status Main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "enrol") {
    ASSIGN_OR_RETURN(const Flags flags, ParseFlags(argc, argv, {"server", "ca", "join-token-file", "folder", "reload", "probe",
                                                                "probe-contained", "safe-folder"}));
    return EnrolCommand(flags);
  }
  if (command == "run") {
    ASSIGN_OR_RETURN(const Flags flags, ParseFlags(argc, argv, {"config", "log-format"}));
    return RunCommand(flags);
  }
  if (command == "status") {
    ASSIGN_OR_RETURN(const Flags flags, ParseFlags(argc, argv, {"config"}));
    return StatusCommand(flags);
  }
  if (command == "version" || command == "--version") {
    std::cout << "firebreak-agent " FIREBREAK_VERSION "\n";
    return absl::OkStatus();
  }
  if (command == "help" || command == "--help" || command == "-h") {
    std::cout << kUsage;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      StrCat(command.empty() ? std::string("no command") : StrCat("unknown command ", command), " (next: firebreak-agent --help)"));
}

}  // namespace
}  // namespace firebreak

int main(int argc, char** argv) {
  const absl::Status status = firebreak::Main(argc, argv);
  if (status.ok()) return 0;
  std::cerr << "firebreak-agent: " << status.message() << "\n";
  return absl::IsInvalidArgument(status) ? 2 : 1;
}
