#include "services/playbooks/sketch_boxes.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/value_type.h"

namespace firebreak {
namespace {

constexpr size_t kLineMax = 46;      // characters
constexpr size_t kLinesMax = 4;      // of one text
constexpr size_t kSummaryMax = 140;  // characters

// 90s -> "1m30s", as people write it in a playbook.
std::string SpanText(const google::protobuf::Duration& duration) {
  int64_t left = absl::ToInt64Milliseconds(FromProto(duration));
  std::string text;
  for (const auto& [name, size] : {std::pair<const char*, int64_t>{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}}) {
    if (left >= size) StrAppend(&text, left / size, name);
    left %= size;
  }
  return text.empty() ? "0s" : text;
}

std::string ArgumentText(const v1::Argument& argument) {
  return StrCat(argument.name(), ": ",
                argument.has_expression() ? argument.expression().text() : DisplayValue(argument.literal()));
}

const ActionSpec* FindSpec(absl::Span<const ActionSpec* const> actions, const std::string& name) {
  for (const ActionSpec* spec : actions) {
    if (spec->name == name) return spec;
  }
  return nullptr;
}

SketchBox::Tone ToneOf(const ActionSpec* spec) {
  if (spec == nullptr) return SketchBox::Tone::kPlain;
  if (spec->keeps_on_failure) return SketchBox::Tone::kContains;
  if (spec->changes_production || spec->needs_approval) return SketchBox::Tone::kChanges;
  return spec->action_class == ActionClass::kRead ? SketchBox::Tone::kReads : SketchBox::Tone::kPlain;
}

std::vector<std::string> BadgesOf(const v1::Step& step) {
  std::vector<std::string> badges;
  if (step.has_delay()) badges.push_back(StrCat("waits ", SpanText(step.delay())));
  if (step.always()) badges.emplace_back("always");
  if (step.continue_on_failure()) badges.emplace_back("goes on when it fails");
  if (step.has_timeout()) badges.push_back(StrCat(step.has_ask() ? "denied after " : "within ", SpanText(step.timeout())));
  if (step.retry().times() > 0) badges.push_back(StrCat("up to ", step.retry().times(), " retries"));
  if (step.has_undo()) badges.push_back(StrCat("undo ", step.undo().action()));
  return badges;
}

class BoxMaker {
 public:
  explicit BoxMaker(absl::Span<const ActionSpec* const> actions) : actions_(actions) {}

  std::vector<SketchBox> Make(const google::protobuf::RepeatedPtrField<v1::Step>& steps) const {
    std::vector<SketchBox> boxes;
    for (const v1::Step& step : steps) boxes.push_back(Make(step));
    return boxes;
  }

 private:
  SketchBox Make(const v1::Step& step) const {
    SketchBox box;
    box.name = step.name();
    box.badges = BadgesOf(step);
    if (step.has_do_()) Do(step.do_(), box);
    if (step.has_ask()) Ask(step.ask(), box);
    if (step.has_branch()) If(step.branch(), box);
    if (step.has_choice()) Switch(step.choice(), box);
    if (step.has_loop()) {
      box.kind = SketchBox::Kind::kLoop;
      Say(box, StrCat("while ", step.loop().condition().text()));
      Say(box, StrCat("at most ", step.loop().max(), " rounds"));
      box.lanes.push_back({"", Make(step.loop().steps())});
    }
    if (step.has_for_each()) {
      const v1::ForEachStep& loop = step.for_each();
      box.kind = SketchBox::Kind::kLoop;
      Say(box, StrCat("for each $", loop.item_name(), " of ", loop.list().text()));
      Say(box, StrCat("at most ", loop.max()));
      box.lanes.push_back({"", Make(loop.steps())});
    }
    if (step.has_parallel()) {
      box.kind = SketchBox::Kind::kParallel;
      const uint32_t need = step.parallel().need();
      Say(box, need == 0 ? "at the same time; all must be done" : StrCat("at the same time; ", need, " must be done"));
      for (const v1::Step& branch : step.parallel().branches()) box.lanes.push_back({"", {Make(branch)}});
    }
    if (step.has_group()) {
      box.kind = SketchBox::Kind::kGroup;
      box.lanes.push_back({"", Make(step.group().steps())});
    }
    if (step.has_run()) {
      box.kind = SketchBox::Kind::kRun;
      Say(box, StrCat("playbook ", step.run().playbook()));
      Say(box, ShortLabel(step.run().digest(), 20));
    }
    const std::string summary = box.summary;
    if (!step.about().empty()) Say(box, step.about());
    box.summary = summary;
    return box;
  }

  static void Say(SketchBox& box, std::string_view text) {
    for (std::string& line : Wrap(text, kLineMax, kLinesMax)) box.lines.push_back(std::move(line));
    if (!box.summary.empty()) box.summary += " · ";
    box.summary = ShortLabel(box.summary + std::string(text), kSummaryMax);
  }

  void Do(const v1::DoStep& call, SketchBox& box) const {
    box.tone = ToneOf(FindSpec(actions_, call.action()));
    Say(box, call.action());
    std::vector<std::string> arguments;
    for (const v1::Argument& argument : call.with()) arguments.push_back(ArgumentText(argument));
    const std::string summary = box.summary;
    if (!arguments.empty()) Say(box, absl::StrJoin(arguments, ", "));
    box.summary = summary;  // the tree has no room for arguments
  }

  static void Ask(const v1::AskStep& ask, SketchBox& box) {
    box.kind = SketchBox::Kind::kAsk;
    box.tone = SketchBox::Tone::kAsks;
    Say(box, ask.question());
    std::string who = StrCat(ask.need(), " of ", absl::StrJoin(ask.roles(), ", "));
    if (ask.not_identities_size() > 0) StrAppend(&who, "; not ", absl::StrJoin(ask.not_identities(), ", "));
    Say(box, who);
  }

  void If(const v1::IfStep& branch, SketchBox& box) const {
    box.kind = SketchBox::Kind::kChoice;
    Say(box, StrCat("if ", branch.condition().text()));
    box.lanes.push_back({"then", Make(branch.then_steps())});
    box.lanes.push_back({"else", Make(branch.else_steps())});
  }

  void Switch(const v1::SwitchStep& choice, SketchBox& box) const {
    box.kind = SketchBox::Kind::kChoice;
    Say(box, StrCat("switch ", choice.subject().text()));
    for (const v1::SwitchCase& one : choice.cases())
      box.lanes.push_back({ShortLabel(DisplayValue(one.value()), kLineMax), Make(one.steps())});
    box.lanes.push_back({"default", Make(choice.default_steps())});
  }

  absl::Span<const ActionSpec* const> actions_;
};

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::vector<SketchBox> SketchBoxes(const google::protobuf::RepeatedPtrField<v1::Step>& steps,
                                   absl::Span<const ActionSpec* const> actions) {
  return BoxMaker(actions).Make(steps);
}

size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !Continues(c); }));
}

std::string ShortLabel(std::string_view text, size_t most) {
  std::string line(text);
  std::replace_if(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  if (CountCharacters(line) <= most) return line;
  size_t at = 0;
  for (size_t left = most; left > 1; --left) {
    for (++at; Continues(line[at]);) ++at;
  }
  return line.substr(0, at) + "…";
}

std::vector<std::string> Wrap(std::string_view text, size_t width, size_t most) {
  std::vector<std::string> lines;
  std::string rest = ShortLabel(text, text.size() + 1);  // without line breaks
  while (CountCharacters(rest) > width && lines.size() + 1 < most) {
    size_t cut = 0;  // behind the last space that fits
    size_t at = 0;
    for (size_t characters = 0; characters <= width && at < rest.size(); ++characters) {
      if (rest[at] == ' ' && at > 0) cut = at;
      for (++at; at < rest.size() && Continues(rest[at]);) ++at;
    }
    if (cut == 0) break;  // one long word
    lines.push_back(rest.substr(0, cut));
    rest.erase(0, cut + 1);
  }
  lines.push_back(ShortLabel(rest, width));
  return lines;
}

}  // namespace firebreak
