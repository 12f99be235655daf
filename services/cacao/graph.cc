#include "services/cacao/graph.h"

#include <set>

#include "services/cacao/check_shape.h"
#include "services/cacao/json_view.h"

namespace firebreak {

using google::protobuf::Struct;

std::vector<Edge> EdgesOf(const Struct& step) {
  std::vector<Edge> edges;
  const auto add = [&](const char* name) {
    if (const std::string target = TextOf(step, name); !target.empty()) edges.push_back({Below("", name), target});
  };
  add("on_true");
  add("on_false");
  const std::vector<std::string> next = TextsOf(step, "next_steps");
  for (size_t i = 0; i < next.size(); ++i) edges.push_back({Below("/next_steps", static_cast<int>(i)), next[i]});
  const Struct& cases = ObjectOf(step, "cases");
  for (const std::string& name : NamesOf(cases)) {
    if (!cases.fields().at(name).string_value().empty()) edges.push_back({Below("/cases", name), cases.fields().at(name).string_value()});
  }
  add("on_completion");
  add("on_success");
  add("on_failure");
  return edges;
}

std::string AfterOf(const Struct& step) {
  const std::string success = TextOf(step, "on_success");
  return success.empty() ? TextOf(step, "on_completion") : success;
}

std::vector<std::string> VariablesIn(std::string_view text) {
  std::vector<std::string> found;
  std::set<std::string> seen;
  for (size_t at = text.find("__"); at != std::string_view::npos; at = text.find("__", at)) {
    size_t end = at + 2;
    const auto inner = [&](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
    while (end < text.size() && inner(text[end]) && end - at < 210) ++end;
    std::string name(text.substr(at, end - at));
    // Only with ":value" or as the whole word; dunder words such as Python's are not variables.
    const bool value = text.substr(end).starts_with(":value");
    if (value && IsCacaoVariable(name)) {
      if (seen.insert(name).second) found.push_back(std::move(name));
    }
    at = end;
  }
  return found;
}

}  // namespace firebreak
