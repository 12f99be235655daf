#include "clients/cli/playbook_templates.h"

namespace firebreak::cli {
namespace {

constexpr char kContain[] = R"(# NAME: say in one sentence what has happened when this playbook is right.
# Containment needs no approval and is never undone by a failure; only the roll-back asks people.
playbook: NAME
title: NAME - contain, plan, approve, roll back, report
types: [mitigation, remediation]
severity: 60
trigger:
  event: incident.opened
  when: incident.kind == "NAME"
inputs:
  deployment: {type: deployment, about: where the model is served, from: incident.deployment}
run:
  timeout: 4h
  lock: deployment/$deployment
  if_locked: attach

steps:
- contain:
    do: fleet.contain
    with: {deployment: $deployment, reason: NAME}
    timeout: 10m
    retry: {times: 10, backoff: 1s..30s}
- plan:
    do: rollback.plan
    with: {deployment: $deployment}
    timeout: 10m
- rollback:
    if: $plan.eligible
    then:
    - gate:
        ask: "Roll {$deployment} back to {$plan.target}?"
        who: {roles: [responder, security-lead], need: 1, not: [trigger, author]}
        about: $plan.digest
        timeout: 30m
    - decide:
        if: $gate.approved
        then:
        - apply:
            do: rollback.apply
            with: {deployment: $deployment, plan: $plan.digest}
            timeout: 10m
            undo: {do: fleet.contain, with: {deployment: $deployment, reason: the roll-back was not confirmed}}
        - confirm:
            do: rollback.confirm
            with: {deployment: $deployment, epoch: $apply.epoch}
            timeout: 15m
        else:
        - hold:
            do: incident.note
            with: {text: "The roll-back was not approved; the deployment stays contained."}
    else:
    - stuck:
        do: incident.note
        with: {text: "No release passes every gate; the deployment stays contained until a person finds one."}
- report:
    do: report.build
    always: true
    timeout: 5m
    retry: {times: 5, backoff: 1s..30s}

on_failure:
- tell:
    do: incident.note
    with: {text: "Playbook NAME failed; the run lifted nothing. A person must take over."}
)";

constexpr char kContainTable[] = R"(# What NAME does, in virtual time: firebreak playbook test FILE
playbook: FILE
coverage: all
cases:
- approved:
    about: the model is out at once, and a person lets the roll-back go on
    incident: {kind: NAME, severity: 2, deployment: fraud-prod}
    outcomes:
      contain: {outputs: {epoch: 7, decision: d7, proven: [web-1], previous_release: model/fraud@3}, takes: 20s}
      plan: {outputs: {digest: p1, target: model/fraud@2, target_digest: t2, eligible: true, refused: []}}
      apply: {outputs: {epoch: 8, decision: d8, release: model/fraud@2}}
      confirm: {outputs: {proven: [web-1], snapshot: t2}, takes: 1m}
      report: {outputs: {report: REP-1, digest: r1}}
    votes:
    - {step: gate, by: ada, as: responder, at: 3m}
    expect:
      state: succeeded
      calls: [fleet.contain, rollback.plan, rollback.apply, rollback.confirm, report.build]
      not_reached: [hold, stuck]
      outputs: {gate.approved: true, apply.epoch: 8}
      within: 10m
- nobody_answers:
    about: silence denies, and the deployment stays contained
    incident: {kind: NAME, severity: 2, deployment: fraud-prod}
    outcomes:
      contain: {outputs: {epoch: 7, decision: d7, proven: [web-1], previous_release: model/fraud@3}}
      plan: {outputs: {digest: p1, target: model/fraud@2, target_digest: t2, eligible: true, refused: []}}
      report: {outputs: {report: REP-1, digest: r1}}
    votes:
    - {step: gate, by: trigger}
    expect:
      state: succeeded
      reached: [hold]
      not_reached: [apply]
      outputs: {gate.expired: true}
- nothing_to_go_back_to:
    incident: {kind: NAME, severity: 2, deployment: fraud-prod}
    outcomes:
      contain:
      - {fail: UNAVAILABLE, message: no agent answers}
      - {outputs: {epoch: 7, decision: d7, proven: [web-1], previous_release: model/fraud@3}}
      plan: {outputs: {digest: p1, target: "", target_digest: "", eligible: false, refused: [signature]}}
      report: {outputs: {report: REP-1, digest: r1}}
    expect: {state: succeeded, reached: [stuck], not_reached: [gate]}
- the_roll_back_is_not_proved:
    about: the undo takes the deployment out again, and the report is written all the same
    incident: {kind: NAME, severity: 2, deployment: fraud-prod}
    outcomes:
      fleet.contain: {outputs: {epoch: 7, decision: d7, proven: [web-1], previous_release: model/fraud@3}}
      plan: {outputs: {digest: p1, target: model/fraud@2, target_digest: t2, eligible: true, refused: []}}
      apply: {outputs: {epoch: 8, decision: d8, release: model/fraud@2}}
      confirm: {fail: FAILED_PRECONDITION, message: web-1 serves something else}
      report: {outputs: {report: REP-1, digest: r1}}
    votes:
    - {step: gate, by: ada}
    expect:
      state: failed
      failed: [confirm]
      undone: [apply]
      reached: [tell, report]
)";

constexpr char kNotify[] = R"(# NAME: writes the incident up and proposes to share it. Changes nothing that is served.
playbook: NAME
title: NAME - note, report, propose to share
types: [notification]
severity: 30
inputs:
  destination: {type: string, about: where the anonymised record would go, default: partners}
run:
  timeout: 2h

steps:
- note:
    do: incident.note
    with: {text: NAME was started}
- report:
    do: report.build
    timeout: 5m
    retry: {times: 5, backoff: 1s..30s}
- gate:
    ask: "Propose to share report {$report.report} with {$destination}?"
    who: {roles: [security-lead], need: 1, not: [author]}
    about: $report.digest
    timeout: 1h
- decide:
    if: $gate.approved
    then:
    - share:
        do: share.request
        with: {destination: $destination}

on_failure:
- tell:
    do: incident.note
    with: {text: Playbook NAME failed. A person must take over.}
)";

constexpr char kNotifyTable[] = R"(# What NAME does, in virtual time: firebreak playbook test FILE
playbook: FILE
coverage: all
cases:
- shared:
    incident: {kind: other, severity: 4}
    outcomes:
      report: {outputs: {report: REP-1, digest: r1}}
      share: {outputs: {share: SHR-1}}
    votes:
    - {step: gate, by: ada, as: security-lead, at: 5m}
    expect: {state: succeeded, calls: [incident.note, report.build, share.request]}
- the_report_cannot_be_built:
    incident: {kind: other, severity: 4}
    outcomes:
      report: {fail: NOT_FOUND, message: the incident is gone}
    expect: {state: failed, reached: [tell], not_reached: [gate]}
)";

void Replace(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

}  // namespace

const std::vector<PlaybookTemplate>& PlaybookTemplates() {
  static const auto& templates = *new std::vector<PlaybookTemplate>{
      {"contain", "contain, plan, approve, roll back, report", kContain, kContainTable},
      {"notify", "report and propose to share", kNotify, kNotifyTable}};
  return templates;
}

std::string FillTemplate(std::string_view text, std::string_view name, std::string_view file) {
  std::string filled(text);
  Replace(filled, "NAME", name);
  Replace(filled, "FILE", file);
  return filled;
}

}  // namespace firebreak::cli
