#include "services/drawing/layers.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace firebreak {
namespace {

constexpr int kSweeps = 8;
constexpr size_t kPlacesMax = 40'000;   // with those of long edges; past it long edges run straight

// A node's layer is one behind its latest parent. Nodes in a circle stay where they are.
std::vector<size_t> LayersOf(size_t nodes, const std::vector<std::pair<size_t, size_t>>& edges) {
  std::vector<size_t> layer(nodes, 0), waiting(nodes, 0), order;
  std::vector<std::vector<size_t>> children(nodes);
  for (const auto& [parent, child] : edges) {
    children[parent].push_back(child);
    ++waiting[child];
  }
  for (size_t i = 0; i < nodes; ++i) {
    if (waiting[i] == 0) order.push_back(i);
  }
  for (size_t at = 0; at < order.size(); ++at) {
    for (const size_t child : children[order[at]]) {
      layer[child] = std::max(layer[child], layer[order[at]] + 1);
      if (--waiting[child] == 0) order.push_back(child);
    }
  }
  // A source stands just before what was made from it, not at the far left.
  for (auto node = order.rbegin(); node != order.rend(); ++node) {
    size_t nearest = SIZE_MAX;
    for (const size_t child : children[*node]) nearest = std::min(nearest, layer[child]);
    if (nearest != SIZE_MAX && nearest > layer[*node] + 1) layer[*node] = nearest - 1;
  }
  return layer;
}

}  // namespace

Layout Arrange(size_t nodes, const std::vector<std::pair<size_t, size_t>>& edges) {
  const std::vector<size_t> layer_of = LayersOf(nodes, edges);
  const size_t layers = nodes == 0 ? 0 : *std::max_element(layer_of.begin(), layer_of.end()) + 1;
  // Places: the nodes, then one for each layer a long edge crosses.
  std::vector<size_t> layer = layer_of;
  std::vector<std::vector<size_t>> chains;
  std::vector<std::vector<size_t>> before(nodes), after(nodes);
  for (const auto& [parent, child] : edges) {
    std::vector<size_t> chain = {parent};
    for (size_t between = layer_of[parent] + 1; between < layer_of[child] && layer.size() < kPlacesMax; ++between) {
      chain.push_back(layer.size());
      layer.push_back(between);
      before.emplace_back();
      after.emplace_back();
    }
    chain.push_back(child);
    for (size_t i = 0; i + 1 < chain.size(); ++i) {
      after[chain[i]].push_back(chain[i + 1]);
      before[chain[i + 1]].push_back(chain[i]);
    }
    chains.push_back(std::move(chain));
  }
  std::vector<std::vector<size_t>> members(layers);
  for (size_t place = 0; place < layer.size(); ++place) members[layer[place]].push_back(place);
  std::vector<double> row(layer.size(), 0);
  const auto number = [&](std::vector<size_t>& places) {
    for (size_t i = 0; i < places.size(); ++i) row[places[i]] = static_cast<double>(i) - static_cast<double>(places.size()) / 2;
  };
  for (std::vector<size_t>& places : members) number(places);
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    const bool forward = sweep % 2 == 0;
    for (size_t i = 0; i < layers; ++i) {
      std::vector<size_t>& places = members[forward ? i : layers - 1 - i];
      std::vector<double> wish(layer.size(), 0);
      for (const size_t place : places) {
        const std::vector<size_t>& next_to = forward ? before[place] : after[place];
        wish[place] = row[place];
        if (next_to.empty()) continue;
        wish[place] = std::accumulate(next_to.begin(), next_to.end(), 0.0, [&](double sum, size_t other) { return sum + row[other]; }) /
                      static_cast<double>(next_to.size());
      }
      std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) { return wish[a] < wish[b]; });
      number(places);
    }
  }
  Layout layout;
  std::vector<Layout::Place> places(layer.size());
  for (size_t i = 0; i < layers; ++i) {
    layout.rows.push_back(members[i].size());
    for (size_t at = 0; at < members[i].size(); ++at) places[members[i][at]] = {i, at};
  }
  layout.nodes.assign(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(nodes));
  for (const std::vector<size_t>& chain : chains) {
    std::vector<Layout::Place>& route = layout.routes.emplace_back();
    for (const size_t place : chain) route.push_back(places[place]);
  }
  return layout;
}

}  // namespace firebreak
