// One document, every format. FIREBREAK_BLESS=1 writes the golden files again; read their diff before you commit it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "firebreak/reports/document.h"
#include "re2/re2.h"
#include "tests/support/vectors.h"
#include "tests/unit/reports/sample_report.h"

namespace firebreak {
namespace {

using ::firebreak::testing::At;
using ::firebreak::testing::ReadFile;
using ::firebreak::testing::SampleReport;
using ::testing::HasSubstr;
using ::testing::Not;

void ExpectGolden(const std::string& name, const std::string& actual) {
  const std::filesystem::path path = std::filesystem::path(FIREBREAK_SOURCE_DIR) / "tests" / "golden" / name;
  if (std::getenv("FIREBREAK_BLESS") != nullptr) std::ofstream(path, std::ios::binary) << actual;
  EXPECT_EQ(ReadFile(path), actual) << "differs from " << path << " (FIREBREAK_BLESS=1 writes it again)";
}

TEST(RenderMarkdown, WritesTheGoldenReport) { ExpectGolden("report.md", RenderMarkdown(ComposeDocument(SampleReport()))); }

TEST(RenderHtml, WritesTheGoldenReport) { ExpectGolden("report.html", RenderHtml(ComposeDocument(SampleReport()))); }

TEST(ComposeDocument, SaysUnknownWhereAFactIsMissing) {
  v1::ReportDocument report = SampleReport();
  v1::Incident& incident = *report.mutable_incident();
  incident.clear_began_at();
  incident.clear_contained_at();
  incident.clear_recovered_at();
  incident.clear_environment();
  *report.mutable_durations() = MeasureDurations(report);
  const std::string text = RenderMarkdown(ComposeDocument(report));
  EXPECT_THAT(text, HasSubstr("| Time to detect | unknown |"));
  EXPECT_THAT(text, HasSubstr("| Time to acknowledge | unknown |"));
  EXPECT_THAT(text, HasSubstr("| Time to contain | unknown |"));
  EXPECT_THAT(text, HasSubstr("| Time to recover | unknown |"));
  EXPECT_THAT(text, HasSubstr("environment unknown"));
  EXPECT_THAT(text, Not(HasSubstr("1970")));
}

TEST(ComposeDocument, TellsNobodyAskedFromNotAnsweredYet) {
  v1::ReportDocument report = SampleReport();
  EXPECT_THAT(RenderMarkdown(ComposeDocument(report)), HasSubstr("| Waiting for approval | 2 min 00 s |"));
  report.mutable_runs(0)->mutable_steps(1)->clear_ended_at();
  *report.mutable_durations() = MeasureDurations(report);
  EXPECT_THAT(RenderMarkdown(ComposeDocument(report)), HasSubstr("| Waiting for approval | unknown: not answered yet |"));
  report.clear_runs();
  EXPECT_THAT(RenderMarkdown(ComposeDocument(report)), HasSubstr("| Waiting for approval | nobody was asked |"));
}

TEST(ComposeDocument, SaysWhenItsTimelineIsCut) {
  v1::ReportDocument report = SampleReport();
  EXPECT_THAT(RenderMarkdown(ComposeDocument(report)), Not(HasSubstr("longer than a report holds")));
  report.set_timeline_cut(true);
  EXPECT_THAT(RenderMarkdown(ComposeDocument(report)), HasSubstr("longer than a report holds"));
}

TEST(ComposeDocument, OfAnEmptyReportIsStillADocument) {
  const Document document = ComposeDocument(v1::ReportDocument());
  EXPECT_THAT(RenderMarkdown(document), HasSubstr("| Time to contain | unknown |"));
  EXPECT_THAT(RenderHtml(document), HasSubstr("</html>"));
}

TEST(DurationText, RoundsIntoTheRightUnit) {
  EXPECT_EQ(DurationText(false, 5), "unknown");
  EXPECT_EQ(DurationText(true, 0), "0.0 s");
  EXPECT_EQ(DurationText(true, 4.24), "4.2 s");
  EXPECT_EQ(DurationText(true, 59.9), "59.9 s");
  EXPECT_EQ(DurationText(true, 59.96), "1 min 00 s");
  EXPECT_EQ(DurationText(true, 61), "1 min 01 s");
  EXPECT_EQ(DurationText(true, 3599.7), "1 h 00 min");
  EXPECT_EQ(DurationText(true, 3725), "1 h 02 min");
  EXPECT_EQ(DurationText(true, 90000), "25 h 00 min");
  EXPECT_EQ(DurationText(true, -5), "-5.0 s");
}

const std::string kHostile =
    "<script>alert(1)</script> | `rm -rf` | [x](https://evil.example) ![i](http://evil.example/p.png) **b** \r\n# head\n> q "
    "\x1b[31m \xE2\x80\xAE txt \xE2\x80\xA8- item http://evil.example &amp; \"quoted\" 'single' ~~~";

v1::ReportDocument HostileReport() {
  v1::ReportDocument report = SampleReport();
  report.mutable_incident()->set_title(kHostile);
  report.mutable_incident()->set_model(kHostile);
  report.mutable_incident()->add_techniques(kHostile);
  report.mutable_timeline(0)->set_summary(kHostile);
  report.mutable_timeline(0)->set_actor(kHostile);
  report.mutable_runs(0)->mutable_steps(1)->set_question(kHostile);
  report.mutable_affected_snapshots(0)->mutable_lineage(0)->set_parent_name(kHostile);
  report.set_checkpoint("a\r\n\r\n# head\n</pre><script>\n" + kHostile);
  report.set_composed_by(kHostile);
  return report;
}

TEST(RenderHtml, TurnsHostileTextIntoTextOnly) {
  const std::string html = RenderHtml(ComposeDocument(HostileReport()));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(html, HasSubstr("&quot;quoted&quot; &#39;single&#39;"));
  EXPECT_EQ(html.find('\x1b'), std::string::npos);
  EXPECT_EQ(html.find("\xE2\x80\xAE"), std::string::npos);
  // Every tag is one of ours.
  RE2 tag("<(/?[^\\s>]*)");
  re2::StringPiece rest(html);
  std::string name;
  while (RE2::FindAndConsume(&rest, tag, &name)) {
    EXPECT_TRUE(RE2::FullMatch(name, "!doctype|/?(html|head|meta|style|title|body|h1|h2|p|section|svg|line|circle|text|div|table|thead|tbody|tr|th|td|pre|ul|li|wbr)"))
        << name;
  }
}

TEST(RenderHtml, RefersToNothingOutsideItself) {
  for (const std::string& html : {RenderHtml(ComposeDocument(SampleReport())), RenderHtml(ComposeDocument(HostileReport()))}) {
    EXPECT_THAT(html, HasSubstr("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    EXPECT_FALSE(RE2::PartialMatch(html, "(?i)<[^>]*\\b(src|href|srcset|action|data|xlink:href|on[a-z]+)\\s*=")) << "an attribute that loads or runs";
    EXPECT_FALSE(RE2::PartialMatch(html, "(?i)url\\(|@import"));
  }
}

TEST(RenderMarkdown, TurnsHostileTextIntoTextOnly) {
  const std::string text = RenderMarkdown(ComposeDocument(HostileReport()));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  size_t line_begin = 0;
  while (line_begin < text.size()) {
    const size_t end = text.find('\n', line_begin);
    const std::string line = text.substr(line_begin, end - line_begin);
    line_begin = end + 1;
    if (line.rfind("    ", 0) == 0) continue;   // verbatim: every line of a code block is indented
    EXPECT_FALSE(RE2::PartialMatch(line, "(^|[^\\\\])(<|`|\\[|!|~|://)")) << line;
    EXPECT_TRUE(line.rfind('#', 0) != 0 || RE2::FullMatch(line, "#{1,2} [A-Z].*")) << line;
    if (line.rfind('|', 0) != 0) continue;
    // As many cells as the table has columns: no pipe of a stranger's is a separator.
    int separators = 0;
    for (size_t i = 0; i < line.size(); ++i) separators += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
    EXPECT_TRUE(separators == 2 || (separators >= 4 && separators <= 8)) << line;
  }
}

struct Box {
  double x, y, width;
  std::string text;
};

std::vector<Box> LabelsOf(const std::string& html) {
  std::vector<Box> labels;
  RE2 pattern("<text x=\"([0-9.]+)\" y=\"([0-9.]+)\" paint-order[^>]*>([^<]*)</text>");
  re2::StringPiece rest(html);
  Box box;
  while (RE2::FindAndConsume(&rest, pattern, &box.x, &box.y, &box.text)) {
    box.width = 8.0 * static_cast<double>(box.text.size());
    labels.push_back(box);
  }
  return labels;
}

TEST(RenderHtml, BreaksLongWordsOfACellWithoutCuttingACharacter) {
  Document document;
  document.sections.push_back({"s", {TableBlock{{"h"}, {{"short words stay as they are, all of them"}, {std::string(23, 'a') + "\xC3\xA9\xC3\xA9" + std::string(3, '<')}}}}});
  const std::string html = RenderHtml(document);
  EXPECT_THAT(html, HasSubstr("<td>short words stay as they are, all of them</td>"));
  EXPECT_THAT(html, HasSubstr("<td>" + std::string(23, 'a') + "\xC3\xA9<wbr>\xC3\xA9&lt;&lt;&lt;</td>"));
}

TEST(ComposeDocument, ClaimsThatSuspectsAreQuarantinedOnlyWhereTheyAre) {
  v1::ReportDocument report = SampleReport();
  EXPECT_THAT(RenderMarkdown(ComposeDocument(report)), HasSubstr("kept unaltered and quarantined"));
  report.mutable_affected_snapshots(0)->clear_quarantine();
  EXPECT_THAT(RenderMarkdown(ComposeDocument(report)), Not(HasSubstr("kept unaltered and quarantined")));
}

// However the phases fall, a person can read each.
TEST(RenderHtml, DrawsATimelineWhoseLabelsDoNotCoverOneAnother) {
  const std::vector<std::vector<double>> cases = {
      {-90, 0, 0, 4.2, 4.9, 3725, 90000}, {0, 0, 0, 0, 0, 0, 0}, {0, 1, 2, 3, 4, 5, 6}, {0, 1e6, 1e6, 1e6, 1e6, 1e6, 1e6}, {0, 0.001, 0.002, 50, 50.1, 50.2, 100}};
  for (const std::vector<double>& seconds : cases) {
    v1::ReportDocument report = SampleReport();
    v1::Incident& incident = *report.mutable_incident();
    *incident.mutable_began_at() = At(seconds[0]);
    *incident.mutable_detected_at() = At(seconds[1]);
    *incident.mutable_acknowledged_at() = At(seconds[2]);
    *incident.mutable_contained_at() = At(seconds[3]);
    *incident.mutable_eradicated_at() = At(seconds[4]);
    *incident.mutable_recovered_at() = At(seconds[5]);
    *incident.mutable_closed_at() = At(seconds[6]);
    const std::vector<Box> labels = LabelsOf(RenderHtml(ComposeDocument(report)));
    ASSERT_EQ(labels.size(), 7u);
    for (size_t i = 0; i < labels.size(); ++i) {
      EXPECT_GE(labels[i].x, 0);
      EXPECT_LE(labels[i].x + labels[i].width, 1000);
      EXPECT_GE(labels[i].y, 12);
      for (size_t j = i + 1; j < labels.size(); ++j) {
        const bool apart = std::abs(labels[i].y - labels[j].y) >= 16 || labels[i].x + labels[i].width <= labels[j].x ||
                           labels[j].x + labels[j].width <= labels[i].x;
        EXPECT_TRUE(apart) << labels[i].text << " covers " << labels[j].text;
      }
    }
  }
}

TEST(RenderHtml, DrawsNothingForAnEmptyTimeline) {
  Document document;
  document.sections.push_back({"Timeline", {TimelineBlock{}}});
  EXPECT_THAT(RenderHtml(document), Not(HasSubstr("<svg")));
}

}  // namespace
}  // namespace firebreak
