// The report as a document: sections of typed blocks, made once from the facts and rendered alike to every format. Pure.
#ifndef FIREBREAK_REPORTS_DOCUMENT_H_
#define FIREBREAK_REPORTS_DOCUMENT_H_

#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "firebreak/v1/report.pb.h"

namespace firebreak {

struct Paragraph {
  std::string text;
};
struct BulletList {
  std::vector<std::string> items;
};
struct TableBlock {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};
// Verbatim text that somebody may have to check or copy: a checkpoint, a key.
struct CodeBlock {
  std::string text;
};
// Phases of the incident on one time axis.
struct TimelineBlock {
  struct Mark {
    std::string label;     // "contained"
    absl::Time time;
  };
  std::vector<Mark> marks;   // in order of time
};
using Block = std::variant<Paragraph, BulletList, TableBlock, CodeBlock, TimelineBlock>;

struct Section {
  std::string heading;
  std::vector<Block> blocks;
};

struct Document {
  std::string title;
  std::string subtitle;
  std::vector<Section> sections;
};

// Facts that are absent are said to be unknown, never left out.
Document ComposeDocument(const v1::ReportDocument& report);

// Durations between the incident's stamps; absent where a stamp is.
v1::IncidentDurations MeasureDurations(const v1::ReportDocument& report);

// CommonMark with tables. Everything that came from outside is escaped.
std::string RenderMarkdown(const Document& document);

// One file: no script, no outside reference, a content security policy, the timeline as inline SVG.
std::string RenderHtml(const Document& document);

// "1 h 02 min", "4.2 s"; "unknown" when absent.
std::string DurationText(bool known, double seconds);

}  // namespace firebreak

#endif  // FIREBREAK_REPORTS_DOCUMENT_H_
