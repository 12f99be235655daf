// Inputs and outputs of actions as plain values. The engine has checked inputs against the spec; an absent optional is empty.
#ifndef FIREBREAK_SERVICES_ACTIONS_FIELDS_H_
#define FIREBREAK_SERVICES_ACTIONS_FIELDS_H_

#include <cstdint>
#include <string>
#include <string_view>
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
  ActionResult Done() { return ActionDone{std::move(fields_)}; }

 private:
  google::protobuf::Struct fields_;
};

// Ledger::Transact without the receipt. An effect asked for again adds nothing to its draft and costs no commit.
absl::Status Write(Ledger& ledger, absl::FunctionRef<absl::Status(Draft&)> build);

// The deployment an action is about: its own input, else the run's.
DeploymentName DeploymentOf(const ActionCall& call);

// The service acting for the run; approvals and the trigger travel beside it.
Identity RunActor(const ActionCall& call);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ACTIONS_FIELDS_H_
