// What is written down: evidence, the incident, reports, shares.
#include "firebreak/actions/specs.h"

namespace firebreak::specs {

const ActionSpec& Capture() {
  static const ActionSpec spec = {
      .name = "evidence.capture",
      .action_class = ActionClass::kKeyed,
      .inputs = {{"deployment", "deployment", false, "what it serves and what its agents last proved"},
                 {"snapshot", "snapshot", false, "what it is, who signed it, its gates and its lineage"}},
      .outputs = {{"evidence", "string", true, "EVD-3"}, {"digest", "string", true, "of exactly the bytes kept"}, {"size", "int", true, "bytes"}},
      .about = "keeps the state of incident, alerts, deployment, agents and snapshot as it is now; goes before containment",
      .typical = absl::Seconds(1)};
  return spec;
}


const ActionSpec& Note() {
  static const ActionSpec spec = {.name = "incident.note",
                                  .action_class = ActionClass::kKeyed,
                                  .inputs = {{"text", "string", true, "at most 2 KiB"}},
                                  .outputs = {},
                                  .about = "adds a note to the incident's timeline"};
  return spec;
}


const ActionSpec& Advance() {
  static const ActionSpec spec = {.name = "incident.advance",
                                  .action_class = ActionClass::kConverge,
                                  .inputs = {{"state", "enum<triaged|contained|eradicated|recovered>", true, "which one"}},
                                  .outputs = {},
                                  .about = "moves the incident forward; a state already passed is no change"};
  return spec;
}


const ActionSpec& Report() {
  static const ActionSpec spec = {
      .name = "report.build",
      .action_class = ActionClass::kKeyed,
      .inputs = {},
      .outputs = {{"report", "string", true, "REP-3"}, {"digest", "string", true, "of the signed document"}},
      .about = "composes, signs and stores the post-incident report from the ledger"};
  return spec;
}


const ActionSpec& Share() {
  static const ActionSpec spec = {.name = "share.request",
                                  .action_class = ActionClass::kKeyed,
                                  .inputs = {{"destination", "string", true, "where the anonymised record would go"}},
                                  .outputs = {{"share", "string", true, "SHR-4; a security lead decides"}},
                                  .about = "proposes an anonymised record; nothing leaves without approval"};
  return spec;
}


const ActionSpec& Severity() {
  static const ActionSpec spec = {.name = "incident.severity",
                                  .action_class = ActionClass::kConverge,
                                  .inputs = {{"severity", "int", true, "1 (worst) to 5"}, {"reason", "string", true, "kept in the log"}},
                                  .outputs = {{"severity", "int", true, "as it is now"}},
                                  .about = "sets how bad the incident is"};
  return spec;
}


const ActionSpec& Assign() {
  static const ActionSpec spec = {.name = "incident.assign",
                                  .action_class = ActionClass::kConverge,
                                  .inputs = {{"role", "enum<commander|scribe|liaison>", true, "what the person does"},
                                             {"identity", "string", true, "who"}},
                                  .outputs = {},
                                  .about = "gives a role in the response to a person"};
  return spec;
}


const ActionSpec& Status() {
  static const ActionSpec spec = {.name = "incident.status",
                                  .action_class = ActionClass::kRead,
                                  .inputs = {},
                                  .outputs = {{"state", "enum<detected|triaged|contained|eradicated|recovered|closed>", true, "as it is now"},
                                              {"severity", "int", true, "1 (worst) to 5"},
                                              {"firing", "int", true, "alerts that fire now"},
                                              {"alerts", "int", true, "alerts so far"},
                                              {"affected", "list<string>", true, "snapshots and deployments named so far"}},
                                  .about = "the incident as it is now; incident.* is what it was when the run began"};
  return spec;
}


const ActionSpec& Close() {
  static const ActionSpec spec = {.name = "incident.close",
                                  .action_class = ActionClass::kConverge,
                                  .inputs = {{"reason", "string", true, "kept in the log"}, {"false_positive", "bool", false, "nothing was wrong"}},
                                  .outputs = {{"state", "string", true, "closed"}},
                                  .about = "closes the incident for good",
                                  .needs_approval = true};
  return spec;
}

}  // namespace firebreak::specs
