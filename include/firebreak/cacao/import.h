// A CACAO 2.0 document as a playbook of ours. What we exported comes back as it was; a foreign playbook is translated: http-api and
// openc2-http commands become calls of configured hooks, manual commands become questions to people, and what would run text on
// a machine (ssh, bash, powershell …) becomes a question too, with the command shown and the reason why nothing runs it.
#ifndef FIREBREAK_CACAO_IMPORT_H_
#define FIREBREAK_CACAO_IMPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "firebreak/cacao/check.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

struct CacaoImportOptions {
  std::string name;   // of the playbook; empty = the one it was exported under, or made from its title
};

struct CacaoImport {
  v1::Playbook playbook;                // only when ok()
  std::string yaml;                     // its canonical text
  bool own = false;                     // we exported it
  std::vector<std::string> hooks;       // that DATA/hooks.json must name before it can run
  std::vector<CacaoFinding> findings;   // errors, or warnings: what is not as it was and why
  bool ok() const { return !HasErrors(findings); }
};

// Never fails: what is wrong is a finding with a JSON pointer. A document of ours whose workflow and extension disagree is refused, because
// either could be the one that was changed; without the extension it is read as a foreign one.
CacaoImport ImportCacao(std::string_view json, const CacaoImportOptions& options = {});

}  // namespace firebreak

#endif  // FIREBREAK_CACAO_IMPORT_H_
