// Which actions playbooks can use. What they declare is known before the desks they act on exist: playbooks are checked
// against it, and the desks that start runs need it.

#include <utility>

#include "services/firebreakd/house/house.h"

namespace firebreak {

std::vector<const ActionSpec*> House::ActionSpecs() { return BuiltinSpecs(); }

void House::WireActions() {
  if (!options_.hooks_file.empty()) {
    // At 3 a.m. containment must work though a hook is written wrongly: calls to hooks then say that there are none.
    absl::StatusOr<HookBook> hooks = HookBook::Load(options_.hooks_file, options_.credential_folder);
    if (hooks.ok()) {
      hooks_ = *std::move(hooks);
    } else {
      ground_.log.Error("hooks.refused", {{"error", std::string(hooks.status().message())}});
    }
  }
  AddBuiltinActions(actions_, {*ledger_, *vault_, *fleet_, *incidents_, *reports_, *sharing_, http_.get(), &hooks_, &ground_.clock});
  ActionDeskOptions desk_options;
  desk_options.check_incident = [this](const IncidentId& id) { return incidents_->Load(id).status(); };
  action_desk_ = std::make_unique<ActionDesk>(*ledger_, ground_.clock, actions_, std::move(desk_options));
}

}  // namespace firebreak
