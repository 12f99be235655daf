#include "services/playbooks/yaml_fields.h"

#include <algorithm>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/value_type.h"

namespace firebreak {

Fields::Fields(const YamlNode& node, std::string what, std::vector<std::string> known, Findings& findings)
    : node_(node), what_(std::move(what)), findings_(findings) {
  if (node.kind != YamlNode::Kind::kMap) {
    findings.Error(node.position, "shape", StrCat(what_, " must be a map, this is ", KindName(node)), "key: value");
    return;
  }
  for (const YamlEntry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    if (entry.key == "on") continue;  // CheckCoreSchema has said why
    const std::string nearest = NearestName(entry.key, known);
    findings.Error(entry.position, "unknown-key", StrCat(what_, ": unknown key '", entry.key, "'"),
                   nearest.empty() ? "" : StrCat("did you mean ", nearest));
  }
}

const YamlNode* Fields::Find(std::string_view key) const { return node_.Find(key); }

const YamlNode* Fields::Require(std::string_view key) const {
  const YamlNode* node = node_.Find(key);
  if (node == nullptr && node_.kind == YamlNode::Kind::kMap) {
    findings_.Error(node_.position, "missing-key", StrCat(what_, ": key '", key, "' is missing"));
  }
  return node;
}

std::string Fields::Text(std::string_view key) const {
  const YamlNode* node = Find(key);
  if (node == nullptr) return "";
  if (node->kind != YamlNode::Kind::kScalar) {
    findings_.Error(node->position, "shape", StrCat(what_, ": ", key, " must be text, this is ", KindName(*node)));
    return "";
  }
  return node->text;
}

std::vector<std::string> Fields::Texts(std::string_view key) const {
  const YamlNode* node = Find(key);
  if (node == nullptr) return {};
  if (node->kind == YamlNode::Kind::kScalar) return {node->text};
  std::vector<std::string> texts;
  for (const YamlNode& item : node->items) {
    if (item.kind == YamlNode::Kind::kScalar) {
      texts.push_back(item.text);
    } else {
      findings_.Error(item.position, "shape",
                      StrCat(what_, ": ", key, " is a list of texts, this is ", KindName(item)));
    }
  }
  if (node->kind != YamlNode::Kind::kList) {
    findings_.Error(node->position, "shape", StrCat(what_, ": ", key, " must be a list, this is ", KindName(*node)));
  }
  return texts;
}

std::optional<int64_t> Fields::Integer(std::string_view key, int64_t least, int64_t most) const {
  const YamlNode* node = Find(key);
  if (node == nullptr) return std::nullopt;
  const google::protobuf::Value value = ToValue(*node);
  if (!ValueMatches(value, ValueType::kInt) || value.number_value() < static_cast<double>(least) ||
      value.number_value() > static_cast<double>(most)) {
    findings_.Error(node->position, "type",
                    StrCat(what_, ": ", key, " must be a whole number from ", least, " to ", most));
    return std::nullopt;
  }
  return static_cast<int64_t>(value.number_value());
}

std::optional<bool> Fields::Bool(std::string_view key) const {
  const YamlNode* node = Find(key);
  if (node == nullptr) return std::nullopt;
  const google::protobuf::Value value = ToValue(*node);
  if (value.kind_case() != google::protobuf::Value::kBoolValue) {
    findings_.Error(node->position, "type", StrCat(what_, ": ", key, " must be true or false"));
    return std::nullopt;
  }
  return value.bool_value();
}

bool Fields::Span(std::string_view key, google::protobuf::Duration& duration) const {
  const YamlNode* node = Find(key);
  if (node == nullptr) return false;
  const std::optional<absl::Duration> span =
      node->kind == YamlNode::Kind::kScalar ? ParseSpan(node->text) : std::nullopt;
  if (!span || *span <= absl::ZeroDuration()) {
    findings_.Error(node->position, "type", StrCat(what_, ": ", key, " must be a duration of at most 30 days"),
                    "90s, 10m, 4h");
    return false;
  }
  duration = ToProto(*span);
  return true;
}

v1::Expression Fields::Expression(std::string_view key) const {
  v1::Expression expression;
  const YamlNode* node = Find(key);
  if (node == nullptr) return expression;
  expression.set_text(Text(key));
  *expression.mutable_position() = node->position;
  if (!node->plain) expression.mutable_position()->set_column(node->position.column() + 1);  // past the quote
  return expression;
}

}  // namespace firebreak
