// What the fuzzers do with outside bytes; the corpus is replayed through the same functions as an ordinary test.
#ifndef FIREBREAK_TESTS_FUZZ_CACAO_FUZZ_CACAO_H_
#define FIREBREAK_TESTS_FUZZ_CACAO_FUZZ_CACAO_H_

#include <string_view>

#include "firebreak/actions/specs.h"
#include "firebreak/base/check.h"
#include "firebreak/base/jcs.h"
#include "firebreak/cacao/export.h"
#include "firebreak/cacao/import.h"
#include "firebreak/cacao/jss.h"
#include "firebreak/cacao/print_yaml.h"
#include "firebreak/playbooks/lint.h"
#include "services/cacao/conditions.h"

namespace firebreak::testing {

// Any bytes are imported or refused with findings. What is imported is a playbook that lints, is canonical, and comes back from its own
// export as it was. Signatures of any kind are judged without a crash.
inline void FuzzCacao(std::string_view bytes) {
  const CacaoImport made = ImportCacao(bytes);
  if (const auto document = ParseCacao(bytes); document.ok()) {
    (void)VerifyCacao(*document, {}, absl::FromUnixSeconds(1700000000));
    const auto canonical = CanonicalJson(*document);
    FIREBREAK_CHECK(!canonical.ok() || ParseJson(*canonical).ok());
  }
  if (!made.ok()) {
    FIREBREAK_CHECK(made.yaml.empty());
    for (const CacaoFinding& finding : made.findings) FIREBREAK_CHECK(!finding.rule.empty() && !FormatCacaoFinding("x", finding).empty());
    return;
  }
  const LintReport report = LintPlaybook("fuzz", made.yaml, BuiltinSpecs());
  FIREBREAK_CHECK(report.ok());
  FIREBREAK_CHECK(PrintPlaybook(report.playbook) == made.yaml);
  const auto document = ExportCacao(made.playbook, {});
  FIREBREAK_CHECK(document.ok());
  const CacaoImport again = ImportCacao(PrintJson(*document));
  FIREBREAK_CHECK(again.ok() && again.own && again.yaml == made.yaml);
}

// Any condition is translated into an expression that can be read, or refused.
inline void FuzzCondition(std::string_view text) {
  const auto translated = FromStix(text, [](const std::string& name) -> absl::StatusOr<ForeignVariable> {
    if (name == "__i__") return ForeignVariable{"$i", "int"};
    if (name == "__b__") return ForeignVariable{"$b", "bool"};
    return ForeignVariable{"$s", "string"};
  });
  if (!translated.ok()) return;
  const auto parsed = ParseExpression(*translated);
  FIREBREAK_CHECK(std::holds_alternative<ParsedExpression>(parsed));
  (void)ToStix(*translated, [](const Reference& reference) { return "__" + reference.field + "__"; });
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_FUZZ_CACAO_FUZZ_CACAO_H_
