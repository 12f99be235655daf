#include "services/cacao/names.h"

#include <utility>

#include "firebreak/base/text.h"
#include "firebreak/playbooks/question.h"

namespace firebreak {
namespace {

using StepList = google::protobuf::RepeatedPtrField<v1::Step>;

void VisitSteps(const StepList& steps, const std::function<void(const v1::Step&)>& visit) {
  for (const v1::Step& step : steps) {
    visit(step);
    VisitSteps(step.branch().then_steps(), visit);
    VisitSteps(step.branch().else_steps(), visit);
    VisitSteps(step.loop().steps(), visit);
    for (const v1::SwitchCase& one : step.choice().cases()) VisitSteps(one.steps(), visit);
    VisitSteps(step.choice().default_steps(), visit);
    VisitSteps(step.parallel().branches(), visit);
    VisitSteps(step.group().steps(), visit);
    VisitSteps(step.for_each().steps(), visit);
  }
}

class Collector {
 public:
  std::vector<Reference> Take() && { return std::move(found_); }

  void Expression(std::string_view text) {
    if (text.empty()) return;
    const auto parsed = ParseExpression(text);
    if (const auto* expression = std::get_if<ParsedExpression>(&parsed)) {
      for (const auto& [reference, offset] : firebreak::ReferencesOf(*expression)) found_.push_back(reference);
    }
  }
  void Text(std::string_view text) {
    const auto references = ReferencesInText(text);
    if (const auto* list = std::get_if<std::vector<std::pair<Reference, size_t>>>(&references)) {
      for (const auto& [reference, offset] : *list) found_.push_back(reference);
    }
  }
  void Arguments(const google::protobuf::RepeatedPtrField<v1::Argument>& arguments) {
    for (const v1::Argument& argument : arguments) Expression(argument.expression().text());
  }
  void Step(const v1::Step& step) {
    Arguments(step.do_().with());
    Arguments(step.run().with());
    Text(step.ask().question());
    Expression(step.ask().about().text());
    Expression(step.branch().condition().text());
    Expression(step.loop().condition().text());
    Expression(step.choice().subject().text());
    Expression(step.for_each().list().text());
  }

 private:
  std::vector<Reference> found_;
};

}  // namespace

void ForEachStep(const v1::Playbook& playbook, const std::function<void(const v1::Step&)>& visit) {
  VisitSteps(playbook.steps(), visit);
  VisitSteps(playbook.on_failure(), visit);
}

std::vector<Reference> ReferencesOf(const v1::Playbook& playbook) {
  Collector collector;
  ForEachStep(playbook, [&](const v1::Step& step) { collector.Step(step); });
  return std::move(collector).Take();
}

VariableNames::VariableNames(const v1::Playbook& playbook) {
  const auto add = [this](const Reference& reference) {
    if (names_.contains(reference.text())) return;
    std::string name = reference.scope.empty() ? StrCat("__", reference.field, "__") : StrCat("__", reference.scope, "_", reference.field, "__");
    // $plan.digest and an input plan_digest would both be __plan_digest__.
    for (int i = 2; references_.contains(name); ++i) name = StrCat(name.substr(0, name.size() - 2), "-", i, "__");
    names_.emplace(reference.text(), name);
    references_.emplace(name, reference);
  };
  for (const v1::InputDeclaration& input : playbook.inputs()) add({"", input.name()});
  for (const Reference& reference : ReferencesOf(playbook)) add(reference);
}

std::string VariableNames::Of(const Reference& reference) const {
  const auto found = names_.find(reference.text());
  if (found != names_.end()) return found->second;
  return reference.scope.empty() ? StrCat("__", reference.field, "__") : StrCat("__", reference.scope, "_", reference.field, "__");
}

std::vector<std::string> VariableNames::FilledBy(std::string_view step) const {
  std::vector<std::string> filled;
  for (const auto& [name, reference] : references_) {
    if (reference.scope == step) filled.push_back(name);
  }
  return filled;
}

std::string TextWithVariables(std::string_view text, const VariableNames& names) {
  return ResolveText(text, [&](const Reference& reference) -> absl::StatusOr<google::protobuf::Value> {
    google::protobuf::Value value;
    value.set_string_value(names.Of(reference) + ":value");
    return value;
  });
}

}  // namespace firebreak
