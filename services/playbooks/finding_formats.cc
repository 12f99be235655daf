// Findings for people, for GitHub workflows and for GitLab's code quality widget.
#include <algorithm>
#include <map>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/playbooks/lint.h"

namespace firebreak {
namespace {

// Escapes of GitHub workflow commands; properties also escape what separates them.
std::string EscapeForGithub(std::string_view text, std::string_view also) {
  std::string escaped;
  for (const char c : text) {
    if (c == '%' || c == '\r' || c == '\n' || also.find(c) != std::string_view::npos) {
      static constexpr char kHex[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string WithHint(const v1::LintFinding& finding) {
  return finding.hint().empty() ? finding.message() : StrCat(finding.message(), " (", finding.hint(), ")");
}

}  // namespace

bool LintReport::ok() const {
  return std::none_of(findings.begin(), findings.end(), [](const v1::LintFinding& finding) { return finding.error(); });
}

std::string FormatFinding(const v1::LintFinding& finding) {
  std::string text = StrCat(finding.file(), ":", finding.position().line(), ":", finding.position().column(), ": ",
                            finding.error() ? "error: " : "warning: ", finding.message(), " [", finding.rule(), "]");
  if (!finding.hint().empty()) StrAppend(&text, " (", finding.hint(), ")");
  return text;
}

std::string FormatFindingForGithub(const v1::LintFinding& finding) {
  return StrCat("::", finding.error() ? "error" : "warning", " file=", EscapeForGithub(finding.file(), ":,"),
                ",line=", finding.position().line(), ",col=", finding.position().column(),
                ",title=", EscapeForGithub(finding.rule(), ":,"), "::", EscapeForGithub(WithHint(finding), ""));
}

std::string FormatFindingsForGitlab(absl::Span<const v1::LintFinding> findings) {
  google::protobuf::Value report;
  report.mutable_list_value();
  std::map<std::string, int> met;
  for (const v1::LintFinding& finding : findings) {
    auto& entry = *report.mutable_list_value()->add_values()->mutable_struct_value()->mutable_fields();
    // Without the line, so that a finding stays the same one when lines move; the second of a kind gets a number.
    const std::string what = StrCat(finding.file(), "\n", finding.rule(), "\n", finding.message());
    entry["description"].set_string_value(WithHint(finding));
    entry["check_name"].set_string_value(finding.rule());
    entry["fingerprint"].set_string_value(ToHex(Sha256(StrCat(what, "\n", met[what]++)).raw()));
    entry["severity"].set_string_value(finding.error() ? "major" : "minor");
    auto& location = *entry["location"].mutable_struct_value()->mutable_fields();
    location["path"].set_string_value(finding.file());
    (*location["lines"].mutable_struct_value()->mutable_fields())["begin"].set_number_value(finding.position().line());
  }
  return PrintJson(report);
}

}  // namespace firebreak
