// YAML as a plain tree with positions: the subset playbooks are written in (one document; no anchors, aliases, tags or
// duplicate keys), so that a reader sees exactly what the engine sees. yaml-cpp stays behind this header.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_YAML_TREE_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_YAML_TREE_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "firebreak/v1/playbook.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

struct YamlEntry;

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  v1::SourcePosition position;
  std::string text;                // kScalar
  bool plain = false;              // kScalar: written without quotes
  std::vector<YamlNode> items;     // kList
  std::vector<YamlEntry> entries;  // kMap, in order

  const YamlNode* Find(std::string_view key) const;  // kMap; nullptr when absent
};

struct YamlEntry {
  std::string key;
  v1::SourcePosition position;  // of the key
  bool plain_key = false;       // written without quotes
  YamlNode value;
};

struct YamlFault {
  v1::SourcePosition position;
  std::string rule;
  std::string message;
  std::string hint;
  bool error = true;  // false = a warning
};

// The first fault ends reading. Limits: lint.h.
std::variant<YamlNode, YamlFault> ReadYaml(std::string_view text);

// "a list", "a map", "text" …
std::string_view KindName(const YamlNode& node);

// What the YAML 1.2 core schema reads otherwise than people or YAML 1.1 readers expect: yes and no, 017, keys like `on`;
// and numbers that no playbook value can hold.
std::vector<YamlFault> CheckCoreSchema(const YamlNode& node);

// A literal by the YAML 1.2 core schema: plain true/false, null, integers (0o17 and 0x1F too) and floats are typed,
// everything else is text. Maps become structs.
google::protobuf::Value ToValue(const YamlNode& node);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_YAML_TREE_H_
