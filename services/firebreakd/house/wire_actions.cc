// Which actions playbooks can use. What they declare is known before the desks they act on exist: playbooks are checked
// against it, and the desks that start runs need it.

#include "services/firebreakd/house/house.h"

namespace firebreak {

std::vector<const ActionSpec*> House::ActionSpecs() { return BuiltinSpecs(); }

void House::WireActions() {
  AddBuiltinActions(actions_, {*ledger_, *vault_, *fleet_, *incidents_, *reports_, *sharing_});
}

}  // namespace firebreak
