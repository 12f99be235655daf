// From the YAML tree to v1::Playbook: shapes, keys and literals. What the references and actions mean is the linter's
// part.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_READ_PLAYBOOK_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_READ_PLAYBOOK_H_

#include "firebreak/v1/playbook.pb.h"
#include "services/playbooks/findings.h"
#include "services/playbooks/yaml_tree.h"

namespace firebreak {

// Reads as much as makes sense; whatever does not becomes a finding.
v1::Playbook ReadPlaybook(const YamlNode& root, Findings& findings);

// One list of steps with what is nested in it; `depth` of the outermost list is 0.
void ReadSteps(const YamlNode& list, int depth, Findings& findings,
               google::protobuf::RepeatedPtrField<v1::Step>& steps);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_READ_PLAYBOOK_H_
