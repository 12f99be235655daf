// A run as it begins: inputs bound and checked, incident.* noted. Pure: nothing is stored and nothing is locked.
#ifndef FIREBREAK_RUNS_DRAW_RUN_H_
#define FIREBREAK_RUNS_DRAW_RUN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/v1/incident.pb.h"
#include "firebreak/v1/playbook.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

struct RunOrder {
  const v1::StoredPlaybook& playbook;
  v1::Incident incident;            // empty id: none
  google::protobuf::Struct inputs;  // given by hand; win over bindings
  std::string started_by;
  std::string reason;
  std::string plan_digest = {};     // empty: no plan was shown
};

// The run as it begins, without id and lock. kInvalidArgument names the input that is missing, unknown or mistyped.
absl::StatusOr<v1::PlaybookRun> DrawRun(const RunOrder& order, absl::Time now);

// Whether the playbook's trigger fires for a freshly opened incident.
bool TriggerMatches(const v1::Playbook& playbook, const v1::Incident& incident);

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_DRAW_RUN_H_
