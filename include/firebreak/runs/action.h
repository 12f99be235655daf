// Action: what a playbook step can do. Each declares its class, which decides what happens to an effect whose outcome a
// crash swallowed, and its typed inputs and outputs, which the linter knows.
#ifndef FIREBREAK_RUNS_ACTION_H_
#define FIREBREAK_RUNS_ACTION_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/base/ids.h"
#include "firebreak/playbooks/action_spec.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

struct ActionCall {
  EffectId effect;                  // same over retries and restarts
  google::protobuf::Struct inputs;  // checked against the spec
  IncidentId incident;
  DeploymentName deployment;
  RunId run;
  uint64_t fence = 0;                    // of the run's lock
  Identity started_by;                   // who triggered the run
  std::vector<std::string> approved_by;  // distinct approvers of the asks answered so far in this run
  // Set for an undo: what the step that is undone has answered. Only while the target still is what that step made of it may it
  // be undone; kFailedPrecondition otherwise.
  std::optional<google::protobuf::Struct> undoes;
};

struct ActionDone {
  google::protobuf::Struct outputs;
};
// The effect is on its way but not proved yet: perform again (same effect id) after `retry_after`, or earlier on a
// hint.
struct ActionPending {
  absl::Duration retry_after;
  std::string waiting_for;  // "proof of epoch 7 from agent web-1"
};
using ActionResult = std::variant<ActionDone, ActionPending>;

// What a call would do, in the words of a person at 3 a.m.
struct ActionPreview {
  std::string now;           // "serves model/fraud@7 (epoch 4)"
  std::string then;          // "contained (epoch 5)"; equal to `now` when nothing would change
  std::string blast_radius;  // "deployment fraud-prod, 3 agents"; empty when nothing outside is touched
  absl::Duration expected = absl::ZeroDuration();  // how long it usually takes; zero = nobody can tell
  google::protobuf::Struct outputs;                // those that can be foretold; the others are known then
};

// Thread-safe. Perform may be called again with the same effect id at any time and then answers the same outputs.
// kUnavailable, kAborted, kResourceExhausted, kDeadlineExceeded are retried by the step's retry policy; others fail the
// step.
class Action {
 public:
  virtual ~Action() = default;
  virtual const ActionSpec& spec() const = 0;
  virtual absl::StatusOr<ActionResult> Perform(const ActionCall& call) = 0;
  // For plans; writes nothing anywhere. An error is what Perform would fail with. An action of class read is performed
  // instead of previewed. The call's effect, run and fence are empty.
  virtual absl::StatusOr<ActionPreview> Preview(const ActionCall& call) const;
};

// What exists, by name. Built once by main; read-only afterwards.
class ActionCatalogue {
 public:
  void Add(std::unique_ptr<Action> action);
  Action* Find(std::string_view name) const;     // nullptr when unknown
  std::vector<const ActionSpec*> Specs() const;  // in name order

 private:
  std::vector<std::unique_ptr<Action>> actions_;  // sorted by name
};

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_ACTION_H_
