#include "firebreak/actions/specs.h"

namespace firebreak {

std::vector<const ActionSpec*> BuiltinSpecs() {
  return {
      &specs::Contain(),
      &specs::Release(),
      &specs::Freeze(),
      &specs::Unfreeze(),
      &specs::VerifyFleet(),
      &specs::Plan(),
      &specs::Apply(),
      &specs::Confirm(),
      &specs::Quarantine(),
      &specs::Verify(),
      &specs::Lift(),
      &specs::Revoke(),
      &specs::Sweep(),
      &specs::Describe(),
      &specs::SignedBy(),
      &specs::Serving(),
      &specs::List(),
      &specs::Capture(),
      &specs::Note(),
      &specs::Advance(),
      &specs::Report(),
      &specs::Share(),
      &specs::Severity(),
      &specs::Assign(),
      &specs::Status(),
      &specs::Close(),
      &specs::Call(),
      &specs::Webhook(),
      &specs::Page(),
      &specs::Sleep(),
      &specs::Require(),
  };
}

}  // namespace firebreak
