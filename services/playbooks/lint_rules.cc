// The table of rules: what playbook lint can say. Documented in include/firebreak/playbooks/README.md; a test keeps the two
// and the cases in step.
#include <array>

#include "firebreak/playbooks/lint.h"

namespace firebreak {

namespace {

constexpr std::array<LintRule, 67> kRules = {{
    {"ambiguous-number", false, "a number with a leading zero, which YAML 1.1 readers take for octal"},
    {"anchor", true, "an anchor: a reader must see every step where it stands"},
    {"case-missing", false, "a switch over an enum or bool without a case for some value and without default"},
    {"constant-condition", false, "a condition that is the same whatever the values are"},
    {"digest", true, "a run pinned by something that is no digest"},
    {"duplicate-case", true, "a case that stands in a switch twice; the second never runs"},
    {"duplicate-key", true, "a YAML key that stands in one map twice"},
    {"duplicate-name", true, "a step, input or element whose name is taken"},
    {"endless-loop", true, "a while whose condition no step inside it changes"},
    {"guard-allows-trigger", true, "an approval that whoever started the run could give alone"},
    {"handler-asks", true, "a question in a failure handler, where nobody can be waited for"},
    {"handler-undo", true, "an undo in a failure handler"},
    {"label", false, "a type, technique or subcategory that CACAO, MITRE ATLAS or the NIST AI RMF do not have"},
    {"large-number", true, "an integer that no number holds exactly"},
    {"later-reference", true, "a value of a step that comes later"},
    {"limit", true, "more steps, nesting, rounds, branches, inputs or bytes than a playbook may have"},
    {"lock", true, "a lock that is not deployment/$input, or if_locked without a lock (a warning)"},
    {"merge-key", true, "a YAML merge key"},
    {"missing-argument", true, "an action without an input it needs"},
    {"missing-key", true, "a key that must be there"},
    {"name", true, "a name that no step, input or playbook can have"},
    {"never-equal", true, "a comparison or case with a text that is none of the enum's values"},
    {"no-lock", false, "a change of production without a lock"},
    {"no-steps", true, "an empty list of steps"},
    {"no-undo", true, "a roll-back without undo; a warning for other changes of production"},
    {"not-bound", true, "a value other than incident.* before the run has started"},
    {"not-finite", true, ".inf or .nan"},
    {"on-key", true, "a key on, off, yes or no, which YAML 1.1 readers take for a truth value"},
    {"out-of-scope", true, "a value of a step in a loop that is over, or in a branch that runs beside"},
    {"parallel", true, "a parallel of one branch, or a join that can never be reached"},
    {"parallel-write", true, "two branches that change the same deployment or snapshot"},
    {"preempt-severity", false, "if_locked: preempt in a playbook that is not of high severity"},
    {"quoted-reference", false, "a reference in quotes, which is plain text"},
    {"recursive-run", true, "a playbook that would run itself"},
    {"retry-once", true, "retry on an action that must not be asked for twice"},
    {"role-cannot-answer", false, "a role that exists and may not answer approvals"},
    {"role-nobody-holds", false, "a role that no valid token holds (said by the service)"},
    {"run-name", true, "a run whose digest belongs to another playbook"},
    {"shape", true, "a list, map or text where another is needed"},
    {"short-timeout", true, "a timeout that ends the step before the first retry"},
    {"syntax", true, "an expression that cannot be read"},
    {"tag", true, "a YAML tag"},
    {"timeout-past-run", false, "a step's timeout longer than the run's"},
    {"too-few-people", false, "an approval that fewer people than needed could give (said by the service)"},
    {"type", true, "a value of the wrong type, or a comparison of unlike types"},
    {"unanswerable-ask", true, "a question that no listed role may answer"},
    {"unbound-ask", false, "an approval that binds to no value"},
    {"unbound-input", false, "an input that an incident cannot fill, in a playbook with a trigger"},
    {"undeclared-input", true, "a reference to an input that does not exist"},
    {"undo-ignored", false, "an undo of containment, which never runs"},
    {"unguarded-change", true, "an action that needs approval, where nobody has approved"},
    {"unheeded-ask", true, "a question whose answer nothing looks at"},
    {"unknown-action", true, "an action that does not exist"},
    {"unknown-argument", true, "an argument that the action or playbook does not take"},
    {"unknown-code", true, "a failure code that does not exist"},
    {"unknown-key", true, "a key that does not exist"},
    {"unknown-playbook", true, "a run of a digest that is not stored (said by the service)"},
    {"unknown-reference", true, "a step, output or incident field that does not exist"},
    {"unknown-role", true, "a role that does not exist"},
    {"unpinned-run", true, "a run that names no digest"},
    {"unreachable", false, "a step that can never run"},
    {"unresolved-run", false, "a run that only the service can check"},
    {"unset-on-some-path", true, "a value that is not there on some path"},
    {"unused-input", false, "an input or element that nothing uses"},
    {"value", true, "a text that is none of those allowed here"},
    {"yaml", true, "bytes that are no YAML, or YAML that playbooks are not written in"},
    {"yaml-word", false, "yes, no, on or off without quotes, which YAML 1.1 readers take for a truth value"},
}};

}  // namespace

absl::Span<const LintRule> LintRules() { return kRules; }

}  // namespace firebreak
