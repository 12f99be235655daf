// Snapshots and whom we trust.
#include "firebreak/actions/specs.h"

namespace firebreak::specs {

const ActionSpec& Quarantine() {
  static const ActionSpec spec = {
      .name = "snapshot.quarantine",
      .action_class = ActionClass::kConverge,
      .inputs = {{"snapshot", "snapshot", true, "the suspect"},
                 {"with_parents", "bool", false, "also the training data that came in with it"}},
      .outputs = {{"snapshot", "string", true, "name of the suspect"},
                  {"parents", "list<snapshot>", true, "training data quarantined with it"},
                  {"tainted", "list<snapshot>", true, "everything made from any of them"},
                  {"deployments", "list<deployment>", true, "that serve any of them now"}},
      .about = "quarantines a snapshot and names everything made from it",
      .keeps_on_failure = true};
  return spec;
}


const ActionSpec& Verify() {
  static const ActionSpec spec = {
      .name = "snapshot.verify",
      .action_class = ActionClass::kRead,
      .inputs = {{"snapshot", "snapshot", true, "what to read again"}},
      .outputs = {{"verdict", "enum<intact|damaged>", true, "of bytes and signature"}, {"findings", "list", true, "what is wrong"}},
      .about = "reads every byte again and checks the signature against the keys trusted now"};
  return spec;
}


const ActionSpec& Lift() {
  static const ActionSpec spec = {
      .name = "snapshot.lift",
      .action_class = ActionClass::kConverge,
      .inputs = {{"snapshot", "snapshot", true, "what is trusted again"}, {"reason", "string", true, "kept in the log"}},
      .outputs = {{"snapshot", "string", true, "its name"}, {"still_tainted_by", "string", true, "an ancestor that is quarantined, or empty"}},
      .about = "lifts the quarantine of exactly this snapshot: a false positive",
      .needs_approval = true};
  return spec;
}


const ActionSpec& Revoke() {
  static const ActionSpec spec = {
      .name = "signer.revoke",
      .action_class = ActionClass::kConverge,
      .inputs = {{"signer", "string", true, "key id or name of the signer"}, {"reason", "string", true, "kept in the log"}},
      .outputs = {{"signer_key", "string", true, "id of the key"},
                  {"snapshots", "list<snapshot>", true, "whose signature no longer counts, at most 1000"},
                  {"deployments", "list<deployment>", true, "that serve any of them now"},
                  {"count", "int", true, "how many snapshots"}},
      .about = "stops trusting a key: nothing it signed passes the gates any more",
      .keeps_on_failure = true,
      .needs_approval = true};
  return spec;
}

}  // namespace firebreak::specs
