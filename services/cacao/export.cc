#include "firebreak/cacao/export.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/cacao/print_yaml.h"
#include "firebreak/crypto/uuid.h"
#include "services/cacao/conditions.h"
#include "services/cacao/definitions.h"
#include "services/cacao/extension.h"
#include "services/cacao/json_view.h"
#include "services/cacao/names.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using StepList = google::protobuf::RepeatedPtrField<v1::Step>;

// RFC 9562's namespace for DNS names; ours is the UUID of our name in it.
constexpr std::string_view kDnsNamespace = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

class Exporter {
 public:
  Exporter(const v1::Playbook& playbook, const CacaoExportOptions& options) : playbook_(playbook), options_(options), names_(playbook) {}

  absl::StatusOr<Value> Run() {
    Value document;
    root_ = document.mutable_struct_value();
    Head();
    Variables();
    workflow_ = &PutObject(*root_, "workflow");
    const std::string first = List(playbook_.steps(), "", End(""));
    const std::string start = Id("start", "");
    PutText(*root_, "workflow_start", start);
    Struct& step = PutObject(*workflow_, start);
    PutText(step, "type", "start");
    PutText(step, "on_completion", first);
    if (!playbook_.on_failure().empty()) {
      PutText(*root_, "workflow_exception", List(playbook_.on_failure(), "on_failure/", End("on_failure/")));
    } else {
      PutText(*root_, "workflow_exception", End("exception"));
    }
    AddAgents(groups_, options_, *root_);
    RETURN_IF_ERROR(AddMarking(options_, *root_));
    AddExtension(playbook_, *root_);
    Summary();
    return document;
  }

 private:
  std::string Id(std::string_view type, std::string_view path) const { return CacaoId(type, StrCat("playbook/", playbook_.name(), "/", path)); }

  void Head() {
    PutText(*root_, "type", "playbook");
    PutText(*root_, "spec_version", "cacao-2.0");
    PutText(*root_, "id", CacaoId("playbook", StrCat("playbook/", playbook_.name())));
    PutText(*root_, "name", playbook_.title());
    if (!playbook_.about().empty()) PutText(*root_, "description", playbook_.about());
    PutText(*root_, "created_by", CacaoId("identity", "firebreak"));
    PutText(*root_, "created", FormatRfc3339(options_.created));
    PutText(*root_, "modified", FormatRfc3339(options_.modified));
    if (!playbook_.types().empty()) PutTexts(*root_, "playbook_types", {playbook_.types().begin(), playbook_.types().end()});
    const std::vector<std::string> activities = ActivitiesOf(playbook_);
    if (!activities.empty()) PutTexts(*root_, "playbook_activities", activities);
    if (playbook_.severity() != 0) PutNumber(*root_, "severity", playbook_.severity());
    AddReferences(playbook_, *root_);
  }

  void Variables() {
    Struct& variables = PutObject(*root_, "playbook_variables");
    const auto declare = [&](const std::string& name, std::string_view type, std::string_view about, bool external) -> Struct& {
      Struct& variable = PutObject(variables, name);
      PutText(variable, "type", type);
      if (!about.empty()) PutText(variable, "description", about);
      PutFlag(variable, "external", external);
      return variable;
    };
    declare("__run_id__", "string", "names this execution; part of every Idempotency-Key, so it must be new for every run", true);
    declare("__incident_id__", "string", "the incident the playbook is run for: INC-42; may be empty", true);
    std::map<std::string, const v1::InputDeclaration*> inputs;
    for (const v1::InputDeclaration& input : playbook_.inputs()) inputs[input.name()] = &input;
    for (const auto& [name, reference] : names_.all()) {
      if (reference.scope.empty() && inputs.contains(reference.field)) {
        const v1::InputDeclaration& input = *inputs[reference.field];
        Struct& variable = declare(name, CacaoType(input.type()), input.about(), true);
        if (input.has_default_value()) {
          const Value& value = input.default_value();
          PutText(variable, "value", value.kind_case() == Value::kStringValue ? value.string_value() : PrintJson(value));
        }
      } else {
        const bool incident = reference.scope == "incident";
        declare(name, "string", reference.text(), incident);
      }
    }
  }

  std::string End(std::string_view path) {
    const std::string id = Id("end", path);
    PutText(PutObject(*workflow_, id), "type", "end");
    return id;
  }

  // Emits the list and answers the id of its first step; the last one leads to `next`.
  std::string List(const StepList& steps, const std::string& prefix, std::string next) {
    for (int i = steps.size() - 1; i >= 0; --i) next = Step(steps[i], prefix + steps[i].name(), next);
    return next;
  }
  // A branch of its own ends in an end step of its own.
  std::string Branch(const StepList& steps, const std::string& prefix) { return List(steps, prefix, End(prefix)); }

  Struct& Open(const v1::Step& step, const std::string& path, const char* type, const std::string& next, std::string& id) {
    id = Id(type, path);
    Struct& object = PutObject(*workflow_, id);
    PutText(object, "type", type);
    PutText(object, "name", step.name());
    if (!step.about().empty()) PutText(object, "description", step.about());
    if (step.has_delay() && absl::ToInt64Milliseconds(FromProto(step.delay())) > 0) {
      PutNumber(object, "delay", static_cast<double>(absl::ToInt64Milliseconds(FromProto(step.delay()))));
    }
    if (step.has_timeout()) PutNumber(object, "timeout", static_cast<double>(absl::ToInt64Milliseconds(FromProto(step.timeout()))));
    // on_completion goes on whatever happened, on_success only when all is well; then workflow_exception takes over.
    PutText(object, step.always() || step.continue_on_failure() ? "on_completion" : "on_success", next);
    PutStepExtension(step, path, object);
    return object;
  }

  std::string Step(const v1::Step& step, const std::string& path, const std::string& next) {
    std::string id;
    switch (step.kind_case()) {
      case v1::Step::kDo:
        return Do(step, path, next);
      case v1::Step::kAsk:
        return Ask(step, path, next);
      case v1::Step::kBranch: {
        Struct& object = Open(step, path, "if-condition", next, id);
        PutText(object, "condition", Condition(step.branch().condition().text()));
        PutText(object, "on_true", Branch(step.branch().then_steps(), path + "/then/"));
        if (!step.branch().else_steps().empty()) PutText(object, "on_false", Branch(step.branch().else_steps(), path + "/else/"));
        return id;
      }
      case v1::Step::kLoop: {
        Struct& object = Open(step, path, "while-condition", next, id);
        PutText(object, "condition", Condition(step.loop().condition().text()));
        PutText(object, "on_true", Branch(step.loop().steps(), path + "/"));
        return id;
      }
      case v1::Step::kChoice: {
        Struct& object = Open(step, path, "switch-condition", next, id);
        PutText(object, "switch", Condition(step.choice().subject().text(), true));
        Struct& cases = PutObject(object, "cases");
        for (int i = 0; i < step.choice().cases_size(); ++i) {
          const v1::SwitchCase& one = step.choice().cases(i);
          const std::string key = one.value().kind_case() == Value::kStringValue ? one.value().string_value() : PrintJson(one.value());
          PutText(cases, key, Branch(one.steps(), StrCat(path, "/case", i + 1, "/")));
        }
        if (!step.choice().default_steps().empty()) PutText(cases, "default", Branch(step.choice().default_steps(), path + "/default/"));
        return id;
      }
      case v1::Step::kParallel: {
        Struct& object = Open(step, path, "parallel", next, id);
        std::vector<std::string> branches;
        for (const v1::Step& branch : step.parallel().branches()) {
          const std::string inner = StrCat(path, "/", branch.name());
          branches.push_back(Step(branch, inner, End(inner)));
        }
        PutTexts(object, "next_steps", branches);
        return id;
      }
      case v1::Step::kGroup:
        return Group(step, path, next);
      case v1::Step::kRun: {
        Struct& object = Open(step, path, "playbook-action", next, id);
        PutText(object, "playbook_id", CacaoId("playbook", StrCat("playbook/", step.run().playbook())));
        return id;
      }
      case v1::Step::kForEach:
        return EachByHand(step, path, next);
      case v1::Step::KIND_NOT_SET:
        break;
    }
    return next;
  }

  // CACAO has no block: the steps stand in the chain, and the first of them says that a group begins.
  std::string Group(const v1::Step& step, const std::string& path, const std::string& next) {
    const std::string first = List(step.group().steps(), path + "/", next);
    PutGroupExtension(step, path, PutObject(*workflow_, first));
    return first;
  }

  std::string Condition(const std::string& text, bool is_value = false) const {
    std::string stix = ToStix(text, [this](const Reference& reference) { return names_.Of(reference); });
    constexpr std::string_view kTrue = " = true";
    if (is_value && stix.ends_with(kTrue)) stix.resize(stix.size() - kTrue.size());
    return stix;
  }

  Struct& Action(const v1::Step& step, const std::string& path, const std::string& next, std::string& id, Struct*& command) {
    Struct& object = Open(step, path, "action", next, id);
    auto& commands = *(*object.mutable_fields())["commands"].mutable_list_value();
    commands.clear_values();
    command = commands.add_values()->mutable_struct_value();
    const std::vector<std::string> filled = names_.FilledBy(step.name());
    if (!filled.empty()) PutTexts(object, "out_args", filled);
    return object;
  }

  std::string Do(const v1::Step& step, const std::string& path, const std::string& next) {
    std::string id;
    Struct* command = nullptr;
    Struct& object = Action(step, path, next, id, command);
    PutText(*command, "type", "http-api");
    PutText(*command, "command", StrCat("POST /v1/actions/", step.do_().action(), ":run HTTP/1.1"));
    Struct& headers = PutObject(*command, "headers");
    PutTexts(headers, "Content-Type", {"application/json"});
    PutTexts(headers, "Idempotency-Key", {StrCat("__run_id__:value/", path)});
    PutText(*command, "content", Content(step.do_()));
    if (const std::string activity = ActivityOf(step.do_().action()); !activity.empty()) PutText(*command, "playbook_activity", activity);
    PutText(object, "agent", GatewayId());
    return id;
  }

  // Variables are texts to CACAO: our endpoint reads "4" where an int is wanted.
  std::string Content(const v1::DoStep& call) const {
    Struct inputs;
    PutText(inputs, "incident", "__incident_id__:value");
    for (const v1::Argument& argument : call.with()) {
      Value& value = (*inputs.mutable_fields())[argument.name()];
      if (argument.has_expression()) {
        value.set_string_value(Condition(argument.expression().text(), true));
      } else {
        value = argument.literal();
      }
    }
    return PrintJson(inputs);
  }

  std::string Ask(const v1::Step& step, const std::string& path, const std::string& next) {
    std::string id;
    Struct* command = nullptr;
    Struct& object = Action(step, path, next, id, command);
    PutText(*command, "type", "manual");
    PutText(*command, "command", TextWithVariables(step.ask().question(), names_));
    PutText(object, "agent", GroupOf(step.ask()));
    return id;
  }

  std::string GroupOf(const v1::AskStep& ask) {
    const std::string name = absl::StrJoin(ask.roles(), "+");
    groups_.insert(name);
    return GroupId(name);
  }

  // CACAO cannot go through a list. Another engine asks a person; ours finds the steps in the extension.
  std::string EachByHand(const v1::Step& step, const std::string& path, const std::string& next) {
    std::string id;
    Struct* command = nullptr;
    Struct& object = Action(step, path, next, id, command);
    std::string text = StrCat("For every ", step.for_each().item_name(), " in ", Condition(step.for_each().list().text(), true), ", in order:");
    for (const v1::Step& inner : step.for_each().steps()) {
      StrAppend(&text, " ", inner.name(), inner.has_do_() ? StrCat(" (", inner.do_().action(), ")") : "", ";");
    }
    text.back() = '.';
    PutText(*command, "type", "manual");
    PutText(*command, "command", text);
    groups_.insert("responder");
    PutText(object, "agent", GroupId("responder"));
    return id;
  }

  void Summary() {
    std::map<std::string, bool> flags = {{"data_markings", true}, {"extensions", true}};
    ForEachStep(playbook_, [&](const v1::Step& step) {
      flags["manual_playbook"] |= step.has_ask() || step.has_for_each();
      flags["external_playbooks"] |= step.has_run();
      flags["parallel_processing"] |= step.has_parallel();
      flags["if_logic"] |= step.has_branch();
      flags["while_logic"] |= step.has_loop();
      flags["switch_logic"] |= step.has_choice();
      flags["temporal_logic"] |= step.has_delay() || step.has_timeout();
    });
    Struct& summary = PutObject(*root_, "playbook_processing_summary");
    for (const auto& [name, flag] : flags) {
      if (flag) PutFlag(summary, name, true);
    }
  }

  const v1::Playbook& playbook_;
  const CacaoExportOptions& options_;
  const VariableNames names_;
  Struct* root_ = nullptr;
  Struct* workflow_ = nullptr;
  std::set<std::string> groups_;
};

}  // namespace

std::string CacaoId(std::string_view type, std::string_view name) {
  static const auto& name_space = *new std::string(NameUuid(kDnsNamespace, "firebreak.cacao"));
  return StrCat(type, "--", NameUuid(name_space, StrCat(type, "/", name)));
}

std::string CacaoExtensionId() { return CacaoId("extension-definition", "firebreak"); }

absl::StatusOr<Value> ExportCacao(const v1::Playbook& playbook, const CacaoExportOptions& options) {
  const v1::Playbook bare = WithoutPositions(playbook);
  return Exporter(bare, options).Run();
}

}  // namespace firebreak
