#include "services/playbooks/step_linter.h"

#include <algorithm>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

using Steps = google::protobuf::RepeatedPtrField<v1::Step>;

// How many steps a run has at most, all rounds counted; stops growing past the limit.
uint64_t CountRounds(const Steps& steps) {
  uint64_t total = 0;
  for (const v1::Step& step : steps) {
    uint64_t inner = 0;
    for (const auto* nested : NestedLists(step)) inner += CountRounds(*nested);
    if (step.has_loop()) inner *= step.loop().max();
    if (step.has_for_each()) inner *= step.for_each().max();
    total = std::min(total + 1 + inner, kStepsOfRunMax + 1);
  }
  return total;
}

// A step after which nothing in its list runs: a loop that can only end by its max.
bool AlwaysFails(const v1::Step& step) {
  if (step.continue_on_failure()) return false;
  if (step.has_group()) {
    return std::any_of(step.group().steps().begin(), step.group().steps().end(), AlwaysFails);
  }
  if (!step.has_loop()) return false;
  const auto parsed = ParseExpression(step.loop().condition().text());
  const auto* condition = std::get_if<ParsedExpression>(&parsed);
  return condition != nullptr && ConstantCondition(*condition) == true;
}

}  // namespace

bool IsStepName(std::string_view name) {
  if (name.empty() || name.size() > 63 || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

std::string StepLinter::Of(const v1::Step& step) const { return StrCat("step ", step.name()); }

void StepLinter::Run() {
  for (const v1::InputDeclaration& input : playbook_.inputs()) names_.insert(input.name());
  Seen seen;
  Walk(playbook_.steps(), seen);
  LintHandlers(seen);
  v1::SourcePosition start;
  if (CountRounds(playbook_.steps()) > kStepsOfRunMax) {
    findings_.Error(start, "limit", StrCat("a run could have more than ", kStepsOfRunMax, " steps, all rounds counted"),
                    "smaller max");
  }
  LintUnheeded();
}

// A handler runs after any step failed: nothing is sure but inputs and earlier handlers.
void StepLinter::LintHandlers(const Seen& forward) {
  Seen seen;
  seen.maybe = forward.surely;
  seen.maybe.insert(forward.ended.begin(), forward.ended.end());
  seen.maybe.insert(forward.maybe.begin(), forward.maybe.end());
  seen.hidden = forward.hidden;
  Walk(playbook_.on_failure(), seen);
  ForEachStep(playbook_.on_failure(), [this](const v1::Step& step) {
    if (step.has_ask()) {
      findings_.Error(step.position(), "handler-asks", StrCat(Of(step), ": a failure handler cannot ask"),
                      "do: incident.note");
    }
    if (step.has_undo()) {
      findings_.Error(step.position(), "handler-undo", StrCat(Of(step), ": a failure handler has no undo"));
    }
  });
}

void StepLinter::Walk(const Steps& steps, Seen& seen) {
  const v1::Step* failed = nullptr;
  for (const v1::Step& step : steps) {
    if (failed != nullptr && !step.always()) {
      findings_.Warning(step.position(), "unreachable",
                        StrCat(Of(step), " never runs: step ", failed->name(), " before it always fails"));
      failed = nullptr;  // said once
    }
    WalkOne(step, seen);
    if (AlwaysFails(step)) failed = &step;
  }
}

void StepLinter::WalkOne(const v1::Step& step, Seen& seen) {
  CheckStepName(step);
  LintTimes(step);
  const Seen before = seen;
  Visit(step, seen);
  if (step.continue_on_failure()) {
    for (const std::string& name : seen.surely) {
      if (before.surely.count(name) == 0) seen.maybe.insert(name);
    }
    seen.surely = before.surely;
    seen.ended = before.ended;
    seen.approved = before.approved;
    seen.ended.insert(step.name());
  } else {
    seen.surely.insert(step.name());
  }
}

void StepLinter::Visit(const v1::Step& step, Seen& seen) {
  Seen here = seen;
  if (step.always()) {  // may run when the steps before it did not: only earlier always steps are sure
    for (const std::string& name : here.surely) {
      if (always_.count(name) == 0) here.maybe.insert(name);
    }
    for (const std::string& name : here.maybe) here.surely.erase(name);
    here.ended.clear();
    here.approved.clear();
    always_.insert(step.name());
  }
  if (step.has_do_()) {
    LintDo(step, step.do_(), here);
    LintUndo(step, here);
    LintRetry(step);
  } else if (step.has_ask()) {
    LintAsk(step, here);
  } else if (step.has_branch()) {
    LintIf(step, seen);
  } else if (step.has_loop()) {
    LintWhile(step, seen);
  } else if (step.has_choice()) {
    LintSwitch(step, seen);
  } else if (step.has_parallel()) {
    LintParallel(step, seen);
  } else if (step.has_group()) {
    Walk(step.group().steps(), here);
    if (step.always()) ForEachStep(step.group().steps(), [this](const v1::Step& inner) { always_.insert(inner.name()); });
    here.surely.insert(seen.surely.begin(), seen.surely.end());
    here.ended.insert(seen.ended.begin(), seen.ended.end());
    seen = std::move(here);
  } else if (step.has_run()) {
    LintRun(step, here);
  } else if (step.has_for_each()) {
    LintForEach(step, seen);
  }
}

void StepLinter::CheckStepName(const v1::Step& step) {
  static constexpr std::string_view kReserved[] = {"undo", "then",  "else", "default", "on_failure", "incident", "and",
                                                   "or",   "not",   "in",   "count",   "empty",      "true",     "false"};
  if (!IsStepName(step.name())) {
    findings_.Error(
        step.position(), "name",
        StrCat("step '", step.name(), "': names are lowercase letters, digits and _, starting with a letter"));
  } else if (std::find(std::begin(kReserved), std::end(kReserved), step.name()) != std::end(kReserved)) {
    findings_.Error(step.position(), "name",
                    StrCat("'", step.name(), "' cannot name a step: the language uses it itself"));
  }
  if (!names_.insert(step.name()).second) {
    findings_.Error(step.position(), "duplicate-name",
                    StrCat("'", step.name(), "' already names a step or an input"));
  }
}

void StepLinter::LintTimes(const v1::Step& step) {
  if (!step.has_timeout() || !playbook_.has_timeout()) return;
  if (FromProto(step.timeout()) <= FromProto(playbook_.timeout())) return;
  findings_.Warning(marks_.At(step.name(), "timeout", step.position()), "timeout-past-run",
                    StrCat(Of(step), ": its timeout is longer than the run's, which ends it first"),
                    "a longer run: {timeout: …}");
}

std::optional<ParsedExpression> StepLinter::Parse(const v1::Expression& expression) {
  auto parsed = ParseExpression(expression.text());
  if (const auto* fault = std::get_if<ExpressionFault>(&parsed)) {
    findings_.Fault(expression.position(), *fault);
    return std::nullopt;
  }
  return std::get<ParsedExpression>(std::move(parsed));
}

std::optional<DataType> StepLinter::TypeOf(const v1::Expression& expression, const ParsedExpression& parsed,
                                           const Seen& seen) {
  const TypeAnswer type =
      CheckGuardedExpression(parsed, [&](const Reference& reference, const std::set<std::string>& done) {
        return scope_.TypeOf(reference, seen, done);
      });
  if (const auto* fault = std::get_if<ExpressionFault>(&type)) {
    findings_.Fault(expression.position(), *fault);
    return std::nullopt;
  }
  return std::get<DataType>(type);
}

std::optional<DataType> StepLinter::TypeOf(const v1::Expression& expression, const Seen& seen) {
  const std::optional<ParsedExpression> parsed = Parse(expression);
  return parsed ? TypeOf(expression, *parsed, seen) : std::nullopt;
}

}  // namespace firebreak
