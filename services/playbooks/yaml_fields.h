// Fields: one YAML map read key by key. Keys nobody reads are unknown and become findings with the nearest valid name.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_YAML_FIELDS_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_YAML_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/duration.pb.h"
#include "services/playbooks/findings.h"
#include "services/playbooks/yaml_tree.h"

namespace firebreak {

// Lives as long as the tree and the findings it was given.
class Fields {
 public:
  // `what` names the map in messages ("step contain"). A node that is no map is a finding and has no fields.
  Fields(const YamlNode& node, std::string what, std::vector<std::string> known, Findings& findings);

  const YamlNode* Find(std::string_view key) const;            // nullptr when absent
  const YamlNode* Require(std::string_view key) const;         // a finding when absent
  std::string Text(std::string_view key) const;                // empty when absent or no text
  std::vector<std::string> Texts(std::string_view key) const;  // a list of texts, or one text
  std::optional<int64_t> Integer(std::string_view key, int64_t least, int64_t most) const;
  std::optional<bool> Bool(std::string_view key) const;
  bool Span(std::string_view key, google::protobuf::Duration& duration) const;  // true when set
  v1::Expression Expression(std::string_view key) const;                        // empty text when absent

  const std::string& what() const { return what_; }

 private:
  const YamlNode& node_;
  const std::string what_;
  Findings& findings_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_YAML_FIELDS_H_
