#include "firebreak/cacao/print_yaml.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

using google::protobuf::Value;

constexpr size_t kLineMax = 140;

// Words that YAML readers take for something else than text.
bool IsReserved(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  static constexpr std::array<std::string_view, 12> kWords = {"true", "false", "null", "~", "yes", "no", "on", "off", "y", "n", ".nan", ".inf"};
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

// Whether the text may stand without quotes and is read as text again. Rather too strict than too lax.
enum class Place { kBlock, kFlow };   // a line of its own, or inside {…} and […]
bool MayBePlain(std::string_view text, Place place) {
  if (text.empty() || IsReserved(text)) return false;
  const char first = text.front();
  const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '$' || first == '(' || first == '/';
  const bool digit = first >= '0' && first <= '9';
  if (!letter && !digit) return false;
  if (digit) {
    // 12, 1.5, 0x1F, 017 and 1e9 are numbers, 2026-11-20 a date to some; 10m and 1h30m are fine.
    const bool span = text.find_first_of("smhd") != std::string_view::npos && text.find_first_not_of("0123456789msdh.") == std::string_view::npos;
    if (!span) return false;
  }
  if (text.back() == ' ' || text.back() == ':' || text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) return false;
  if (place == Place::kFlow && text.find_first_of(",[]{}") != std::string_view::npos) return false;
  return text.find_first_of("\n\r\t\"'`|\\\x7f") == std::string_view::npos &&
         std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

// JSON's quoting is also YAML's double quoting, but for DEL and the few line separators that YAML 1.1 readers break at.
std::string Scalar(std::string_view text, Place place = Place::kFlow) { return MayBePlain(text, place) ? std::string(text) : QuoteJson(text); }

// An expression stands on a line of its own, where quotes and brackets inside it do no harm.
std::string ExpressionText(std::string_view text) {
  const bool safe = !text.empty() && (text.front() == '$' || text.front() == '(' || (text.front() >= 'a' && text.front() <= 'z')) && !IsReserved(text) &&
                    text.find(": ") == std::string_view::npos && text.find(" #") == std::string_view::npos && text.back() != ':' && text.back() != ' ' &&
                    std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return safe ? std::string(text) : QuoteJson(text);
}

std::string Flow(const Value& value);

std::string FlowList(const std::vector<std::string>& items) {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); ++i) StrAppend(&out, i == 0 ? "" : ", ", items[i]);
  return out + "]";
}

// A literal that begins like a reference must stay in quotes to stay one.
std::string Literal(std::string_view text) {
  const bool reference = text.starts_with("$") || text.starts_with("incident.");
  return reference ? QuoteJson(text) : Scalar(text);
}

std::string Flow(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return Literal(value.string_value());
    case Value::kListValue: {
      std::vector<std::string> items;
      for (const Value& item : value.list_value().values()) items.push_back(Flow(item));
      return FlowList(items);
    }
    case Value::kStructValue: {
      std::vector<std::pair<std::string, std::string>> members;
      for (const auto& [name, member] : value.struct_value().fields()) members.emplace_back(name, Flow(member));
      std::sort(members.begin(), members.end());
      std::string out = "{";
      for (size_t i = 0; i < members.size(); ++i) StrAppend(&out, i == 0 ? "" : ", ", Scalar(members[i].first), ": ", members[i].second);
      return out + "}";
    }
    case Value::kNumberValue:
    case Value::kBoolValue:
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      return PrintJson(value);
  }
  return "null";
}

class Printer {
 public:
  std::string Take() && { return std::move(out_); }

  void Playbook(const v1::Playbook& playbook) {
    Line(0, "playbook", Scalar(playbook.name()));
    Line(0, "title", Scalar(playbook.title(), Place::kBlock));
    Paragraph(0, "about", playbook.about());
    Names(0, "types", playbook.types());
    if (playbook.severity() != 0) Line(0, "severity", StrCat(playbook.severity()));
    Names(0, "techniques", playbook.techniques());
    Names(0, "subcategories", playbook.subcategories());
    if (playbook.has_trigger()) {
      Open(0, "trigger");
      Line(2, "event", Scalar(playbook.trigger().event()));
      if (playbook.trigger().has_when()) Line(2, "when", ExpressionText(playbook.trigger().when().text()));
    }
    if (!playbook.inputs().empty()) Open(0, "inputs");
    for (const v1::InputDeclaration& input : playbook.inputs()) Input(input);
    if (playbook.has_timeout() || playbook.has_lock() || !playbook.if_locked().empty()) {
      Open(0, "run");
      if (playbook.has_timeout()) Line(2, "timeout", PrintSpan(FromProto(playbook.timeout())));
      if (playbook.has_lock()) Line(2, "lock", ExpressionText(playbook.lock().text()));
      if (!playbook.if_locked().empty()) Line(2, "if_locked", playbook.if_locked());
    }
    out_.push_back('\n');
    Open(0, "steps");
    Steps(0, playbook.steps());
    if (playbook.on_failure().empty()) return;
    out_.push_back('\n');
    Open(0, "on_failure");
    Steps(0, playbook.on_failure());
  }

 private:
  using StepList = google::protobuf::RepeatedPtrField<v1::Step>;
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  void Open(int indent, std::string_view key) { StrAppend(&out_, std::string(static_cast<size_t>(indent), ' '), key, ":\n"); }
  void Line(int indent, std::string_view key, std::string_view value) {
    StrAppend(&out_, std::string(static_cast<size_t>(indent), ' '), key, ": ", value, "\n");
  }
  void Names(int indent, std::string_view key, const google::protobuf::RepeatedPtrField<std::string>& names) {
    if (names.empty()) return;
    std::vector<std::string> items;
    for (const std::string& name : names) items.push_back(Scalar(name));
    Line(indent, key, FlowList(items));
  }

  // A text for people: on one line while it is short, folded over several when its spaces allow it.
  void Paragraph(int indent, std::string_view key, std::string_view text) {
    if (text.empty()) return;
    const std::string line = Scalar(text, Place::kBlock);
    const bool foldable = text.find("  ") == std::string_view::npos && text.front() != ' ' && text.back() != ' ' &&
                          std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
    if (!foldable || static_cast<size_t>(indent) + key.size() + 2 + line.size() <= kLineMax) return Line(indent, key, line);
    Line(indent, key, ">-");
    const std::string margin(static_cast<size_t>(indent) + 2, ' ');
    while (!text.empty()) {
      size_t end = text.size();
      if (margin.size() + end > kLineMax) {
        end = text.rfind(' ', kLineMax - margin.size());
        if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
      }
      StrAppend(&out_, margin, text.substr(0, end), "\n");
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  // {a: b} on one line, or a block when that is too long.
  void Map(int indent, std::string_view key, const Pairs& pairs) {
    std::string flow = "{";
    bool fits = true;
    for (size_t i = 0; i < pairs.size(); ++i) {
      StrAppend(&flow, i == 0 ? "" : ", ", pairs[i].first, ": ", pairs[i].second);
      // A reference stays plain, and plain text in a flow map ends at these.
      fits = fits && (pairs[i].second.find_first_of("\"[{") == 0 || pairs[i].second.find_first_of(",[]{}") == std::string::npos);
    }
    flow += "}";
    if (fits && static_cast<size_t>(indent) + key.size() + 2 + flow.size() <= kLineMax) return Line(indent, key, flow);
    Open(indent, key);
    for (const auto& [name, value] : pairs) Line(indent + 2, name, value);
  }

  static std::string Text(std::string_view text) { return Scalar(text); }

  void Input(const v1::InputDeclaration& input) {
    Pairs pairs = {{"type", Text(input.type())}};
    if (!input.choices().empty()) {
      std::vector<std::string> choices;
      for (const std::string& choice : input.choices()) choices.push_back(Scalar(choice));
      pairs.emplace_back("of", FlowList(choices));
    } else if (!input.element_type().empty()) {
      pairs.emplace_back("of", Text(input.element_type()));
    }
    if (!input.about().empty()) pairs.emplace_back("about", Text(input.about()));
    if (input.has_from()) pairs.emplace_back("from", ExpressionText(input.from().text()));
    if (input.has_default_value()) pairs.emplace_back("default", Flow(input.default_value()));
    Map(2, Scalar(input.name()), pairs);
  }

  static Pairs Arguments(const google::protobuf::RepeatedPtrField<v1::Argument>& arguments) {
    Pairs pairs;
    for (const v1::Argument& argument : arguments) {
      pairs.emplace_back(Scalar(argument.name()), argument.has_expression() ? argument.expression().text() : Flow(argument.literal()));
    }
    return pairs;
  }

  void Steps(int indent, const StepList& steps) {
    for (const v1::Step& step : steps) {
      StrAppend(&out_, std::string(static_cast<size_t>(indent), ' '), "- ", Scalar(step.name()), ":\n");
      Body(indent + 4, step);
    }
  }

  void Body(int indent, const v1::Step& step) {
    if (!step.has_ask()) Paragraph(indent, "about", step.about());   // an ask's about is what it binds to
    Kind(indent, step);
    if (step.has_delay()) Line(indent, "delay", PrintSpan(FromProto(step.delay())));
    if (step.has_timeout()) Line(indent, "timeout", PrintSpan(FromProto(step.timeout())));
    if (step.has_retry()) Retry(indent, step.retry());
    if (step.has_undo()) {
      Pairs pairs = {{"do", step.undo().action()}};
      if (!step.undo().with().empty()) {
        std::string with = "{";
        const Pairs arguments = Arguments(step.undo().with());
        for (size_t i = 0; i < arguments.size(); ++i) StrAppend(&with, i == 0 ? "" : ", ", arguments[i].first, ": ", arguments[i].second);
        pairs.emplace_back("with", with + "}");
      }
      Map(indent, "undo", pairs);
    }
    if (step.always()) Line(indent, "always", "true");
    if (step.continue_on_failure()) Line(indent, "on_failure", "continue");
    Children(indent, step);
  }

  void Kind(int indent, const v1::Step& step) {
    switch (step.kind_case()) {
      case v1::Step::kDo:
        Line(indent, "do", Scalar(step.do_().action()));
        if (!step.do_().with().empty()) Map(indent, "with", Arguments(step.do_().with()));
        return;
      case v1::Step::kAsk:
        Line(indent, "ask", Scalar(step.ask().question(), Place::kBlock));
        Who(indent, step.ask());
        if (step.ask().has_about()) Line(indent, "about", ExpressionText(step.ask().about().text()));
        return;
      case v1::Step::kBranch:
        return Line(indent, "if", ExpressionText(step.branch().condition().text()));
      case v1::Step::kLoop:
        Line(indent, "while", ExpressionText(step.loop().condition().text()));
        return Line(indent, "max", StrCat(step.loop().max()));
      case v1::Step::kChoice:
        return Line(indent, "switch", ExpressionText(step.choice().subject().text()));
      case v1::Step::kRun:
        Line(indent, "run", Scalar(step.run().digest().empty() ? step.run().playbook() : StrCat(step.run().playbook(), "@", step.run().digest())));
        if (!step.run().with().empty()) Map(indent, "with", Arguments(step.run().with()));
        return;
      case v1::Step::kForEach:
        Line(indent, "for_each", ExpressionText(step.for_each().list().text()));
        Line(indent, "as", Scalar(step.for_each().item_name()));
        if (!step.for_each().item_type().empty()) Line(indent, "type", Scalar(step.for_each().item_type()));
        return Line(indent, "max", StrCat(step.for_each().max()));
      case v1::Step::kParallel:
        if (step.parallel().need() != 0) Line(indent, "join", StrCat(step.parallel().need()));
        return;
      case v1::Step::kGroup:
      case v1::Step::KIND_NOT_SET:
        return;
    }
  }

  void Children(int indent, const v1::Step& step) {
    const auto list = [&](std::string_view key, const StepList& steps) {
      if (steps.empty()) return;
      Open(indent, key);
      Steps(indent, steps);
    };
    if (step.has_branch()) {
      list("then", step.branch().then_steps());
      list("else", step.branch().else_steps());
    }
    if (step.has_loop()) list("steps", step.loop().steps());
    if (step.has_for_each()) list("steps", step.for_each().steps());
    if (step.has_group()) list("steps", step.group().steps());
    if (step.has_parallel()) list("parallel", step.parallel().branches());
    if (!step.has_choice()) return;
    Open(indent, "cases");
    for (const v1::SwitchCase& one : step.choice().cases()) {
      StrAppend(&out_, std::string(static_cast<size_t>(indent), ' '), "- is: ", Flow(one.value()), "\n");
      Open(indent + 2, "steps");
      Steps(indent + 2, one.steps());
    }
    list("default", step.choice().default_steps());
  }

  void Who(int indent, const v1::AskStep& ask) {
    const auto names = [](const google::protobuf::RepeatedPtrField<std::string>& list) {
      std::vector<std::string> items;
      for (const std::string& name : list) items.push_back(Scalar(name));
      return FlowList(items);
    };
    std::string who = StrCat("{roles: ", names(ask.roles()), ", need: ", ask.need());
    if (!ask.not_identities().empty()) StrAppend(&who, ", not: ", names(ask.not_identities()));
    Line(indent, "who", who + "}");
  }

  void Retry(int indent, const v1::RetryPolicy& retry) {
    std::string text = StrCat("{times: ", retry.times());
    if (retry.has_backoff_min()) {
      const std::string lo = PrintSpan(FromProto(retry.backoff_min()));
      const std::string hi = PrintSpan(FromProto(retry.backoff_max()));
      StrAppend(&text, ", backoff: ", lo == hi ? lo : StrCat(lo, "..", hi));
    }
    if (!retry.unless().empty()) {
      std::vector<std::string> codes(retry.unless().begin(), retry.unless().end());
      StrAppend(&text, ", unless: ", FlowList(codes));
    }
    Line(indent, "retry", text + "}");
  }

  std::string out_;
};

void StripSteps(google::protobuf::RepeatedPtrField<v1::Step>& steps);

void StripCall(v1::DoStep& call) {
  call.clear_position();
  for (v1::Argument& argument : *call.mutable_with()) {
    argument.clear_position();
    if (argument.has_expression()) argument.mutable_expression()->clear_position();
  }
}

void StripStep(v1::Step& step) {
  step.clear_position();
  if (step.has_undo()) StripCall(*step.mutable_undo());
  switch (step.kind_case()) {
    case v1::Step::kDo:
      return StripCall(*step.mutable_do_());
    case v1::Step::kAsk:
      step.mutable_ask()->clear_position();
      if (step.ask().has_about()) step.mutable_ask()->mutable_about()->clear_position();
      return;
    case v1::Step::kBranch:
      step.mutable_branch()->mutable_condition()->clear_position();
      StripSteps(*step.mutable_branch()->mutable_then_steps());
      return StripSteps(*step.mutable_branch()->mutable_else_steps());
    case v1::Step::kLoop:
      step.mutable_loop()->mutable_condition()->clear_position();
      return StripSteps(*step.mutable_loop()->mutable_steps());
    case v1::Step::kChoice:
      step.mutable_choice()->mutable_subject()->clear_position();
      for (v1::SwitchCase& one : *step.mutable_choice()->mutable_cases()) {
        one.clear_position();
        StripSteps(*one.mutable_steps());
      }
      return StripSteps(*step.mutable_choice()->mutable_default_steps());
    case v1::Step::kParallel:
      return StripSteps(*step.mutable_parallel()->mutable_branches());
    case v1::Step::kGroup:
      return StripSteps(*step.mutable_group()->mutable_steps());
    case v1::Step::kRun:
      step.mutable_run()->clear_position();
      for (v1::Argument& argument : *step.mutable_run()->mutable_with()) {
        argument.clear_position();
        if (argument.has_expression()) argument.mutable_expression()->clear_position();
      }
      return;
    case v1::Step::kForEach:
      step.mutable_for_each()->mutable_list()->clear_position();
      return StripSteps(*step.mutable_for_each()->mutable_steps());
    case v1::Step::KIND_NOT_SET:
      return;
  }
}

void StripSteps(google::protobuf::RepeatedPtrField<v1::Step>& steps) {
  for (v1::Step& step : steps) StripStep(step);
}

}  // namespace

std::string PrintPlaybook(const v1::Playbook& playbook) {
  Printer printer;
  printer.Playbook(playbook);
  return std::move(printer).Take();
}

std::string PrintSpan(absl::Duration span) {
  int64_t left = std::max<int64_t>(absl::ToInt64Milliseconds(span), 0);
  static constexpr std::array<std::pair<int64_t, const char*>, 5> kUnits = {{{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}, {1, "ms"}}};
  std::string text;
  for (const auto& [size, unit] : kUnits) {
    if (left >= size) StrAppend(&text, left / size, unit);
    left %= size;
  }
  return text.empty() ? "0s" : text;
}

v1::Playbook WithoutPositions(v1::Playbook playbook) {
  playbook.clear_digest();
  if (playbook.has_trigger() && playbook.trigger().has_when()) playbook.mutable_trigger()->mutable_when()->clear_position();
  if (playbook.has_lock()) playbook.mutable_lock()->clear_position();
  for (v1::InputDeclaration& input : *playbook.mutable_inputs()) {
    input.clear_position();
    if (input.has_from()) input.mutable_from()->clear_position();
  }
  StripSteps(*playbook.mutable_steps());
  StripSteps(*playbook.mutable_on_failure());
  return playbook;
}

}  // namespace firebreak
