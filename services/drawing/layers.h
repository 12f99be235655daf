// Where the boxes of a layered drawing go: every edge runs from a layer to a later one; long edges get places on the layers between,
// so that they bend around boxes; within a layer, neighbours of neighbours stand together (Sugiyama's method, plain).
#ifndef FIREBREAK_SERVICES_DRAWING_LAYERS_H_
#define FIREBREAK_SERVICES_DRAWING_LAYERS_H_

#include <cstddef>
#include <utility>
#include <vector>

namespace firebreak {

struct Layout {
  struct Place {
    size_t layer = 0;
    size_t row = 0;      // within the layer
  };
  std::vector<Place> nodes;
  // Per edge: the places it passes, the parent's first, the child's last.
  std::vector<std::vector<Place>> routes;
  std::vector<size_t> rows;   // of each layer
};

// Edges are (parent, child) by number of node, without circles (an edge that would close one is laid out as if it were not there).
Layout Arrange(size_t nodes, const std::vector<std::pair<size_t, size_t>>& edges);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DRAWING_LAYERS_H_
