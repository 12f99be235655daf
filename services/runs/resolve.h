// Values of a run: what $input, $step.field and incident.* are, and the inputs of a call made from them.
#ifndef FIREBREAK_SERVICES_RUNS_RESOLVE_H_
#define FIREBREAK_SERVICES_RUNS_RESOLVE_H_

#include <string>

#include "absl/status/statusor.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/playbooks/expression.h"
#include "firebreak/v1/playbook.pb.h"
#include "firebreak/v1/run.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

// kFailedPrecondition names what has no value and why. `run` outlives the answer.
ValueLookup ValuesOf(const v1::PlaybookRun& run);

// The arguments of `call` as values, checked against `spec`.
absl::StatusOr<google::protobuf::Struct> ResolveInputs(const v1::DoStep& call, const ActionSpec& spec,
                                                       const v1::PlaybookRun& run);

// What an approval binds to: the value of `about` when it is a digest, else the digest of its JSON; of the question
// when there is no `about`.
absl::StatusOr<std::string> SubjectDigest(const v1::AskStep& ask, const v1::PlaybookRun& run, std::string_view path,
                                          std::string_view question);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_RESOLVE_H_
