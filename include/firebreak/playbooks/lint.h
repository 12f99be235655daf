// The linter: YAML bytes in, the parsed playbook and every finding out, each with file, line, column, rule and hint. A
// playbook without error findings can be run: every reference, argument and type in it has been checked.
#ifndef FIREBREAK_PLAYBOOKS_LINT_H_
#define FIREBREAK_PLAYBOOKS_LINT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

inline constexpr size_t kPlaybookBytesMax = 256 * 1024;  // one screen of YAML is 2 KiB; generated ones stay far below
inline constexpr int kPlaybookDepthMax = 64;             // nesting of the YAML itself
inline constexpr int kStepDepthMax = 8;                  // nesting of steps in one another
inline constexpr int kStepsMax = 200;                    // in one playbook, handlers included
inline constexpr int kFindingsMax = 200;                 // past it the linter stops listing
inline constexpr size_t kInputsMax = 50;
inline constexpr size_t kChoicesMax = 200;               // of one enum
inline constexpr int64_t kRoundsMax = 1000;              // of one while or for_each
inline constexpr uint64_t kStepsOfRunMax = 4000;         // all rounds of nested loops counted; the engine's own limit
inline constexpr size_t kBranchesMax = 32;               // of one parallel
inline constexpr int64_t kNeedMax = 10;                  // people who must approve one ask
inline constexpr int kRunDepthMax = 4;                   // playbooks that run playbooks that run playbooks

struct LintReport {
  v1::Playbook playbook;                  // complete only when ok()
  std::vector<v1::LintFinding> findings;  // in order of position
  bool ok() const;                        // no finding is an error; warnings are allowed
};

// What the linter is told about the place the playbook will run at.
struct LintSurroundings {
  absl::Span<const ActionSpec* const> actions;
  // The stored playbook of a digest, nullopt when there is none. Empty = no shelf to ask: `run` steps become warnings.
  std::function<std::optional<v1::Playbook>(const std::string& digest)> find_playbook;
  bool whole_shelf = true;  // false: what find_playbook does not find may still be stored elsewhere
  // Role name -> the identities that hold it now. nullopt = not known here: roles are only checked by name.
  std::optional<std::map<std::string, std::set<std::string>>> people;
};

// Pure but for what `surroundings` asks. `file` is only used in findings. Never fails: unreadable YAML is a finding.
// playbook.digest is the SHA-256 of `yaml`.
LintReport LintPlaybook(std::string_view file, std::string_view yaml, const LintSurroundings& surroundings);
// Without a shelf and without people.
LintReport LintPlaybook(std::string_view file, std::string_view yaml, absl::Span<const ActionSpec* const> actions);

// Every rule with what it means, for the documentation and for editors; in name order.
struct LintRule {
  const char* name;
  bool error;  // usual weight
  const char* meaning;
};
absl::Span<const LintRule> LintRules();

// The names of failure codes that `retry: {unless: […]}` takes: UNAVAILABLE, NOT_FOUND …
const std::vector<std::string>& FailureCodes();

// "poisoned-model.yaml:12:9: error: step verify: unknown action snapshot.verfy [unknown-action] (did you mean
// snapshot.verify)"
std::string FormatFinding(const v1::LintFinding& finding);
// "::error file=poisoned-model.yaml,line=12,col=9,title=unknown-action::step verify: …": a GitHub workflow command.
std::string FormatFindingForGithub(const v1::LintFinding& finding);
// GitLab's Code Quality report, a JSON array; fingerprints stay the same while rule, file and message do.
std::string FormatFindingsForGitlab(absl::Span<const v1::LintFinding> findings);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_LINT_H_
