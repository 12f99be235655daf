// The picture: steps from top to bottom, branches side by side, loops and groups in frames. Every box is measured first, from
// the inside out, then drawn; a box is always centred on the line through it.
#include <algorithm>
#include <cmath>

#include "firebreak/base/text.h"
#include "services/playbooks/sketch_boxes.h"

namespace firebreak {
namespace {

constexpr double kGap = 26;        // between boxes below one another
constexpr double kLaneGap = 24;    // between lanes side by side
constexpr double kFork = 30;       // from a head to its lanes, with the lanes' labels
constexpr double kFrame = 16;      // between a frame and what is in it
constexpr double kNameLine = 18;
constexpr double kLine = 15;
constexpr double kCharacter = 6.7;  // of 11 px text; a little more than it needs
constexpr double kName = 8.0;       // of 13 px bold text

struct Colours {
  const char* fill;
  const char* line;
};

Colours ColoursOf(SketchBox::Tone tone) {
  switch (tone) {
    case SketchBox::Tone::kReads:
      return {"#eaf2fb", "#4a7fb5"};
    case SketchBox::Tone::kContains:
      return {"#fdecea", "#c0392b"};
    case SketchBox::Tone::kChanges:
      return {"#fdf1e3", "#c9731a"};
    case SketchBox::Tone::kAsks:
      return {"#fdf8dc", "#b29a1e"};
    case SketchBox::Tone::kPlain:
      break;
  }
  return {"#f4f5f6", "#6b7680"};
}

std::string Number(double value) { return StrCat(std::round(value * 10) / 10); }

std::string EscapeXml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

struct Size {
  double width = 0;
  double height = 0;
};

bool IsFramed(const SketchBox& box) {
  return box.kind == SketchBox::Kind::kLoop || box.kind == SketchBox::Kind::kGroup;
}

// The box alone, without its lanes.
Size HeadSize(const SketchBox& box) {
  double width = static_cast<double>(CountCharacters(box.name)) * kName;
  for (const std::string& line : box.lines)
    width = std::max(width, static_cast<double>(CountCharacters(line)) * kCharacter);
  for (const std::string& badge : box.badges)
    width = std::max(width, static_cast<double>(CountCharacters(badge)) * kCharacter);
  const double lines = static_cast<double>(box.lines.size() + box.badges.size());
  const double sides = box.kind == SketchBox::Kind::kChoice || box.kind == SketchBox::Kind::kAsk ? 52 : 28;
  return {std::max(150.0, width + sides), 14 + kNameLine + lines * kLine};
}

Size SizeOf(const SketchBox& box);

Size SizeOf(const std::vector<SketchBox>& boxes) {
  Size all{60, 0};
  for (const SketchBox& box : boxes) {
    const Size one = SizeOf(box);
    all.width = std::max(all.width, one.width);
    all.height += one.height + (all.height > 0 ? kGap : 0);
  }
  return all;
}

Size LaneSize(const SketchLane& lane) {
  Size size = SizeOf(lane.boxes);
  size.width = std::max(size.width, static_cast<double>(CountCharacters(lane.label)) * kCharacter + 30);
  return size;
}

Size SizeOf(const SketchBox& box) {
  const Size head = HeadSize(box);
  if (box.lanes.empty()) return head;
  if (IsFramed(box)) {
    const Size inner = SizeOf(box.lanes[0].boxes);
    return {std::max(head.width, inner.width) + 2 * kFrame + (box.kind == SketchBox::Kind::kLoop ? 2 * kFrame : 0),
            head.height + inner.height + 2 * kFrame};
  }
  Size lanes{-kLaneGap, 0};
  for (const SketchLane& lane : box.lanes) {
    const Size one = LaneSize(lane);
    lanes.width += one.width + kLaneGap;
    lanes.height = std::max(lanes.height, one.height);
  }
  return {std::max(head.width, lanes.width), head.height + kFork + lanes.height + kFork};
}

class Painter {
 public:
  std::string out;

  void Text(double x, double y, std::string_view text, std::string_view style, std::string_view anchor = "middle") {
    StrAppend(&out, "<text x=\"", Number(x), "\" y=\"", Number(y), "\" text-anchor=\"", anchor, "\" class=\"", style, "\">",
              EscapeXml(text), "</text>\n");
  }

  void Line(double x1, double y1, double x2, double y2, bool arrow) {
    StrAppend(&out, "<path d=\"M", Number(x1), " ", Number(y1), "L", Number(x2), " ", Number(y2), "\" class=\"flow\"",
              arrow ? " marker-end=\"url(#arrow)\"" : "", "/>\n");
  }

  // Boxes below one another, centred on `x`; joined by arrows. Answers where they end.
  double Boxes(const std::vector<SketchBox>& boxes, double x, double y) {
    for (size_t i = 0; i < boxes.size(); ++i) {
      if (i > 0) {
        Line(x, y, x, y + kGap, true);
        y += kGap;
      }
      y = Box(boxes[i], x, y);
    }
    return y;
  }

 private:
  double Box(const SketchBox& box, double x, double y) {
    if (IsFramed(box) && !box.lanes.empty()) return Frame(box, x, y);
    const Size head = HeadSize(box);
    Head(box, x, y, head);
    if (box.lanes.empty()) return y + head.height;
    return Lanes(box, x, y + head.height);
  }

  void Head(const SketchBox& box, double x, double y, const Size& size) {
    const Colours colours = ColoursOf(box.tone);
    const double left = x - size.width / 2;
    const std::string paint = StrCat("fill=\"", colours.fill, "\" stroke=\"", colours.line, "\"");
    if (box.kind == SketchBox::Kind::kChoice || box.kind == SketchBox::Kind::kAsk) {
      const double cut = 14;
      StrAppend(&out, "<path d=\"M", Number(left + cut), " ", Number(y), "H", Number(left + size.width - cut), "L",
                Number(left + size.width), " ", Number(y + size.height / 2), "L", Number(left + size.width - cut), " ",
                Number(y + size.height), "H", Number(left + cut), "L", Number(left), " ", Number(y + size.height / 2), "Z\" ",
                paint, "/>\n");
    } else {
      const bool bar = box.kind == SketchBox::Kind::kParallel;
      StrAppend(&out, "<rect x=\"", Number(left), "\" y=\"", Number(y), "\" width=\"", Number(size.width), "\" height=\"",
                Number(size.height), "\" rx=\"", bar ? 2 : 7, "\" ", paint, "/>\n");
      if (box.kind == SketchBox::Kind::kRun) {
        StrAppend(&out, "<rect x=\"", Number(left + 3), "\" y=\"", Number(y + 3), "\" width=\"", Number(size.width - 6),
                  "\" height=\"", Number(size.height - 6), "\" rx=\"5\" fill=\"none\" stroke=\"", colours.line, "\"/>\n");
      }
    }
    Texts(box, x, y);
  }

  void Texts(const SketchBox& box, double x, double y) {
    y += 7 + 13;
    Text(x, y, box.name, "name");
    for (const std::string& line : box.lines) Text(x, y += kLine, line, "line");
    for (const std::string& badge : box.badges) Text(x, y += kLine, badge, "badge");
  }

  double Frame(const SketchBox& box, double x, double y) {
    const Size size = SizeOf(box);
    const double left = x - size.width / 2;
    StrAppend(&out, "<rect x=\"", Number(left), "\" y=\"", Number(y), "\" width=\"", Number(size.width), "\" height=\"",
              Number(size.height), "\" rx=\"9\" class=\"frame\"/>\n");
    Texts(box, x, y);
    const double top = y + HeadSize(box).height + kFrame;
    const double end = Boxes(box.lanes[0].boxes, x, top);
    if (box.kind == SketchBox::Kind::kLoop) {  // back up along the left side
      const double half = SizeOf(box.lanes[0].boxes).width / 2;
      const double side = x - half - kFrame;
      StrAppend(&out, "<path d=\"M", Number(x), " ", Number(end), "v7H", Number(side), "V", Number(top - 9), "H", Number(x),
                "V", Number(top), "\" class=\"flow\" marker-end=\"url(#arrow)\"/>\n");
    }
    return y + size.height;
  }

  double Lanes(const SketchBox& box, double x, double y) {
    double width = -kLaneGap;
    double height = 0;
    for (const SketchLane& lane : box.lanes) {
      width += LaneSize(lane).width + kLaneGap;
      height = std::max(height, LaneSize(lane).height);
    }
    const double fork = y + 8;
    const double join = y + kFork + height + kFork - 8;
    double left = x - width / 2;
    double first = x;
    double last = x;
    for (const SketchLane& lane : box.lanes) {
      const Size size = LaneSize(lane);
      const double middle = left + size.width / 2;
      first = std::min(first, middle);
      last = std::max(last, middle);
      if (!lane.label.empty()) Text(middle + 5, fork + 14, lane.label, "label", "start");
      if (lane.boxes.empty()) {
        Line(middle, fork, middle, join, false);
      } else {
        Line(middle, fork, middle, y + kFork, true);
        Line(middle, Boxes(lane.boxes, middle, y + kFork), middle, join, false);
      }
      left += size.width + kLaneGap;
    }
    Line(x, y, x, fork, false);
    Line(first, fork, last, fork, false);
    Line(first, join, last, join, false);
    Line(x, join, x, join + 8, false);
    return join + 8;
  }
};

constexpr char kStyle[] =
    "<style>text{font-family:'DejaVu Sans',Helvetica,Arial,sans-serif;fill:#20262b}.title{font-size:16px;font-weight:bold}"
    ".about{font-size:11px;fill:#55606a}.name{font-size:13px;font-weight:bold}.line{font-size:11px}"
    ".badge{font-size:10px;fill:#55606a;font-style:italic}.label{font-size:11px;fill:#55606a}"
    ".flow{fill:none;stroke:#55606a;stroke-width:1.3}.frame{fill:#fbfcfc;stroke:#8a949d;stroke-dasharray:5 3}</style>\n"
    "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">"
    "<path d=\"M0 0L8 4L0 8z\" fill=\"#55606a\"/></marker></defs>\n";

void Pill(Painter& painter, double x, double y, std::string_view text) {
  const double width = static_cast<double>(CountCharacters(text)) * kCharacter + 32;
  StrAppend(&painter.out, "<rect x=\"", Number(x - width / 2), "\" y=\"", Number(y), "\" width=\"", Number(width),
            "\" height=\"26\" rx=\"13\" fill=\"#20262b\"/>\n<text x=\"", Number(x), "\" y=\"", Number(y + 17),
            "\" text-anchor=\"middle\" style=\"font-size:11px;fill:#fff\">", EscapeXml(text), "</text>\n");
}

}  // namespace

std::string SketchSvg(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions) {
  const std::vector<SketchBox> steps = SketchBoxes(playbook.steps(), actions);
  const std::vector<SketchBox> handlers = SketchBoxes(playbook.on_failure(), actions);
  std::string start = playbook.has_trigger() ? playbook.trigger().event() : "started by a person";
  if (playbook.trigger().has_when()) StrAppend(&start, " when ", playbook.trigger().when().text());
  start = ShortLabel(start, 110);
  const double start_width = static_cast<double>(CountCharacters(start)) * kCharacter + 32;
  const Size main = SizeOf(steps);
  const Size side = handlers.empty() ? Size{} : SizeOf(handlers);
  const double margin = 24;
  const double main_width = std::max({main.width, start_width, 420.0});
  const double width = margin * 2 + main_width + (handlers.empty() ? 0 : side.width + 60);
  const double top = 78;
  const double end = top + 26 + kGap + main.height + kGap;
  const double height = std::max(end + 26, top + 26 + kGap + side.height) + margin;

  Painter painter;
  painter.Text(margin, 32, ShortLabel(playbook.title().empty() ? playbook.name() : playbook.title(), 90), "title", "start");
  painter.Text(margin, 52, StrCat(playbook.name(), "  ", ShortLabel(playbook.digest(), 20)), "about", "start");
  const double x = margin + main_width / 2;
  Pill(painter, x, top, start);
  painter.Line(x, top + 26, x, top + 26 + kGap, true);
  const double bottom = painter.Boxes(steps, x, top + 26 + kGap);
  painter.Line(x, bottom, x, end, true);
  Pill(painter, x, end, "done");
  if (!handlers.empty()) {
    const double right = margin + main_width + 60 + side.width / 2;
    Pill(painter, right, top, "a step has failed");
    painter.Line(right, top + 26, right, top + 26 + kGap, true);
    painter.Boxes(handlers, right, top + 26 + kGap);
  }
  return StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", Number(width), "\" height=\"", Number(height),
                "\" viewBox=\"0 0 ", Number(width), " ", Number(height), "\" role=\"img\" aria-label=\"",
                EscapeXml(StrCat("Playbook ", playbook.name())), "\">\n", kStyle, "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
                painter.out, "</svg>\n");
}

}  // namespace firebreak
