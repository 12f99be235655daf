// What is affected; reads only.
#include "firebreak/actions/specs.h"

namespace firebreak::specs {

const ActionSpec& Sweep() {
  static const ActionSpec spec = {
      .name = "lineage.sweep",
      .action_class = ActionClass::kRead,
      .inputs = {{"snapshot", "snapshot", true, "what is suspected: a dataset, a base model"}},
      .outputs = {{"snapshot", "string", true, "its name"},
                  {"snapshots", "list<snapshot>", true, "everything made from it, nearest first, at most 1000"},
                  {"models", "list<snapshot>", true, "the models among them"},
                  {"datasets", "list<snapshot>", true, "the datasets among them"},
                  {"deployments", "list<deployment>", true, "that serve it or any of them now"},
                  {"count", "int", true, "how many descendants there are"},
                  {"complete", "bool", true, "false when the lists were cut"}},
      .about = "follows the lineage down: which snapshots were made from this one and where they serve",
      .typical = absl::Seconds(1)};
  return spec;
}


const ActionSpec& Describe() {
  static const ActionSpec spec = {
      .name = "snapshot.describe",
      .action_class = ActionClass::kRead,
      .inputs = {{"snapshot", "snapshot", true, "name or digest"}},
      .outputs = {{"name", "string", true, "model/fraud@7"},
                  {"digest", "string", true, "sha256:…"},
                  {"kind", "enum<model|dataset|config>", true, "what it is"},
                  {"signer", "string", true, "who signed it"},
                  {"signer_key", "string", true, "id of the key, for signer.revoke"},
                  {"pushed_by", "string", true, "who brought it"},
                  {"quarantined", "bool", true, "itself or through an ancestor"},
                  {"parents", "list<snapshot>", true, "what it was made from"}},
      .about = "what a snapshot is, who signed it and what it was made from"};
  return spec;
}


const ActionSpec& SignedBy() {
  static const ActionSpec spec = {
      .name = "snapshot.signed_by",
      .action_class = ActionClass::kRead,
      .inputs = {{"signer", "string", true, "key id or name of a signer"}},
      .outputs = {{"signer_key", "string", true, "id of the key"},
                  {"snapshots", "list<snapshot>", true, "everything the key signed, newest first, at most 1000"},
                  {"deployments", "list<deployment>", true, "that serve any of it now"},
                  {"count", "int", true, "how many there are"},
                  {"complete", "bool", true, "false when the lists were cut"}},
      .about = "everything one key has signed and where it serves",
      .typical = absl::Seconds(2)};
  return spec;
}


const ActionSpec& Serving() {
  static const ActionSpec spec = {
      .name = "deployment.serving",
      .action_class = ActionClass::kRead,
      .inputs = {{"deployment", "deployment", true, "which slot"}},
      .outputs = {{"model", "string", true, "wanted model, empty when none was deployed"},
                  {"model_digest", "string", true, "its digest"},
                  {"config", "string", true, "wanted configuration"},
                  {"datasets", "list<snapshot>", true, "datasets the serving side reads"},
                  {"contained", "bool", true, "out of production"},
                  {"frozen", "bool", true, "refuses deploys"},
                  {"epoch", "int", true, "of the newest decision"},
                  {"agents", "int", true, "enrolled"},
                  {"connected", "int", true, "connected now"}},
      .about = "what a deployment should serve now"};
  return spec;
}


const ActionSpec& List() {
  static const ActionSpec spec = {
      .name = "deployment.list",
      .action_class = ActionClass::kRead,
      .inputs = {{"environment", "string", false, "only these: prod"}, {"serving", "snapshot", false, "only those whose release holds this snapshot"}},
      .outputs = {{"deployments", "list<deployment>", true, "their names, at most 1000"}, {"count", "int", true, "how many"}},
      .about = "the deployments there are"};
  return spec;
}

}  // namespace firebreak::specs
