// The tree for the terminal, and Graphviz dot.
#include <algorithm>

#include "absl/strings/str_join.h"
#include "firebreak/base/text.h"
#include "services/playbooks/sketch_boxes.h"

namespace firebreak {
namespace {

size_t NameWidth(const std::vector<SketchBox>& boxes) {
  size_t width = 0;
  for (const SketchBox& box : boxes) width = std::max(width, CountCharacters(box.name));
  return width;
}

void WriteTree(const std::vector<SketchBox>& boxes, const std::string& indent, std::string& out) {
  const size_t width = NameWidth(boxes);
  for (size_t i = 0; i < boxes.size(); ++i) {
    const SketchBox& box = boxes[i];
    const bool last = i + 1 == boxes.size();
    std::string line = StrCat(indent, last ? "└─ " : "├─ ", box.name);
    if (!box.summary.empty()) {
      line += std::string(width - CountCharacters(box.name) + 2, ' ');
      StrAppend(&line, box.kind == SketchBox::Kind::kAsk ? "ask: " : "", box.summary);
    }
    if (!box.badges.empty()) StrAppend(&line, "  [", absl::StrJoin(box.badges, ", "), "]");
    StrAppend(&out, line, "\n");
    const std::string inner = StrCat(indent, last ? "   " : "│  ");
    for (size_t lane = 0; lane < box.lanes.size(); ++lane) {
      const SketchLane& one = box.lanes[lane];
      if (one.boxes.empty()) continue;
      if (one.label.empty()) {
        // Branches of a parallel are lanes of one box each: drawn as one list.
        if (box.kind != SketchBox::Kind::kParallel || lane == 0) {
          std::vector<SketchBox> all;
          for (size_t rest = lane; rest < box.lanes.size(); ++rest)
            all.insert(all.end(), box.lanes[rest].boxes.begin(), box.lanes[rest].boxes.end());
          WriteTree(all, inner, out);
        }
        continue;
      }
      const bool more = std::any_of(box.lanes.begin() + static_cast<std::ptrdiff_t>(lane) + 1, box.lanes.end(),
                                    [](const SketchLane& later) { return !later.boxes.empty(); });
      StrAppend(&out, inner, more ? "├─ " : "└─ ", one.label, ":\n");
      WriteTree(one.boxes, StrCat(inner, more ? "│  " : "   "), out);
    }
  }
}

std::string EscapeDot(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

class DotWriter {
 public:
  explicit DotWriter(std::string& out) : out_(out) {}

  // Draws `boxes` behind the nodes of `from` and answers the nodes they end at.
  std::vector<std::string> Write(const std::vector<SketchBox>& boxes, std::vector<std::string> from, std::string label) {
    for (const SketchBox& box : boxes) {
      const std::string id = StrCat("s", ++count_);
      std::string text = EscapeDot(box.name);
      for (const std::string& line : box.lines) StrAppend(&text, "\\n", EscapeDot(line));
      for (const std::string& badge : box.badges) StrAppend(&text, "\\n[", EscapeDot(badge), "]");
      const char* shape = box.kind == SketchBox::Kind::kChoice ? "diamond" : (box.kind == SketchBox::Kind::kAsk ? "hexagon" : "box");
      StrAppend(&out_, "  ", id, " [shape=", shape, ", label=\"", text, "\"];\n");
      for (const std::string& before : from) StrAppend(&out_, "  ", before, " -> ", id, Label(label), ";\n");
      label.clear();
      from = {id};
      if (box.lanes.empty()) continue;
      std::vector<std::string> ends;
      for (const SketchLane& lane : box.lanes) {
        const std::vector<std::string> lane_ends = Write(lane.boxes, {id}, lane.label);
        ends.insert(ends.end(), lane_ends.begin(), lane_ends.end());
      }
      if (box.kind == SketchBox::Kind::kLoop) {
        for (const std::string& end : ends) StrAppend(&out_, "  ", end, " -> ", id, " [style=dashed, label=\"again\"];\n");
        continue;  // it is left from its head
      }
      std::sort(ends.begin(), ends.end());
      ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
      from = std::move(ends);
    }
    return from;
  }

 private:
  static std::string Label(const std::string& label) {
    return label.empty() ? "" : StrCat(" [label=\"", EscapeDot(label), "\"]");
  }

  std::string& out_;
  int count_ = 0;
};

}  // namespace

std::string SketchText(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions) {
  std::string out = StrCat(playbook.name(), "  ", ShortLabel(playbook.title(), 100), "\n");
  if (playbook.has_trigger()) {
    StrAppend(&out, "starts on ", playbook.trigger().event());
    if (playbook.trigger().has_when()) StrAppend(&out, " when ", ShortLabel(playbook.trigger().when().text(), 100));
    StrAppend(&out, "\n");
  }
  WriteTree(SketchBoxes(playbook.steps(), actions), "", out);
  if (!playbook.on_failure().empty()) {
    StrAppend(&out, "when a step has failed:\n");
    WriteTree(SketchBoxes(playbook.on_failure(), actions), "", out);
  }
  return out;
}

std::string SketchDot(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions) {
  std::string out = StrCat("digraph \"", EscapeDot(playbook.name()),
                           "\" {\n  node [fontname=\"sans-serif\", fontsize=10];\n  edge [fontname=\"sans-serif\", fontsize=9];\n"
                           "  start [shape=oval, label=\"start\"];\n  end [shape=oval, label=\"end\"];\n");
  DotWriter writer(out);
  for (const std::string& last : writer.Write(SketchBoxes(playbook.steps(), actions), {"start"}, ""))
    StrAppend(&out, "  ", last, " -> end;\n");
  if (!playbook.on_failure().empty()) {
    StrAppend(&out, "  failure [shape=oval, style=dashed, label=\"a step has failed\"];\n");
    writer.Write(SketchBoxes(playbook.on_failure(), actions), {"failure"}, "");
  }
  StrAppend(&out, "}\n");
  return out;
}

}  // namespace firebreak
