// The workflow as a graph: where each step leads, and which variables a text uses.
#ifndef FIREBREAK_SERVICES_CACAO_GRAPH_H_
#define FIREBREAK_SERVICES_CACAO_GRAPH_H_

#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/struct.pb.h"

namespace firebreak {

struct Edge {
  std::string pointer;   // below the step: /on_true, /next_steps/1, /cases/warn
  std::string target;
};

// In the order they are entered: branches first, then what comes after.
std::vector<Edge> EdgesOf(const google::protobuf::Struct& step);
// What comes after the step when it went well.
std::string AfterOf(const google::protobuf::Struct& step);

// The variables named in a text, in order, each once: "__ip__:value" and "__ip__".
std::vector<std::string> VariablesIn(std::string_view text);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_GRAPH_H_
