// Values of a run: what $input, $step.field and incident.* are at one place of its tree, and the inputs of a call made from them.
#ifndef FIREBREAK_SERVICES_RUNS_RESOLVE_H_
#define FIREBREAK_SERVICES_RUNS_RESOLVE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/playbooks/expression.h"
#include "firebreak/runs/loaded_run.h"
#include "firebreak/runs/program.h"
#include "firebreak/v1/playbook.pb.h"
#include "firebreak/v1/run.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

// A step as one of its instances: loops make many of one node.
struct Instance {
  const Node& node;
  std::string_view path;  // of the step itself, without "/undo"
};

// kFailedPrecondition names what has no value and why. Everything given outlives the answer.
ValueLookup ValuesAt(const LoadedRun& run, const Instance& at);
// $input and incident.* only: for what is bound before a run has steps.
ValueLookup ValuesOf(const v1::PlaybookRun& run);

// The path of the instance of `target` that is nearest to `from`: the same round of every loop around both, the newest round of
// every other. nullopt when such a loop has not begun a round.
std::optional<std::string> InstancePath(const LoadedRun& run, const Node& target, const Instance& from);

// The arguments of `call` as values, checked against its spec.
absl::StatusOr<google::protobuf::Struct> ResolveInputs(const CompiledCall& call, const ValueLookup& values);

// What an approval binds to: the value of `about` when it is a digest, else the digest of its JSON; of the question
// when there is no `about`.
absl::StatusOr<std::string> SubjectDigest(const LoadedRun& run, const Instance& ask, std::string_view question);

// `given`, defaults and bindings as the inputs a playbook declares; kInvalidArgument names the first that is missing or wrong.
absl::StatusOr<google::protobuf::Struct> BindInputs(const v1::Playbook& playbook, const google::protobuf::Struct& given,
                                                    const ValueLookup& values);

// "NOT_FOUND"; empty for OK.
std::string CodeName(int code);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_RESOLVE_H_
