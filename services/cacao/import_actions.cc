// Commands of foreign action steps: http-api and openc2-http become calls of hooks, all else questions to people.
#include <algorithm>
#include <utility>

#include "absl/strings/str_split.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/status.h"
#include "services/cacao/graph.h"
#include "services/cacao/import_foreign.h"
#include "services/cacao/json_view.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kQuestionBytesMax = 1000;
constexpr size_t kTextBytesMax = size_t{64} << 10;   // a whole playbook has 256 KiB
constexpr size_t kValuesMax = 8;   // placeholders of http.call

void PutLiteral(v1::DoStep& call, const std::string& name, std::string_view text) {
  v1::Argument& argument = *call.add_with();
  argument.set_name(name);
  argument.mutable_literal()->set_string_value(std::string(text));
}

void PutExpression(v1::DoStep& call, const std::string& name, std::string_view text) {
  v1::Argument& argument = *call.add_with();
  argument.set_name(name);
  argument.mutable_expression()->set_text(std::string(text));
}

class ActionTranslator {
 public:
  ActionTranslator(Translation& translation, std::string pointer, const Struct& action)
      : translation_(translation), pointer_(std::move(pointer)), action_(action) {}

  std::vector<v1::Step> Run() {
    const Value* commands = FindMember(action_, "commands");
    const int count = commands == nullptr ? 0 : commands->list_value().values_size();
    for (int i = 0; i < count; ++i) {
      const Struct& command = commands->list_value().values(i).struct_value();
      const std::string where = Below(Below(pointer_, "commands"), i);
      if (translation_.TooManySteps(where)) break;
      std::string type = TextOf(command, "type");
      if (type == "openc2") type = "openc2-http";   // as SOARCA writes it
      const bool http = type == "http-api" || type == "openc2-http";
      if (!http || !Call(command, where)) ByHand(command, type, where);
    }
    Timing();
    return std::move(steps_);
  }

 private:
  std::string Title() const { return TextOf(action_, "name"); }

  // What stands in the command, decoded.
  std::string TextIn(const Struct& command, const std::string& plain, const std::string& encoded) const {
    std::string text = TextOf(command, plain);
    if (FindMember(command, encoded) != nullptr) {
      const absl::StatusOr<std::string> decoded = FromBase64(TextOf(command, encoded));
      text = decoded.ok() && IsValidUtf8(*decoded) ? *decoded : "";
    }
    if (text.size() <= kTextBytesMax) return text;
    translation_.Error(pointer_, "limit", StrCat("a text of ", text.size(), " bytes, at most ", kTextBytesMax, " are taken"));
    return "";
  }

  // The place outside that is called: the target's name, else the agent's. An operator says in DATA/hooks.json where it is.
  std::string HookName() {
    for (const std::string& target : TextsOf(action_, "targets")) {
      for (const char* map : {"target_definitions", "agent_definitions"}) {
        const Struct& definition = ObjectOf(ObjectOf(translation_.document(), map), target);
        if (TextOf(definition, "type") == "http-api") return Slug(TextOf(definition, "name"), '-');
      }
    }
    const std::string agent = TextOf(ObjectOf(ObjectOf(translation_.document(), "agent_definitions"), TextOf(action_, "agent")), "name");
    return Slug(agent, '-');
  }

  bool Call(const Struct& command, const std::string& where) {
    const std::vector<std::string> line = absl::StrSplit(TextOf(command, "command"), ' ', absl::SkipEmpty());
    static const std::vector<std::string> methods = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    if (line.size() < 2 || std::find(methods.begin(), methods.end(), line[0]) == methods.end()) {
      translation_.Note(Below(where, "command"), "http-line", "is no HTTP start line with GET, POST, PUT, PATCH or DELETE", "POST /path HTTP/1.1");
      return false;
    }
    std::string path = line[1];
    if (path.size() > kTextBytesMax) {
      translation_.Error(Below(where, "command"), "limit", StrCat("a path of ", path.size(), " bytes, at most ", kTextBytesMax, " are taken"));
      return true;
    }
    const size_t scheme = path.find("://");
    if (scheme != std::string::npos) {
      const size_t slash = path.find('/', scheme + 3);
      path = slash == std::string::npos ? "/" : path.substr(slash);
    }
    if (path.front() != '/') path.insert(path.begin(), '/');
    std::string hook = HookName();
    if (hook.empty()) hook = "outside";
    translation_.UseHook(hook);
    v1::Step& step = Add();
    v1::DoStep& call = *step.mutable_do_();
    call.set_action("http.call");
    PutLiteral(call, "hook", hook);
    PutLiteral(call, "method", line[0]);
    std::string body = TextIn(command, "content", "content_b64");
    if (body.empty() && FindMember(command, "content_b64") != nullptr) {
      translation_.Note(Below(where, "content_b64"), "binary-content", "is no text, so it is not sent");
    }
    std::vector<std::pair<std::string, std::string>> values;
    const std::string filled_path = Placeholders(path, where, values);
    const std::string filled_body = Placeholders(body, where, values);
    PutLiteral(call, "path", filled_path);
    if (!filled_body.empty()) PutLiteral(call, "body", filled_body);
    for (const auto& [name, expression] : values) PutExpression(call, name, expression);
    Headers(command, where);
    for (const std::string& variable : TextsOf(action_, "out_args")) translation_.Fill(variable, {StrCat("$", step.name(), ".body"), "string"});
    return true;
  }

  // "__ip__:value" -> "{{value1}}", filled in by http.call with the right escapes, never by pasting text together.
  std::string Placeholders(std::string text, const std::string& where, std::vector<std::pair<std::string, std::string>>& values) {
    for (const std::string& variable : VariablesIn(text)) {
      const absl::StatusOr<ForeignVariable> value = translation_.Variable(variable, action_);
      if (!value.ok()) {
        translation_.Error(where, "undeclared-variable", std::string(MessageOf(value.status())));
        continue;
      }
      auto known = std::find_if(values.begin(), values.end(), [&](const auto& one) { return one.second == value->expression; });
      if (known == values.end()) {
        if (values.size() == kValuesMax) {
          translation_.Error(where, "limit", StrCat("uses more than ", kValuesMax, " variables"));
          return text;
        }
        values.emplace_back(StrCat("value", values.size() + 1), value->expression);
        known = values.end() - 1;
      }
      const std::string from = variable + ":value";
      const std::string to = StrCat("{{", known->first, "}}");
      for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
    }
    return text;
  }

  void Headers(const Struct& command, const std::string& where) {
    for (const std::string& name : NamesOf(ObjectOf(command, "headers"))) {
      std::string lower(name);
      std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
      if (lower == "content-type" || lower == "accept" || lower == "idempotency-key") continue;
      translation_.Note(Below(Below(where, "headers"), name), "header", StrCat("header ", CutText(name, 60), " is not sent"),
                        "secrets and their header belong in the hook");
    }
  }

  void ByHand(const Struct& command, const std::string& type, const std::string& where) {
    std::string text = TextIn(command, "command", "command_b64");
    if (text.empty()) text = TextOf(action_, "description");
    const bool manual = type == "manual";
    if (!manual) {
      translation_.Note(where, "disabled-command", StrCat("a command of type ", CutText(type, 40), " is not run by Firebreak: a person is asked to do it"),
                        "put it behind a hook or an agent's own configuration");
    }
    std::string question = manual ? text : StrCat("Do by hand (", CutText(type, 40), ", never run by Firebreak): ", text);
    if (question.empty()) question = Title();
    if (question.size() > kQuestionBytesMax) {
      question.resize(kQuestionBytesMax);
      while (!IsValidUtf8(question)) question.pop_back();
      translation_.Note(where, "cut", StrCat("the question is cut at ", kQuestionBytesMax, " bytes"));
    }
    v1::Step& ask = Add();
    const std::string name = ask.name();
    ask.mutable_ask()->set_question(translation_.TextForPeople(question, action_, where));
    for (const char* role : {"responder", "security-lead"}) ask.mutable_ask()->add_roles(role);
    ask.mutable_ask()->set_need(1);
    for (const std::string& variable : TextsOf(action_, "out_args")) {
      const std::string declared = TextOf(ObjectOf(ObjectOf(action_, "step_variables"), variable), "type");
      if (declared == "bool") {
        translation_.Fill(variable, {StrCat("$", name, ".approved"), "bool"});
      } else {
        translation_.Note(where, "free-answer", StrCat("people answer yes or no; ", variable, " is an input instead"), "give it when the run is started");
      }
    }
    v1::Step& require = Add("done");
    require.mutable_do_()->set_action("run.require");
    PutExpression(*require.mutable_do_(), "that", StrCat("$", name, ".approved"));
    PutLiteral(*require.mutable_do_(), "reason", StrCat("nobody confirmed: ", Title().empty() ? name : Title()));
  }

  v1::Step& Add(std::string_view suffix = "") {
    v1::Step& step = steps_.emplace_back();
    const std::string base = Title().empty() ? std::string("step") : Title();
    step.set_name(translation_.StepName(suffix.empty() ? base : StrCat(base, " ", suffix), "step"));
    const std::string about = TextOf(action_, "description");
    if (suffix.empty() && !about.empty()) step.set_about(std::string(CutText(about, 500)));
    return step;
  }

  void Timing() {
    if (steps_.empty()) return;
    if (const int64_t delay = IntegerOf(action_, "delay"); delay > 0) *steps_.front().mutable_delay() = ToProto(std::min(absl::Milliseconds(delay), absl::Hours(720)));
    const int64_t timeout = IntegerOf(action_, "timeout");
    for (v1::Step& step : steps_) {
      if (timeout > 0 && step.has_ask()) *step.mutable_timeout() = ToProto(std::clamp(absl::Milliseconds(timeout), absl::Seconds(1), absl::Hours(720)));
      if (timeout > 0 && step.has_do_() && step.do_().action() == "http.call") {
        *step.mutable_timeout() = ToProto(std::clamp(absl::Milliseconds(timeout), absl::Seconds(1), absl::Hours(720)));
      }
      if (step.has_ask()) step.clear_about();   // of an ask it is what the answer binds to
    }
  }

  Translation& translation_;
  const std::string pointer_;
  const Struct& action_;
  std::vector<v1::Step> steps_;
};

}  // namespace

std::vector<v1::Step> TranslateAction(Translation& translation, const std::string& pointer, const Struct& action) {
  return ActionTranslator(translation, pointer, action).Run();
}

}  // namespace firebreak
