// Which steps of a workflow can be reached from which, worked out once: a hostile document has many steps that lead to many.
#ifndef FIREBREAK_SERVICES_CACAO_PATHS_H_
#define FIREBREAK_SERVICES_CACAO_PATHS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "google/protobuf/struct.pb.h"

namespace firebreak {

// Not thread-safe. O(steps + edges) to make; the first look from a step costs as much again, later ones nothing.
class WorkflowPaths {
 public:
  // `workflow`: steps by id, at most kCacaoStepsMax.
  explicit WorkflowPaths(const google::protobuf::Struct& workflow);

  // An end step, or none at all.
  bool IsEnd(const std::string& id) const { return !numbers_.contains(id); }
  // Where paths that part meet again: the step nearest to the first that all of them reach; empty when there is none.
  std::string Meeting(const std::vector<std::string>& starts);

 private:
  struct Reach {
    std::vector<uint32_t> order;   // nearest first, with the start itself
    std::vector<bool> has;         // by number
  };
  const Reach& From(uint32_t step);

  std::map<std::string, uint32_t> numbers_;     // of every step but ends
  std::vector<std::string> ids_;
  std::vector<std::vector<uint32_t>> next_;     // each target once, in the order of the edges
  std::map<uint32_t, Reach> known_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_PATHS_H_
