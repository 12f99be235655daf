// Inputs and outputs of actions as plain values. The engine has checked inputs against the spec; an absent optional is empty.
#ifndef FIREBREAK_SERVICES_ACTIONS_FIELDS_H_
#define FIREBREAK_SERVICES_ACTIONS_FIELDS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/runs/action.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

std::string TextField(const google::protobuf::Struct& inputs, const std::string& name);
uint64_t NumberField(const google::protobuf::Struct& inputs, const std::string& name);
bool FlagField(const google::protobuf::Struct& inputs, const std::string& name);

// Collects an action's outputs.
class Outputs {
 public:
  Outputs& Text(const std::string& name, std::string_view value);
  Outputs& Number(const std::string& name, uint64_t value);
  Outputs& Flag(const std::string& name, bool value);
  Outputs& List(const std::string& name, const std::vector<std::string>& values);
  const google::protobuf::Struct& fields() const { return fields_; }
  ActionResult Done() { return ActionDone{std::move(fields_)}; }

 private:
  google::protobuf::Struct fields_;
};

// An action made of functions: most are one read or one change. Thread-safe when they are.
class FunctionAction final : public Action {
 public:
  using Perform_ = std::function<absl::StatusOr<ActionResult>(const ActionCall&)>;
  using Preview_ = std::function<absl::StatusOr<ActionPreview>(const ActionCall&)>;
  FunctionAction(const ActionSpec& spec, Perform_ perform, Preview_ preview = {})
      : spec_(spec), perform_(std::move(perform)), preview_(std::move(preview)) {}
  const ActionSpec& spec() const override { return spec_; }
  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override { return perform_(call); }
  absl::StatusOr<ActionPreview> Preview(const ActionCall& call) const override {
    return preview_ ? preview_(call) : Action::Preview(call);
  }

 private:
  const ActionSpec& spec_;
  const Perform_ perform_;
  const Preview_ preview_;
};

std::vector<std::string> ListField(const google::protobuf::Struct& inputs, const std::string& name);

// An action that writes to an incident has one: kFailedPrecondition otherwise.
absl::Status NeedIncident(const ActionCall& call);
// In a run, somebody has said yes before. A call by hand has been checked against its caller's permission instead.
absl::Status NeedApproval(const ActionCall& call, std::string_view action);

// "RUN-7", or "alice by hand" when no run asks.
std::string Cause(const ActionCall& call);

// What the effect answered before, so that it is not left twice.
absl::StatusOr<std::optional<google::protobuf::Struct>> FindAnswer(Ledger& ledger, const EffectId& effect);
void PutAnswer(Draft& draft, const ActionCall& call, const std::string& action, const google::protobuf::Struct& outputs);

// An entry of the audit log about what the call did, with its incident and run as subjects.
v1::AuditEntry EntryOf(const ActionCall& call, std::string_view action, std::string_view summary);

// Ledger::Transact without the receipt. An effect asked for again adds nothing to its draft and costs no commit.
absl::Status Write(Ledger& ledger, absl::FunctionRef<absl::Status(Draft&)> build);

// The deployment an action is about: its own input, else the run's.
DeploymentName DeploymentOf(const ActionCall& call);

// The service acting for the run; approvals and the trigger travel beside it. Without a run: whoever calls.
Identity RunActor(const ActionCall& call);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ACTIONS_FIELDS_H_
