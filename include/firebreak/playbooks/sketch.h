// A playbook drawn: as a picture (SVG), as a tree for the terminal, and as Graphviz dot. For people who read a runbook before
// they trust it; nothing reads these texts back.
#ifndef FIREBREAK_PLAYBOOKS_SKETCH_H_
#define FIREBREAK_PLAYBOOKS_SKETCH_H_

#include <string>

#include "absl/types/span.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

// Pure. `actions` colour the steps by what they do to production; unknown actions are drawn plain. Any playbook is drawn,
// also one that does not lint; texts are escaped and shortened.
std::string SketchSvg(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions);
std::string SketchText(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions);
std::string SketchDot(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_SKETCH_H_
