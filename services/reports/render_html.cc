#include <algorithm>
#include <cstdio>
#include <vector>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/reports/document.h"
#include "services/reports/visible.h"

namespace firebreak {
namespace {

std::string Escape(std::string_view text, LineBreaks breaks = LineBreaks::kAsBlanks) {
  std::string out;
  for (char c : Visible(text, breaks)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

constexpr std::string_view kHead =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>\n"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\n"
    "h1{font-size:1.6rem;margin-bottom:0}h2{font-size:1.15rem;margin-top:2rem;border-bottom:2px solid #b3261e;padding-bottom:.2rem}\n"
    ".subtitle{color:#57606a;margin-top:.3rem}\n"
    ".table{overflow-x:auto;margin:.8rem 0}table{border-collapse:collapse;width:100%;font-size:.85rem}\n"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #d0d7de;overflow-wrap:break-word}\n"
    "th{background:#f6f8fa;white-space:nowrap}\npre{background:#f6f8fa;padding:.8rem;overflow-x:auto;font-size:.8rem}\n"
    "svg{width:100%;height:auto}\n@media print{body{margin:0;max-width:none}}\n</style>\n";

std::string Fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// Characters, not bytes: for an estimate of how wide a label is drawn.
size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

struct Label {
  std::string text;
  double x = 0;        // of the mark on the axis
  double start = 0;    // of the text
  size_t lane = 0;     // 0 = next to the axis
};

constexpr double kWidth = 1000, kLeft = 60, kRight = 940, kLaneHeight = 28, kCharacterWidth = 8.5;

// As many lanes as it takes so that no label covers another.
std::vector<Label> PlaceLabels(const TimelineBlock& block) {
  const absl::Time first = block.marks.front().time;
  const double span = std::max(absl::ToDoubleSeconds(block.marks.back().time - first), 0.001);
  std::vector<Label> labels;
  std::vector<double> lane_end;
  for (const TimelineBlock::Mark& mark : block.marks) {
    const double offset = absl::ToDoubleSeconds(mark.time - first);
    Label label;
    label.text = StrCat(mark.label, " +", DurationText(true, offset));
    label.x = kLeft + (kRight - kLeft) * std::clamp(offset / span, 0.0, 1.0);
    const double width = kCharacterWidth * static_cast<double>(CountCharacters(label.text));
    label.start = std::max(4.0, std::min(label.x - width / 2, kWidth - width - 4));
    while (label.lane < lane_end.size() && lane_end[label.lane] > label.start) ++label.lane;
    if (label.lane == lane_end.size()) lane_end.push_back(0);
    lane_end[label.lane] = label.start + width + 12;
    labels.push_back(std::move(label));
  }
  return labels;
}

std::string DrawTimeline(const TimelineBlock& block) {
  if (block.marks.empty()) return "";
  const std::vector<Label> labels = PlaceLabels(block);
  size_t lanes = 0;
  for (const Label& label : labels) lanes = std::max(lanes, label.lane + 1);
  const double axis = 24 + kLaneHeight * static_cast<double>(lanes);
  const auto y_of = [&](const Label& label) { return axis - 20 - kLaneHeight * static_cast<double>(label.lane); };
  std::string out = StrCat("<svg viewBox=\"0 0 ", Fixed(kWidth), " ", Fixed(axis + 44), "\" role=\"img\" aria-label=\"Phases of the incident on a "
                           "time axis\" font-family=\"system-ui,sans-serif\" font-size=\"14\">\n<line x1=\"", Fixed(kLeft), "\" y1=\"", Fixed(axis),
                           "\" x2=\"", Fixed(kRight), "\" y2=\"", Fixed(axis), "\" stroke=\"#57606a\" stroke-width=\"2\"/>\n");
  for (const Label& label : labels) {
    const std::string x = Fixed(label.x);
    StrAppend(&out, "<line x1=\"", x, "\" y1=\"", Fixed(y_of(label) + 4), "\" x2=\"", x, "\" y2=\"", Fixed(axis), "\" stroke=\"#8c959f\"/><circle cx=\"", x,
              "\" cy=\"", Fixed(axis), "\" r=\"5\" fill=\"#b3261e\"/>\n");
  }
  // Text comes last, with a white rim: the line of a higher lane may run behind it.
  for (const Label& label : labels) {
    StrAppend(&out, "<text x=\"", Fixed(label.start), "\" y=\"", Fixed(y_of(label)), "\" paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"4\">",
              Escape(label.text), "</text>\n");
  }
  const std::string below = Fixed(axis + 30);
  StrAppend(&out, "<text x=\"", Fixed(kLeft), "\" y=\"", below, "\" fill=\"#57606a\">", FormatRfc3339(block.marks.front().time), "</text>\n<text x=\"",
            Fixed(kRight), "\" y=\"", below, "\" text-anchor=\"end\" fill=\"#57606a\">", FormatRfc3339(block.marks.back().time), "</text>\n</svg>\n");
  return out;
}

// A cell's text, with places to break inside long words (digests), so that times and short words stay whole.
std::string Cell(std::string_view text) {
  constexpr size_t kWordMax = 24;
  std::string out;
  size_t begin = 0, word = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool inside_character = (text[i] & 0xC0) == 0x80;
    if (word >= kWordMax && !inside_character) {
      StrAppend(&out, Escape(text.substr(begin, i - begin)), "<wbr>");
      begin = i;
      word = 0;
    }
    word = text[i] == ' ' || text[i] == '\n' ? 0 : word + 1;
  }
  return out + Escape(text.substr(begin));
}

struct Renderer {
  std::string& out;

  void operator()(const Paragraph& block) const { StrAppend(&out, "<p>", Escape(block.text), "</p>\n"); }
  void operator()(const BulletList& block) const {
    out += "<ul>";
    for (const std::string& item : block.items) StrAppend(&out, "<li>", Escape(item), "</li>");
    out += "</ul>\n";
  }
  void operator()(const CodeBlock& block) const { StrAppend(&out, "<pre>", Escape(block.text, LineBreaks::kKept), "</pre>\n"); }
  void operator()(const TableBlock& block) const {
    out += "<div class=\"table\"><table><thead>";
    Row(block.header, "th");
    out += "</thead><tbody>";
    for (const auto& row : block.rows) Row(row, "td");
    if (block.rows.empty()) StrAppend(&out, "<tr><td colspan=\"", block.header.size(), "\">none</td></tr>");
    out += "</tbody></table></div>\n";
  }
  void operator()(const TimelineBlock& block) const { out += DrawTimeline(block); }

  void Row(const std::vector<std::string>& cells, const char* tag) const {
    out += "<tr>";
    for (const std::string& cell : cells) StrAppend(&out, "<", tag, ">", Cell(cell), "</", tag, ">");
    out += "</tr>\n";
  }
};

}  // namespace

std::string RenderHtml(const Document& document) {
  std::string out = StrCat(kHead, "<title>", Escape(document.title), "</title></head><body>\n<h1>", Escape(document.title),
                           "</h1>\n<p class=\"subtitle\">", Escape(document.subtitle), "</p>\n");
  for (const Section& section : document.sections) {
    StrAppend(&out, "<section><h2>", Escape(section.heading), "</h2>\n");
    for (const Block& block : section.blocks) std::visit(Renderer{out}, block);
    out += "</section>\n";
  }
  out += "</body></html>\n";
  return out;
}

}  // namespace firebreak
