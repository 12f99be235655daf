// The definitions around an exported workflow: agents, authentication, markings, references, vocabulary.
#ifndef FIREBREAK_SERVICES_CACAO_DEFINITIONS_H_
#define FIREBREAK_SERVICES_CACAO_DEFINITIONS_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "firebreak/cacao/export.h"
#include "firebreak/v1/playbook.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

std::string GatewayId();
std::string GroupId(std::string_view roles);

// The gateway, its authentication (a reference to a key store, never a secret) and one group per set of roles.
void AddAgents(const std::set<std::string>& groups, const CacaoExportOptions& options, google::protobuf::Struct& document);
// The fixed TLP marking of the CACAO common objects.
absl::Status AddMarking(const CacaoExportOptions& options, google::protobuf::Struct& document);
// ATLAS techniques and NIST AI RMF subcategories as external references.
void AddReferences(const v1::Playbook& playbook, google::protobuf::Struct& document);

std::string CacaoType(std::string_view type);            // deployment -> string, int -> integer
std::string ActivityOf(std::string_view action);         // empty when no word fits
std::vector<std::string> ActivitiesOf(const v1::Playbook& playbook);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_DEFINITIONS_H_
