// ActionSpec: what an action declares about itself. The linter checks steps against it; the engine reads from it what a
// crash, a failure and a retry mean for the action's effects. Plain data: no action is needed to read one.
#ifndef FIREBREAK_PLAYBOOKS_ACTION_SPEC_H_
#define FIREBREAK_PLAYBOOKS_ACTION_SPEC_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace firebreak {

enum class ActionClass {
  kRead,      // no effect: repeat
  kConverge,  // sets X to V: asking again is harmless
  kKeyed,     // the receiver honours the effect id: resend
  kOnce,      // neither: after a crash the step is in doubt and a person is asked
};

// As people and programs read it: read, converge, keyed, once.
constexpr std::string_view ActionClassName(ActionClass action_class) {
  switch (action_class) {
    case ActionClass::kRead:
      return "read";
    case ActionClass::kConverge:
      return "converge";
    case ActionClass::kKeyed:
      return "keyed";
    case ActionClass::kOnce:
      break;
  }
  return "once";
}

struct ActionField {
  std::string name;
  // As ParseType reads it: string | int | number | bool | duration | incident | deployment | snapshot |
  // list<element> | enum<a|b|c>. "list" alone is list<string>.
  std::string type;
  bool required = true;
  std::string about;
};

struct ActionSpec {
  std::string name;  // fleet.contain
  ActionClass action_class = ActionClass::kRead;
  std::vector<ActionField> inputs;
  std::vector<ActionField> outputs;  // `required` outputs must be in every answer
  std::string about;
  // Containment class: the effect is what keeps people safe, so a failed or cancelled run never undoes it; only a
  // person lifts it (false positive). Set on fleet.contain, snapshot.quarantine and their like.
  bool keeps_on_failure = false;
  // Changes what production serves: a playbook that uses it without a lock gets a warning.
  bool changes_production = false;
  // Loosens what keeps people safe or changes what is served (rollback.apply, fleet.release): a playbook may use it only
  // where an ask that excludes whoever triggered the run has surely been approved.
  bool needs_approval = false;
  // A playbook that uses it must say with `undo` what happens when a later step fails.
  bool needs_undo = false;
  // How long it usually takes, for the plan shown before a run; zero = not known.
  absl::Duration typical = absl::ZeroDuration();
};

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_ACTION_SPEC_H_
