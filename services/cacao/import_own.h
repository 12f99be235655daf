// Reading back what ExportCacao wrote.
#ifndef FIREBREAK_SERVICES_CACAO_IMPORT_OWN_H_
#define FIREBREAK_SERVICES_CACAO_IMPORT_OWN_H_

#include <vector>

#include "firebreak/cacao/check.h"
#include "firebreak/v1/playbook.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

// `head` is the playbook of the extension. Errors go to `findings`; the workflow and the extension must say the same.
v1::Playbook ReadOwn(const google::protobuf::Value& document, v1::Playbook head, std::vector<CacaoFinding>& findings);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_IMPORT_OWN_H_
