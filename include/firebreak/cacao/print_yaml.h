// A playbook as the one YAML text that stands for it: fixed order of keys, fixed form of values. The shipped runbooks are written so,
// which is why importing what was exported gives back the same bytes. Comments are not part of a playbook; `about` is.
#ifndef FIREBREAK_CACAO_PRINT_YAML_H_
#define FIREBREAK_CACAO_PRINT_YAML_H_

#include <string>

#include "absl/time/time.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

// Reading it again gives the same playbook, but for positions and the digest of the bytes.
std::string PrintPlaybook(const v1::Playbook& playbook);

// 90 minutes -> 1h30m; what ParseSpan reads. Never negative; below a millisecond is cut off.
std::string PrintSpan(absl::Duration span);

// The playbook without positions and digest: what two texts must have in common to be the same playbook.
v1::Playbook WithoutPositions(v1::Playbook playbook);

}  // namespace firebreak

#endif  // FIREBREAK_CACAO_PRINT_YAML_H_
