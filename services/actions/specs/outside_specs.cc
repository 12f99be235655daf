// What leaves the house, and time.
#include "firebreak/actions/specs.h"

namespace firebreak::specs {

const ActionSpec& Call() {
  static const ActionSpec spec = {
      .name = "http.call",
      .action_class = ActionClass::kKeyed,
      .inputs = {{"hook", "string", true, "name of a hook in DATA/hooks.json"},
                 {"method", "enum<GET|POST|PUT|PATCH|DELETE>", false, "POST when it is not given"},
                 {"path", "string", false, "put behind the hook's url: /v1/limits"},
                 {"body", "string", false, "sent as application/json; empty = the incident, deployment and run"},
                 {"value1", "string", false, "put in place of {{value1}} in path and body, escaped for where it stands; so are the others"},
                 {"value2", "string", false, ""},
                 {"value3", "string", false, ""},
                 {"value4", "string", false, ""},
                 {"value5", "string", false, ""},
                 {"value6", "string", false, ""},
                 {"value7", "string", false, ""},
                 {"value8", "string", false, ""}},
      .outputs = {{"status", "int", true, "of the answer; 2xx, anything else fails the step"},
                  {"body", "string", true, "the first 4 KiB of the answer"}},
      .about = "calls a limiter, firewall, guardrail or store outside, with the effect id as Idempotency-Key",
      .typical = absl::Seconds(2)};
  return spec;
}


const ActionSpec& Webhook() {
  static const ActionSpec spec = {
      .name = "notify.webhook",
      .action_class = ActionClass::kOnce,
      .inputs = {{"hook", "string", true, "name of a hook in DATA/hooks.json"}, {"text", "string", true, "one or two sentences, at most 2 KiB"}},
      .outputs = {{"status", "int", true, "of the answer"}},
      .about = "posts a message with the incident, deployment and run to a chat or ticket system",
      .typical = absl::Seconds(2)};
  return spec;
}


const ActionSpec& Page() {
  static const ActionSpec spec = {
      .name = "notify.page",
      .action_class = ActionClass::kOnce,
      .inputs = {{"hook", "string", true, "name of a hook in DATA/hooks.json"},
                 {"role", "string", true, "who is to wake up: security-lead"},
                 {"text", "string", true, "one or two sentences, at most 2 KiB"}},
      .outputs = {{"status", "int", true, "of the answer"}},
      .about = "wakes a person up",
      .typical = absl::Seconds(2)};
  return spec;
}


const ActionSpec& Sleep() {
  static const ActionSpec spec = {.name = "time.sleep",
                                  .action_class = ActionClass::kKeyed,
                                  .inputs = {{"for", "duration", true, "at most a day; the timer lives in the store"}},
                                  .outputs = {{"until", "string", true, "when it was over, UTC"}},
                                  .about = "waits; nobody holds a thread for it"};
  return spec;
}

const ActionSpec& Require() {
  static const ActionSpec spec = {.name = "run.require",
                                  .action_class = ActionClass::kRead,
                                  .inputs = {{"that", "bool", true, "what must be so"}, {"reason", "string", true, "what the failure says"}},
                                  .outputs = {},
                                  .about = "fails the step unless a condition holds"};
  return spec;
}

}  // namespace firebreak::specs
