#include "firebreak/cacao/import.h"

#include <utility>

#include "firebreak/actions/specs.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/status.h"
#include "firebreak/cacao/print_yaml.h"
#include "firebreak/playbooks/lint.h"
#include "services/cacao/check_shape.h"
#include "services/cacao/extension.h"
#include "services/cacao/import_foreign.h"
#include "services/cacao/import_own.h"
#include "services/cacao/json_view.h"

namespace firebreak {
namespace {

// The text is read again by the one reader there is: what it does not take, or reads as another playbook, is not handed out.
void ReadBack(CacaoImport& result) {
  result.yaml = PrintPlaybook(result.playbook);
  const LintReport report = LintPlaybook("import", result.yaml, BuiltinSpecs());
  for (const v1::LintFinding& finding : report.findings) {
    AddFinding(result.findings, {"", finding.rule(), finding.message(), finding.hint(), finding.error()});
  }
  if (!report.ok()) return;
  if (WithoutPositions(report.playbook).SerializeAsString() != WithoutPositions(result.playbook).SerializeAsString()) {
    AddFinding(result.findings, {"", "unprintable", "the playbook cannot be written as YAML without changing it", "", true});
    return;
  }
  result.playbook = report.playbook;
}

}  // namespace

CacaoImport ImportCacao(std::string_view json, const CacaoImportOptions& options) {
  CacaoImport result;
  const absl::StatusOr<google::protobuf::Value> document = ParseCacao(json);
  if (!document.ok()) {
    result.findings.push_back({"", "json", std::string(MessageOf(document.status())), "", true});
    return result;
  }
  result.findings = CheckCacao(*document);
  if (!result.ok()) return result;
  const absl::StatusOr<std::optional<v1::Playbook>> head = FindPlaybookExtension(document->struct_value());
  if (!head.ok()) {
    AddFinding(result.findings, {"/playbook_extensions", "extension", std::string(MessageOf(head.status())), "", true});
    return result;
  }
  result.own = head->has_value();
  if (result.own) {
    result.playbook = ReadOwn(*document, **head, result.findings);
  } else {
    TranslateForeign(document->struct_value(), result);
  }
  if (!options.name.empty()) result.playbook.set_name(options.name);
  if (const absl::Status name = CheckName("playbook name", result.playbook.name()); !name.ok()) {
    AddFinding(result.findings, {"", "name", std::string(MessageOf(name)), "give it a name", true});
  }
  if (result.ok()) ReadBack(result);
  if (!result.ok()) {
    result.playbook.Clear();
    result.yaml.clear();
  }
  return result;
}

}  // namespace firebreak
