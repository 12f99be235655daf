#include "services/cacao/paths.h"

#include <algorithm>
#include <set>

#include "services/cacao/graph.h"
#include "services/cacao/json_view.h"

namespace firebreak {

using google::protobuf::Struct;

WorkflowPaths::WorkflowPaths(const Struct& workflow) {
  for (const std::string& id : NamesOf(workflow)) {
    if (id.empty() || TextOf(workflow.fields().at(id).struct_value(), "type") == "end") continue;
    numbers_[id] = static_cast<uint32_t>(ids_.size());
    ids_.push_back(id);
  }
  next_.resize(ids_.size());
  for (size_t step = 0; step < ids_.size(); ++step) {
    std::set<uint32_t> seen;
    for (const Edge& edge : EdgesOf(workflow.fields().at(ids_[step]).struct_value())) {
      const auto target = numbers_.find(edge.target);
      if (target != numbers_.end() && seen.insert(target->second).second) next_[step].push_back(target->second);
    }
  }
}

const WorkflowPaths::Reach& WorkflowPaths::From(uint32_t step) {
  const auto [known, is_new] = known_.try_emplace(step);
  Reach& reach = known->second;
  if (!is_new) return reach;
  reach.has.resize(ids_.size());
  reach.has[step] = true;
  reach.order = {step};
  for (size_t at = 0; at < reach.order.size(); ++at) {
    for (const uint32_t next : next_[reach.order[at]]) {
      if (reach.has[next]) continue;
      reach.has[next] = true;
      reach.order.push_back(next);
    }
  }
  return reach;
}

std::string WorkflowPaths::Meeting(const std::vector<std::string>& starts) {
  if (starts.size() < 2) return "";
  std::set<uint32_t> others;
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto number = numbers_.find(starts[i]);
    if (number == numbers_.end()) return "";   // one of them ends at once
    if (i > 0) others.insert(number->second);
  }
  for (const uint32_t candidate : From(numbers_.at(starts[0])).order) {
    if (std::all_of(others.begin(), others.end(), [&](uint32_t other) { return From(other).has[candidate]; })) return ids_[candidate];
  }
  return "";
}

}  // namespace firebreak
