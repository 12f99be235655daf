// The linter's walk over the steps: names, actions and their arguments, questions, branches, loops, undo and handlers.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_STEP_LINTER_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_STEP_LINTER_H_

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firebreak/playbooks/lint.h"
#include "services/playbooks/findings.h"
#include "services/playbooks/lint_scope.h"
#include "services/playbooks/marks.h"

namespace firebreak {

// 1..63 of [a-z0-9_], starting with a letter; so that $name and $name.field are one word in an expression.
bool IsStepName(std::string_view name);

// One use for one playbook; everything it is given outlives it.
class StepLinter {
 public:
  StepLinter(const v1::Playbook& playbook, const LintSurroundings& surroundings, const Marks& marks, LintScope& scope,
             Findings& findings)
      : playbook_(playbook), surroundings_(surroundings), marks_(marks), scope_(scope), findings_(findings) {}

  void Run();

  // Whether a step, or one of a playbook it runs, changes production; and where the first such step calls.
  const std::optional<v1::SourcePosition>& changes_production() const { return changes_production_; }

 private:
  using Steps = google::protobuf::RepeatedPtrField<v1::Step>;

  // step_linter.cc: the walk
  void Walk(const Steps& steps, Seen& seen);
  void WalkOne(const v1::Step& step, Seen& seen);
  void Visit(const v1::Step& step, Seen& seen);
  void CheckStepName(const v1::Step& step);
  void CheckItemName(const v1::Step& step);
  void LintHandlers(const Seen& forward);
  void LintTimes(const v1::Step& step);
  std::optional<ParsedExpression> Parse(const v1::Expression& expression);
  // The type of an expression at this place; nullopt when a finding was made.
  std::optional<DataType> TypeOf(const v1::Expression& expression, const Seen& seen);
  std::optional<DataType> TypeOf(const v1::Expression& expression, const ParsedExpression& parsed, const Seen& seen);
  std::string Of(const v1::Step& step) const;  // "step contain"

  // lint_branches.cc: if, while, switch, parallel, for_each
  void LintIf(const v1::Step& step, Seen& seen);
  void LintWhile(const v1::Step& step, Seen& seen);
  void LintSwitch(const v1::Step& step, Seen& seen);
  void LintCase(const v1::Step& step, int number, const DataType& type, std::vector<std::string>& met);
  void LintCoverage(const v1::Step& step, const DataType& type, const std::vector<std::string>& met);
  void LintParallel(const v1::Step& step, Seen& seen);
  void LintWrites(const v1::Step& step);
  void LintForEach(const v1::Step& step, Seen& seen);
  void Dead(const Steps& steps, const std::string& why);
  void MergeMaybe(const Seen& branch, Seen& seen);
  void Hide(const Steps& steps, const std::string& loop, Seen& seen);

  // lint_calls.cc: do, undo, retry, run
  void LintDo(const v1::Step& step, const v1::DoStep& call, const Seen& seen);
  void LintArguments(const v1::Step& step, const google::protobuf::RepeatedPtrField<v1::Argument>& given,
                     const std::string& callee, const std::vector<ActionField>& fields,
                     const v1::SourcePosition& position, const Seen& seen);
  void LintArgument(const v1::Step& step, const v1::Argument& argument, const std::string& callee,
                    const std::vector<ActionField>& fields, const Seen& seen);
  void LintGuard(const v1::Step& step, const v1::DoStep& call, const ActionSpec& spec, const Seen& seen);
  void LintUndo(const v1::Step& step, const Seen& seen);
  void LintRetry(const v1::Step& step);
  void LintRun(const v1::Step& step, const Seen& seen);
  void LintNestedRuns(const v1::Playbook& playbook, const v1::Step& step, int depth);

  // lint_asks.cc
  void LintAsk(const v1::Step& step, const Seen& seen);
  void LintRoles(const v1::Step& step, const v1::AskStep& ask);
  void LintPeople(const v1::Step& step, const v1::AskStep& ask);
  void LintUnheeded();

  const v1::Playbook& playbook_;
  const LintSurroundings& surroundings_;
  const Marks& marks_;
  LintScope& scope_;
  Findings& findings_;
  std::set<std::string> names_;   // steps, inputs and elements met so far
  std::set<std::string> always_;  // always steps met so far
  std::vector<const v1::Step*> asks_;
  std::optional<v1::SourcePosition> changes_production_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_STEP_LINTER_H_
