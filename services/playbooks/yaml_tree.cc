#include "services/playbooks/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"

namespace firebreak {
namespace {

v1::SourcePosition PositionOf(const YAML::Mark& mark) {
  v1::SourcePosition position;
  position.set_line(mark.line < 0 ? 1 : static_cast<uint32_t>(mark.line) + 1);
  position.set_column(mark.column < 0 ? 1 : static_cast<uint32_t>(mark.column) + 1);
  return position;
}

// Builds the tree from yaml-cpp's events. After the first fault every event is ignored.
class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Fail(mark, "yaml", "a file holds one playbook; this starts a second document", "");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (Refuse(mark, "", anchor)) return;
    YamlNode node;
    node.position = PositionOf(mark);
    Finish(std::move(node), mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Fail(mark, "anchor", "aliases are not allowed: a reader must see every step where it stands", "repeat the text");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (Refuse(mark, tag, anchor)) return;
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.position = PositionOf(mark);
    node.text = value;
    node.plain = tag != "!";  // yaml-cpp marks quoted and block scalars with "!"
    Finish(std::move(node), mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

  void Fail(const YAML::Mark& mark, std::string rule, std::string message, std::string hint) {
    if (!fault_) fault_ = YamlFault{PositionOf(mark), std::move(rule), std::move(message), std::move(hint)};
  }
  const std::optional<YamlFault>& fault() const { return fault_; }
  YamlNode TakeRoot() { return std::move(root_); }

 private:
  struct Frame {
    YamlNode node;
    std::optional<YamlEntry> pending;  // key seen, value to come
    std::set<std::string> keys;        // of this map
    YAML::Mark mark;
  };

  bool Refuse(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) {
      Fail(mark, "anchor", "anchors are not allowed: a reader must see every step where it stands", "repeat the text");
    } else if (!tag.empty() && tag != "?" && tag != "!") {
      Fail(mark, "tag", StrCat("tags are not allowed (", tag, ")"), "leave the tag out");
    }
    return fault_.has_value();
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (Refuse(mark, tag, anchor)) return;
    if (stack_.size() >= static_cast<size_t>(kPlaybookDepthMax)) {
      return Fail(mark, "limit", StrCat("nested more than ", kPlaybookDepthMax, " deep"), "");
    }
    Frame frame;
    frame.node.kind = kind;
    frame.node.position = PositionOf(mark);
    frame.mark = mark;
    stack_.push_back(std::move(frame));
  }

  void Close() {
    if (fault_ || stack_.empty()) return;
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    Finish(std::move(frame.node), frame.mark);
  }

  // A whole node: into the frame it belongs to.
  void Finish(YamlNode node, const YAML::Mark& mark) {
    if (fault_) return;
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.kind == YamlNode::Kind::kList) {
      frame.node.items.push_back(std::move(node));
    } else if (frame.pending) {
      frame.pending->value = std::move(node);
      frame.node.entries.push_back(*std::move(frame.pending));
      frame.pending.reset();
    } else {
      TakeKey(frame, std::move(node), mark);
    }
  }

  void TakeKey(Frame& frame, YamlNode key, const YAML::Mark& mark) {
    if (key.kind != YamlNode::Kind::kScalar)
      return Fail(mark, "yaml", StrCat("a key must be text, this is ", KindName(key)), "");
    if (key.plain && key.text == "<<") {
      return Fail(mark, "merge-key", "merge keys are not allowed: a reader must see every key where it stands",
                  "repeat the keys");
    }
    if (!frame.keys.insert(key.text).second) {
      return Fail(mark, "duplicate-key", StrCat("key '", key.text, "' stands here twice"), "remove one of the two");
    }
    frame.pending = YamlEntry{key.text, key.position, key.plain, {}};
  }

  int documents_ = 0;
  std::vector<Frame> stack_;
  YamlNode root_;
  std::optional<YamlFault> fault_;
};

std::optional<YamlFault> CheckBytes(std::string_view text) {
  YamlFault fault;
  fault.position.set_line(1);
  fault.position.set_column(1);
  if (text.size() > kPlaybookBytesMax) {
    fault.rule = "limit";
    fault.message = StrCat("a playbook has at most ", kPlaybookBytesMax, " bytes, this has ", text.size());
    return fault;
  }
  fault.rule = "yaml";
  if (!IsValidUtf8(text)) {
    fault.message = "the file is not valid UTF-8";
    return fault;
  }
  uint32_t line = 1;
  size_t line_start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
      line_start = i + 1;
    }
    const bool directive = c == '%' && i == line_start;
    if (!directive && (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r')) continue;
    fault.position.set_line(line);
    fault.position.set_column(static_cast<uint32_t>(i - line_start) + 1);
    if (directive) {
      fault.message = "YAML directives are not allowed: every playbook is YAML 1.2";
      return fault;
    }
    fault.message = c == '\t' ? "tabs are not allowed" : "control characters are not allowed";
    fault.hint = c == '\t' ? "indent with spaces" : "";
    return fault;
  }
  return std::nullopt;
}

bool AllOf(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

// 12, -7, 0o17, 0x1F: the integers of the YAML 1.2 core schema, whatever their size.
bool IsInteger(std::string_view text) {
  if (text.starts_with("0o")) return AllOf(text.substr(2), "01234567");
  if (text.starts_with("0x")) return AllOf(text.substr(2), "0123456789abcdefABCDEF");
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return AllOf(text, "0123456789");
}

// The finite numbers of the core schema; .inf and .nan are none that a playbook needs.
std::optional<double> FindNumber(std::string_view text) {
  if (text.starts_with("0o") || text.starts_with("0x")) {
    uint64_t whole = 0;
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), whole, text[1] == 'o' ? 8 : 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return static_cast<double>(whole);
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  if (!AllOf(text, "0123456789.eE+-") || text.find_first_of("0123456789") == std::string_view::npos || text[0] == '+')
    return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

// Whether a number_value (a double) holds the integer written as `digits`, without its sign.
bool HoldsExactly(std::string_view digits) {
  const bool octal = digits.starts_with("0o");
  const bool hex = digits.starts_with("0x");
  if (octal || hex) digits.remove_prefix(2);
  uint64_t whole = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), whole, octal ? 8 : (hex ? 16 : 10));
  return error == std::errc() && end == digits.data() + digits.size() && whole <= (uint64_t{1} << 53);
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// Words that YAML 1.1 reads as true or false.
bool IsYaml11Word(std::string_view text) {
  return IsOneOf(text, {"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"});
}

YamlFault FaultAt(const v1::SourcePosition& position, std::string rule, std::string message, std::string hint,
                  bool error) {
  return YamlFault{position, std::move(rule), std::move(message), std::move(hint), error};
}

void CheckScalar(const YamlNode& node, std::vector<YamlFault>& faults) {
  const std::string& text = node.text;
  if (!node.plain) return;
  std::string_view digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (IsYaml11Word(text)) {
    faults.push_back(FaultAt(node.position, "yaml-word",
                             StrCat("'", text, "' is plain text here, and true or false to YAML 1.1 readers"),
                             StrCat("true or false, or \"", text, "\""), false));
  } else if (digits.size() > 1 && digits[0] == '0' && AllOf(digits, "0123456789")) {
    faults.push_back(FaultAt(node.position, "ambiguous-number",
                             StrCat("'", text, "' is ", ToValue(node).number_value(), " here, and octal to YAML 1.1 readers"),
                             StrCat("0o for octal, or \"", text, "\" for text"), false));
  } else if (IsOneOf(digits, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"})) {
    faults.push_back(FaultAt(node.position, "not-finite", StrCat("'", text, "' is no number a playbook can use"),
                             "a finite number", true));
  } else if (IsInteger(text)) {
    if (!HoldsExactly(digits)) {
      faults.push_back(FaultAt(node.position, "large-number",
                               StrCat("'", text, "' is more than a number can hold exactly (2^53)"), "give it as text",
                               true));
    }
  }
}

}  // namespace

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const YamlEntry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::string_view KindName(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "text";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "unknown";
}

std::variant<YamlNode, YamlFault> ReadYaml(std::string_view text) {
  if (std::optional<YamlFault> fault = CheckBytes(text)) return *std::move(fault);
  std::istringstream stream{std::string(text)};
  TreeBuilder builder;
  try {
    YAML::Parser parser(stream);
    while (!builder.fault() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    return YamlFault{PositionOf(error.mark), "yaml", error.msg, ""};
  }
  if (builder.fault()) return *builder.fault();
  return builder.TakeRoot();
}

std::vector<YamlFault> CheckCoreSchema(const YamlNode& node) {
  std::vector<YamlFault> faults;
  if (node.kind == YamlNode::Kind::kScalar) CheckScalar(node, faults);
  auto take = [&faults](std::vector<YamlFault> inner) {
    faults.insert(faults.end(), std::make_move_iterator(inner.begin()), std::make_move_iterator(inner.end()));
  };
  for (const YamlNode& item : node.items) take(CheckCoreSchema(item));
  for (const YamlEntry& entry : node.entries) {
    if (entry.plain_key && IsYaml11Word(entry.key)) {
      faults.push_back(FaultAt(entry.position, "on-key",
                               StrCat("'", entry.key, "' is no key here: YAML 1.1 readers take it for a truth value"),
                               entry.key == "on" ? "trigger" : "another name", true));
    }
    take(CheckCoreSchema(entry.value));
  }
  return faults;
}

google::protobuf::Value ToValue(const YamlNode& node) {
  google::protobuf::Value value;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      value.set_null_value(google::protobuf::NULL_VALUE);
      return value;
    case YamlNode::Kind::kList:
      value.mutable_list_value();
      for (const YamlNode& item : node.items) *value.mutable_list_value()->add_values() = ToValue(item);
      return value;
    case YamlNode::Kind::kMap:
      value.mutable_struct_value();
      for (const YamlEntry& entry : node.entries) {
        (*value.mutable_struct_value()->mutable_fields())[entry.key] = ToValue(entry.value);
      }
      return value;
    case YamlNode::Kind::kScalar:
      break;
  }
  const std::string& text = node.text;
  if (!node.plain) {
    value.set_string_value(text);
  } else if (text == "true" || text == "True" || text == "TRUE") {
    value.set_bool_value(true);
  } else if (text == "false" || text == "False" || text == "FALSE") {
    value.set_bool_value(false);
  } else if (text == "null" || text == "Null" || text == "NULL" || text == "~" || text.empty()) {
    value.set_null_value(google::protobuf::NULL_VALUE);
  } else if (const std::optional<double> number = FindNumber(text)) {
    value.set_number_value(*number);
  } else {
    value.set_string_value(text);
  }
  return value;
}

}  // namespace firebreak
