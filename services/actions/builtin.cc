#include "firebreak/actions/builtin.h"

#include "services/actions/groups.h"

namespace firebreak {
namespace {

using AddGroup = void (*)(ActionCatalogue&, const ActionParts&);

constexpr AddGroup kGroups[] = {
    &AddFleetActions,       &AddFreezeActions, &AddRollbackActions,
    &AddSnapshotActions, &AddTrustActions,   &AddScopeActions,
    &AddEvidenceActions, &AddRecordActions, &AddIncidentActions,
    &AddOutsideActions,
};

}  // namespace

void AddBuiltinActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  for (const AddGroup add : kGroups) add(catalogue, parts);
}

}  // namespace firebreak
