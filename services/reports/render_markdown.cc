#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/reports/document.h"
#include "services/reports/visible.h"

namespace firebreak {
namespace {

// Whatever a person or a monitor wrote must not become markup.
std::string Escape(std::string_view text) {
  const std::string visible = Visible(text);
  std::string out;
  for (size_t i = 0; i < visible.size(); ++i) {
    // "://" would become a link where the reader's program makes links of addresses.
    const bool address = visible.compare(i, 3, "://") == 0;
    if (address || std::string_view("\\`*_[]<>#+!|~&").find(visible[i]) != std::string_view::npos) out += '\\';
    out += visible[i];
  }
  return out;
}

struct Renderer {
  std::string& out;

  void operator()(const Paragraph& block) const { StrAppend(&out, Escape(block.text), "\n\n"); }
  void operator()(const BulletList& block) const {
    for (const std::string& item : block.items) StrAppend(&out, "- ", Escape(item), "\n");
    out += '\n';
  }
  void operator()(const CodeBlock& block) const {
    // Four spaces instead of a fence: text cannot end the block.
    const std::string text = Visible(block.text, LineBreaks::kKept);
    for (absl::string_view line : absl::StrSplit(absl::StripTrailingAsciiWhitespace(text), '\n')) {
      if (!line.empty()) StrAppend(&out, "    ", line);
      out += '\n';
    }
    out += '\n';
  }
  void operator()(const TableBlock& block) const {
    Row(block.header);
    for (size_t i = 0; i < block.header.size(); ++i) out += i == 0 ? "| --- |" : " --- |";
    out += '\n';
    for (const auto& row : block.rows) Row(row);
    if (block.rows.empty()) Row({"none"});
    out += '\n';
  }
  void operator()(const TimelineBlock& block) const {
    for (const TimelineBlock::Mark& mark : block.marks) {
      StrAppend(&out, "- ", FormatRfc3339(mark.time), " ", Escape(mark.label), "\n");
    }
    out += '\n';
  }

  void Row(const std::vector<std::string>& cells) const {
    out += '|';
    for (const std::string& cell : cells) StrAppend(&out, " ", Escape(cell), " |");
    out += '\n';
  }
};

}  // namespace

std::string RenderMarkdown(const Document& document) {
  std::string out = StrCat("# ", Escape(document.title), "\n\n", Escape(document.subtitle), "\n\n");
  for (const Section& section : document.sections) {
    StrAppend(&out, "## ", Escape(section.heading), "\n\n");
    for (const Block& block : section.blocks) std::visit(Renderer{out}, block);
  }
  return out;
}

}  // namespace firebreak
