#include <algorithm>
#include <utility>

#include "firebreak/base/check.h"
#include "firebreak/runs/action.h"

namespace firebreak {
namespace {

bool ByName(const std::unique_ptr<Action>& action, std::string_view name) { return action->spec().name < name; }

}  // namespace

absl::StatusOr<ActionPreview> Action::Preview(const ActionCall&) const {
  ActionPreview preview;
  preview.now = "not known";
  preview.then = spec().about;
  return preview;
}

void ActionCatalogue::Add(std::unique_ptr<Action> action) {
  const auto place = std::lower_bound(actions_.begin(), actions_.end(), std::string_view(action->spec().name), ByName);
  FIREBREAK_CHECK(place == actions_.end() || (*place)->spec().name != action->spec().name);
  actions_.insert(place, std::move(action));
}

Action* ActionCatalogue::Find(std::string_view name) const {
  const auto place = std::lower_bound(actions_.begin(), actions_.end(), name, ByName);
  return place != actions_.end() && (*place)->spec().name == name ? place->get() : nullptr;
}

std::vector<const ActionSpec*> ActionCatalogue::Specs() const {
  std::vector<const ActionSpec*> specs;
  for (const std::unique_ptr<Action>& action : actions_) specs.push_back(&action->spec());
  return specs;
}

}  // namespace firebreak
