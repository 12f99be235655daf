#include "services/playbooks/findings.h"

#include <algorithm>
#include <tuple>

#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"

namespace firebreak {

void Findings::Add(const v1::SourcePosition& position, std::string_view rule, std::string message, std::string hint,
                   bool is_error) {
  if (is_error) ++errors_;
  if (found_.size() >= static_cast<size_t>(kFindingsMax)) {
    // However many warnings came first, an error is never lost: what has one must not pass for good.
    if (!is_error) return;
    const auto last_warning = std::find_if(found_.rbegin(), found_.rend(), [](const v1::LintFinding& one) { return !one.error(); });
    if (last_warning == found_.rend()) return;
    found_.erase(std::next(last_warning).base());
  }
  v1::LintFinding finding;
  finding.set_file(file_);
  *finding.mutable_position() = position;
  if (position.line() == 0) {  // nothing better is known: the start of the file
    finding.mutable_position()->set_line(1);
    finding.mutable_position()->set_column(1);
  }
  finding.set_rule(std::string(rule));
  finding.set_message(std::move(message));
  finding.set_hint(std::move(hint));
  finding.set_error(is_error);
  found_.push_back(std::move(finding));
}

void Findings::Error(const v1::SourcePosition& position, std::string_view rule, std::string message, std::string hint) {
  Add(position, rule, std::move(message), std::move(hint), true);
}

void Findings::Warning(const v1::SourcePosition& position, std::string_view rule, std::string message,
                       std::string hint) {
  Add(position, rule, std::move(message), std::move(hint), false);
}

void Findings::Fault(const v1::SourcePosition& start, const ExpressionFault& fault) {
  v1::SourcePosition position = start;
  position.set_column(position.column() + static_cast<uint32_t>(fault.offset));
  Error(position, fault.rule, fault.message, fault.hint);
}

std::vector<v1::LintFinding> Findings::TakeSorted() {
  std::stable_sort(found_.begin(), found_.end(), [](const v1::LintFinding& a, const v1::LintFinding& b) {
    return std::make_tuple(a.position().line(), a.position().column()) <
           std::make_tuple(b.position().line(), b.position().column());
  });
  return std::move(found_);
}

}  // namespace firebreak
