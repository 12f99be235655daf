// What is served: containment, freezing, roll-back.
#include "firebreak/actions/specs.h"

namespace firebreak::specs {

const ActionSpec& Contain() {
  static const ActionSpec spec = {
      .name = "fleet.contain",
      .action_class = ActionClass::kConverge,
      .inputs = {{"deployment", "deployment", true, "what to take out of production"},
                 {"reason", "string", false, "kept in the decision"}},
      .outputs = {{"epoch", "int", true, "of the decision"},
                  {"decision", "string", true, "digest of the signed decision"},
                  {"proven", "list", true, "agents that proved it"},
                  {"previous_release", "string", true, "model that was served before"}},
      .about = "takes the model out of production and waits until every connected agent proved it",
      .keeps_on_failure = true,
      .changes_production = true,
      .typical = absl::Seconds(5)};
  return spec;
}


const ActionSpec& Release() {
  static const ActionSpec spec = {
      .name = "fleet.release",
      .action_class = ActionClass::kConverge,
      .inputs = {{"deployment", "deployment", true, "what to serve again"}, {"reason", "string", true, "kept in the decision"}},
      .outputs = {{"epoch", "int", true, "of the decision"}},
      .about = "lifts a containment or freeze: serves what was served before",
      .changes_production = true,
      .needs_approval = true,
      .typical = absl::Seconds(5)};
  return spec;
}


const ActionSpec& Freeze() {
  static const ActionSpec spec = {.name = "fleet.freeze",
                                  .action_class = ActionClass::kConverge,
                                  .inputs = {{"deployment", "deployment", true, "what must not change"}, {"reason", "string", true, "kept in the decision"}},
                                  .outputs = {{"epoch", "int", true, "of the decision"}, {"serving", "string", true, "model that stays"}},
                                  .about = "keeps what is served and refuses every deploy until a person lets go",
                                  .keeps_on_failure = true};
  return spec;
}


const ActionSpec& Unfreeze() {
  static const ActionSpec spec = {.name = "fleet.unfreeze",
                                  .action_class = ActionClass::kConverge,
                                  .inputs = {{"deployment", "deployment", true, "what may change again"}, {"reason", "string", true, "kept in the decision"}},
                                  .outputs = {{"epoch", "int", true, "of the decision"}},
                                  .about = "allows deploys again; refuses while the deployment is contained",
                                  .needs_approval = true};
  return spec;
}


const ActionSpec& VerifyFleet() {
  static const ActionSpec spec = {.name = "fleet.verify",
                                  .action_class = ActionClass::kRead,
                                  .inputs = {{"deployment", "deployment", true, "whose agents are asked"}},
                                  .outputs = {{"verdict", "enum<proven|waiting|diverged|nobody>", true, "of the newest decision, over all connected agents"},
                                              {"epoch", "int", true, "of the newest decision"},
                                              {"proven", "list<string>", true, "agents that proved it"},
                                              {"missing", "list<string>", true, "connected agents that have not, or could not"},
                                              {"absent", "list<string>", true, "agents that are not connected"},
                                              {"snapshot", "string", true, "digest they recomputed; empty when nothing is served"}},
                                  .about = "compares what the agents prove to serve with what was decided"};
  return spec;
}


const ActionSpec& Plan() {
  static const ActionSpec spec = {
      .name = "rollback.plan",
      .action_class = ActionClass::kRead,
      .inputs = {{"deployment", "deployment", true, "what to roll back"}},
      .outputs = {{"digest", "string", true, "of the plan; approvals bind to it"},
                  {"target", "string", true, "model that would be served, empty when none may"},
                  {"target_digest", "string", true, "its content digest"},
                  {"eligible", "bool", true, "a release passes every gate"},
                  {"refused", "list", true, "gates that did not pass, with evidence"}},
      .about = "chooses the newest known-good release through the gates"};
  return spec;
}


const ActionSpec& Apply() {
  static const ActionSpec spec = {
      .name = "rollback.apply",
      .action_class = ActionClass::kConverge,
      .inputs = {{"deployment", "deployment", true, "what to roll back"},
                 {"plan", "string", true, "digest of the plan that was approved"}},
      .outputs = {{"epoch", "int", true, "of the decision"},
                  {"decision", "string", true, "digest of the signed decision"},
                  {"release", "string", true, "model that is to be served"}},
      .about = "issues the roll-back of exactly this plan, or fails because the world changed",
      .changes_production = true,
      .needs_approval = true,
      .needs_undo = true,
      .typical = absl::Seconds(1)};
  return spec;
}


const ActionSpec& Confirm() {
  static const ActionSpec spec = {
      .name = "rollback.confirm",
      .action_class = ActionClass::kRead,
      .inputs = {{"deployment", "deployment", true, "what was rolled back"}, {"epoch", "int", true, "of the roll-back decision"}},
      .outputs = {{"proven", "list", true, "agents that proved it"},
                  {"snapshot", "string", true, "digest the agents recomputed from what they serve"}},
      .about = "waits until every connected agent proved what it serves"};
  return spec;
}

}  // namespace firebreak::specs
