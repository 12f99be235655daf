// Where single keys and list items of steps stand in the YAML, for findings about them; the parsed playbook itself keeps
// the positions of names and expressions only.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_MARKS_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_MARKS_H_

#include <map>
#include <string>
#include <utility>

#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

class Marks {
 public:
  // `key` is a key of the step ("timeout") or an item of one ("roles/0"). The playbook's own keys have the empty step.
  void Set(const std::string& step, const std::string& key, const v1::SourcePosition& position) {
    marks_.emplace(std::make_pair(step, key), position);
  }
  const v1::SourcePosition& At(const std::string& step, const std::string& key, const v1::SourcePosition& otherwise) const {
    const auto found = marks_.find({step, key});
    return found == marks_.end() ? otherwise : found->second;
  }

 private:
  std::map<std::pair<std::string, std::string>, v1::SourcePosition> marks_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_MARKS_H_
