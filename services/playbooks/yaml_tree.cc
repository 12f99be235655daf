#include "services/playbooks/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <optional>
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
    if (frame.node.Find(key.text) != nullptr) {
      return Fail(mark, "duplicate-key", StrCat("key '", key.text, "' stands here twice"), "remove one of the two");
    }
    frame.pending = YamlEntry{key.text, key.position, {}};
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
  for (const char c : text) {
    if (c == '\n') ++line;
    if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r') continue;
    fault.position.set_line(line);
    fault.message = c == '\t' ? "tabs are not allowed" : "control characters are not allowed";
    fault.hint = c == '\t' ? "indent with spaces" : "";
    return fault;
  }
  return std::nullopt;
}

bool IsInteger(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// from_chars also takes "inf" and "nan", which no playbook needs.
std::optional<double> FindNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
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
  } else if (const std::optional<double> number = FindNumber(text);
             number && (IsInteger(text) || text.find_first_of("0123456789") != std::string::npos)) {
    value.set_number_value(*number);
  } else {
    value.set_string_value(text);
  }
  return value;
}

}  // namespace firebreak
