#include "firebreak/actions/builtin.h"

#include "services/actions/groups.h"

namespace firebreak {

void AddBuiltinActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  AddFleetActions(catalogue, parts);
  AddRollbackActions(catalogue, parts);
  AddSnapshotActions(catalogue, parts);
  AddRecordActions(catalogue, parts);
}

std::vector<const ActionSpec*> BuiltinSpecs() {
  return {&ContainSpec(),  &ReleaseSpec(), &PlanSpec(),   &ApplySpec(),  &ConfirmSpec(), &QuarantineSpec(),
          &VerifySpec(),   &NoteSpec(),    &AdvanceSpec(), &ReportSpec(), &ShareSpec()};
}

}  // namespace firebreak
