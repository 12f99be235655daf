#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_format.h"
#include "firebreak/base/text.h"
#include "firebreak/drawing/lineage_drawing.h"
#include "firebreak/snapshots/names.h"
#include "services/drawing/layers.h"

namespace firebreak {
namespace {

constexpr double kBoxHeight = 44;
constexpr double kRowHeight = 64;
constexpr double kLayerGap = 96;
constexpr double kMargin = 28;
constexpr double kCharacter = 7.3;    // of the text in boxes, 13 px
constexpr double kBoxMin = 150;
constexpr size_t kNameMax = 40;       // characters in a box; the whole name is in its tooltip
constexpr double kHeader = 56;
constexpr double kLegend = 44;

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

// At most `max` bytes, cut in the middle: the version at the end tells snapshots apart. Names are ASCII.
std::string Shortened(const std::string& text, size_t max) {
  if (text.size() <= max) return text;
  return StrCat(text.substr(0, max / 2 - 1), "…", text.substr(text.size() - (max / 2 - 1)));
}

const char* ColorOf(v1::LineageRelation relation) {
  switch (relation) {
    case v1::LINEAGE_RELATION_TRAINED_ON: return "#2563a8";
    case v1::LINEAGE_RELATION_FINE_TUNED_FROM: return "#7a3fa0";
    case v1::LINEAGE_RELATION_DERIVED_FROM: return "#4b5563";
    case v1::LINEAGE_RELATION_CONFIGURED_BY: return "#0f766e";
    case v1::LINEAGE_RELATION_EVALUATED_ON: return "#9ca3af";
    case v1::LINEAGE_RELATION_UNSPECIFIED:
    case v1::LineageRelation_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::LineageRelation_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return "#4b5563";
}

class Picture {
 public:
  explicit Picture(const v1::GetGraphResponse& graph) : graph_(graph) {
    std::map<std::string, size_t> number;
    for (const v1::GraphNode& node : graph.nodes()) number.emplace(node.digest(), number.size());
    for (const v1::GraphEdge& edge : graph.edges()) {
      const auto parent = number.find(edge.parent_digest());
      const auto child = number.find(edge.child_digest());
      if (parent == number.end() || child == number.end()) continue;
      edges_.emplace_back(parent->second, child->second);
      shown_.push_back(&edge);
    }
    layout_ = Arrange(static_cast<size_t>(graph.nodes_size()), edges_);
    Measure();
  }

  std::string Draw() {
    const std::string title = graph_.nodes().empty() ? "Lineage" : StrCat("Lineage of ", graph_.nodes(0).name());
    std::string svg = absl::StrFormat(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\">\n", width_, height_,
        width_, height_);
    StrAppend(&svg, "<title>", Escaped(title), "</title>\n", kStyle, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
              absl::StrFormat("<text class=\"t\" x=\"%.0f\" y=\"34\">", kMargin), Escaped(title), "</text>\n");
    for (size_t i = 0; i < shown_.size(); ++i) AddEdge(*shown_[i], layout_.routes[i], svg);
    for (int i = 0; i < graph_.nodes_size(); ++i) AddBox(graph_.nodes(i), layout_.nodes[static_cast<size_t>(i)], svg);
    AddLegend(svg);
    return svg + "</svg>\n";
  }

 private:
  static constexpr std::string_view kStyle =
      "<style>text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#1f2937}"
      ".t{font-size:17px;font-weight:600}.n{font-size:13px}.s{font-size:11px;fill:#4b5563}.l{font-size:11px;fill:#374151}"
      ".e{fill:none;stroke-width:1.6}</style>\n";

  void Measure() {
    std::vector<double> widest(layout_.rows.size(), kBoxMin);
    for (int i = 0; i < graph_.nodes_size(); ++i) {
      const std::string name = Shortened(graph_.nodes(i).name(), kNameMax);
      double& width = widest[layout_.nodes[static_cast<size_t>(i)].layer];
      width = std::max({width, static_cast<double>(name.size()) * kCharacter + 28,
                        static_cast<double>(Note(graph_.nodes(i)).size()) * 6.2 + 28});
    }
    double x = kMargin;
    for (const double width : widest) {
      left_.push_back(x);
      box_.push_back(width);
      x += width + kLayerGap;
    }
    const size_t tallest = layout_.rows.empty() ? 1 : *std::max_element(layout_.rows.begin(), layout_.rows.end());
    width_ = std::max(x - kLayerGap + kMargin, 880.0);
    height_ = kHeader + static_cast<double>(tallest) * kRowHeight + kLegend + kMargin;
  }

  // Layers are centred on the tallest one.
  double Middle(const Layout::Place& place) const {
    const double tallest = height_ - kHeader - kLegend - kMargin;
    const double own = static_cast<double>(layout_.rows[place.layer]) * kRowHeight;
    return kHeader + (tallest - own) / 2 + (static_cast<double>(place.row) + 0.5) * kRowHeight;
  }

  static std::string Note(const v1::GraphNode& node) {
    std::string note = node.quarantined() ? "quarantined" : (node.tainted() ? "tainted" : "");
    if (!node.serving().empty()) {
      StrAppend(&note, note.empty() ? "" : ", ", "serving ", Shortened(node.serving(0), 24),
                node.serving_size() > 1 ? StrCat(" +", node.serving_size() - 1) : "");
    }
    return note;
  }

  void AddEdge(const v1::GraphEdge& edge, const std::vector<Layout::Place>& route, std::string& svg) const {
    std::string path;
    for (size_t i = 0; i + 1 < route.size(); ++i) {
      const bool first = i == 0;
      const bool last = i + 2 == route.size();
      const double from_x = left_[route[i].layer] + box_[route[i].layer];
      const double to_x = left_[route[i + 1].layer] - (last ? 7 : 0);
      const double from_y = Middle(route[i]);
      const double to_y = Middle(route[i + 1]);
      if (first) path = absl::StrFormat("M%.1f %.1f", from_x, from_y);
      const double bend = (to_x - from_x) / 2;
      absl::StrAppendFormat(&path, "C%.1f %.1f %.1f %.1f %.1f %.1f", from_x + bend, from_y, to_x - bend, to_y, to_x, to_y);
      if (!last) absl::StrAppendFormat(&path, "H%.1f", left_[route[i + 1].layer] + box_[route[i + 1].layer]);
    }
    const Layout::Place& end = route.back();
    const char* color = edge.removed() ? "#c4c9d1" : ColorOf(edge.relation());
    std::string about = StrCat(RelationText(edge.relation()));
    if (!edge.signer().empty()) StrAppend(&about, ", added under the signature of ", edge.signer());
    if (edge.removed()) StrAppend(&about, ", taken back by ", edge.removed_by(), ": ", edge.removed_reason());
    const bool dashed = edge.removed() || edge.relation() == v1::LINEAGE_RELATION_EVALUATED_ON;
    StrAppend(&svg, "<g><title>", Escaped(about), "</title><path class=\"e\" stroke=\"", color, "\"",
              dashed ? " stroke-dasharray=\"5 4\"" : "", " d=\"", path, "\"/>",
              absl::StrFormat("<path fill=\"%s\" d=\"M%.1f %.1fl-8 -4.5v9z\"/></g>\n", color, left_[end.layer], Middle(end)));
  }

  void AddBox(const v1::GraphNode& node, const Layout::Place& place, std::string& svg) const {
    const char* fill = "#f8fafc";
    const char* stroke = "#94a3b8";
    if (node.quarantined()) {
      fill = "#fbd5d5", stroke = "#b42318";
    } else if (node.tainted()) {
      fill = "#fdecc8", stroke = "#b54708";
    } else if (!node.serving().empty()) {
      fill = "#d7f0dd", stroke = "#067647";
    }
    const double top = Middle(place) - kBoxHeight / 2;
    const double left = left_[place.layer];
    const std::string note = Note(node);
    StrAppend(&svg, "<g><title>", Escaped(StrCat(node.name(), " ", node.digest())), "</title>",
              absl::StrFormat("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\" rx=\"7\" fill=\"%s\" stroke=\"%s\" stroke-width=\"%s\"/>",
                              left, top, box_[place.layer], kBoxHeight, fill, stroke, node.level() == 0 ? "3" : "1.4"),
              absl::StrFormat("<text class=\"n\" x=\"%.1f\" y=\"%.1f\">", left + 14, top + (note.empty() ? 27 : 20)),
              Escaped(Shortened(node.name(), kNameMax)), "</text>");
    if (!note.empty()) {
      StrAppend(&svg, absl::StrFormat("<text class=\"s\" x=\"%.1f\" y=\"%.1f\">", left + 14, top + 35), Escaped(note), "</text>");
    }
    StrAppend(&svg, "</g>\n");
  }

  void AddLegend(std::string& svg) const {
    double x = kMargin;
    const double y = height_ - kMargin;
    for (const v1::LineageRelation relation :
         {v1::LINEAGE_RELATION_TRAINED_ON, v1::LINEAGE_RELATION_FINE_TUNED_FROM, v1::LINEAGE_RELATION_DERIVED_FROM,
          v1::LINEAGE_RELATION_CONFIGURED_BY, v1::LINEAGE_RELATION_EVALUATED_ON}) {
      const std::string_view name = RelationText(relation);
      StrAppend(&svg, absl::StrFormat("<path class=\"e\" stroke=\"%s\" d=\"M%.1f %.1fh26\"%s/>", ColorOf(relation), x, y - 4,
                                      relation == v1::LINEAGE_RELATION_EVALUATED_ON ? " stroke-dasharray=\"5 4\"" : ""),
                absl::StrFormat("<text class=\"l\" x=\"%.1f\" y=\"%.1f\">", x + 32, y), name, "</text>\n");
      x += 32 + static_cast<double>(name.size()) * 6.3 + 22;
    }
    const auto total = graph_.ancestors_total() + graph_.descendants_total();
    const auto shown = static_cast<uint64_t>(graph_.nodes_size());
    if (shown > 0 && total + 1 > shown) {
      StrAppend(&svg, absl::StrFormat("<text class=\"l\" x=\"%.1f\" y=\"%.1f\">", x + 10, y), total + 1 - shown, " more not drawn</text>\n");
    }
  }

  const v1::GetGraphResponse& graph_;
  std::vector<std::pair<size_t, size_t>> edges_;
  std::vector<const v1::GraphEdge*> shown_;
  Layout layout_;
  std::vector<double> left_, box_;
  double width_ = 0;
  double height_ = 0;
};

}  // namespace

std::string DrawSvg(const v1::GetGraphResponse& graph) { return Picture(graph).Draw(); }

}  // namespace firebreak
