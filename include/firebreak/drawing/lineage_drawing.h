// A lineage graph for people: as a tree at the terminal, as Graphviz text, as an SVG picture. Pure; names are escaped for each form.
#ifndef FIREBREAK_DRAWING_LINEAGE_DRAWING_H_
#define FIREBREAK_DRAWING_LINEAGE_DRAWING_H_

#include <functional>
#include <string>
#include <string_view>

#include "firebreak/v1/lineage.pb.h"

namespace firebreak {

enum class Mark { kNone, kQuarantined, kTainted, kServing, kFaint };

struct TreeStyle {
  bool ascii = false;                                                    // no line-drawing characters
  std::function<std::string(std::string_view, Mark)> paint = nullptr;    // colours; null = plain
};

// The snapshot, what it was made from and what was made from it; a snapshot reached twice is drawn out once. With a line end.
std::string DrawTree(const v1::GetGraphResponse& graph, const TreeStyle& style);

// A digraph, parents left of children.
std::string DrawDot(const v1::GetGraphResponse& graph);

// Layered from left (oldest) to right, in at most 5,000 nodes; needs no fonts or files of its own.
std::string DrawSvg(const v1::GetGraphResponse& graph);

}  // namespace firebreak

#endif  // FIREBREAK_DRAWING_LINEAGE_DRAWING_H_
