// Hooks: the operator's own commands on this host. The control plane can never name one.
#ifndef FIREBREAK_CLIENTS_AGENT_HOOKS_H_
#define FIREBREAK_CLIENTS_AGENT_HOOKS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace firebreak {

struct HookCall {
  std::string command;                         // run by /bin/sh -c
  std::map<std::string, std::string> variables;   // added to the environment
  std::string folder;                          // working directory
  absl::Duration timeout = absl::Seconds(30);
};

class HookRunner {
 public:
  virtual ~HookRunner() = default;
  // What the command printed (the first KiB of stdout and stderr, cut to valid UTF-8). kFailedPrecondition: it answered
  // something other than 0. kDeadlineExceeded: it took too long and its process group was killed.
  virtual absl::StatusOr<std::string> Run(const HookCall& call) = 0;
};

// Real processes. `environment` is what they inherit ("NAME=value"); main passes its own. Thread-safe.
class ProcessHookRunner final : public HookRunner {
 public:
  // `tick`: how often a silent hook is asked whether it has ended, where the kernel cannot tell us.
  explicit ProcessHookRunner(std::vector<std::string> environment, absl::Duration tick = absl::Milliseconds(10))
      : environment_(std::move(environment)), tick_(tick) {}
  absl::StatusOr<std::string> Run(const HookCall& call) override;

 private:
  const std::vector<std::string> environment_;
  const absl::Duration tick_;
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_AGENT_HOOKS_H_
