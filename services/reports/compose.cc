// From facts to sections. Every sentence here is about a stored fact; nothing is inferred.
#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/reports/document.h"
#include "firebreak/snapshots/names.h"
#include "services/reports/words.h"

namespace firebreak {
namespace {

std::string OrUnknown(const std::string& text) { return text.empty() ? "unknown" : text; }

Section Summary(const v1::ReportDocument& report) {
  const v1::Incident& incident = report.incident();
  Section section{"Summary", {}};
  std::string text = StrCat(incident.id(), " (", OrUnknown(incident.kind()), ", severity ", incident.severity(), ") concerned model ",
                            OrUnknown(incident.model()), " in environment ", OrUnknown(incident.environment()));
  if (!incident.deployment().empty()) StrAppend(&text, ", deployment ", incident.deployment());
  if (!incident.snapshot().empty()) StrAppend(&text, "; the suspect was ", incident.snapshot());
  StrAppend(&text, ". It is ", Word(incident.state()), incident.false_positive() ? " as a false positive" : "", ".");
  section.blocks.push_back(Paragraph{text});
  for (const v1::IssuedDecision& issued : report.decisions()) {
    if (issued.decision().kind() != v1::DECISION_KIND_ROLLBACK) continue;
    section.blocks.push_back(Paragraph{StrCat("Production was rolled back to ", issued.decision().release().model_name(), " by decision ",
                                              issued.decision().epoch(), " of ", issued.decision().deployment(),
                                              issued.decision().approved_by().empty() ? "" : ", approved by ",
                                              absl::StrJoin(issued.decision().approved_by(), ", "), ".")});
  }
  return section;
}

// Nobody asked is a fact; asked and not answered yet is another.
std::string ApprovalWait(const v1::ReportDocument& report) {
  const v1::IncidentDurations& durations = report.durations();
  if (durations.has_approval_wait_seconds()) return DurationText(true, durations.approval_wait_seconds());
  for (const v1::PlaybookRun& run : report.runs()) {
    for (const v1::StepState& step : run.steps()) {
      if (!step.question().empty()) return "unknown: not answered yet";
    }
  }
  return "nobody was asked";
}

Section KeyNumbers(const v1::ReportDocument& report) {
  const v1::IncidentDurations& durations = report.durations();
  TableBlock table{{"Measure", "Value", "Defined as"}, {}};
  table.rows = {
      {"Time to detect", DurationText(durations.has_time_to_detect_seconds(), durations.time_to_detect_seconds()), "detected − began"},
      {"Time to acknowledge", DurationText(durations.has_time_to_acknowledge_seconds(), durations.time_to_acknowledge_seconds()),
       "first human acknowledgement − detected"},
      {"Time to contain", DurationText(durations.has_time_to_contain_seconds(), durations.time_to_contain_seconds()), "contained − detected"},
      {"Time to recover", DurationText(durations.has_time_to_recover_seconds(), durations.time_to_recover_seconds()), "recovered − detected"},
      {"Waiting for approval", ApprovalWait(report), "sum of asked → answered"}};
  return {"Key numbers", {table}};
}

Section Timeline(const v1::ReportDocument& report) {
  const v1::Incident& incident = report.incident();
  TimelineBlock drawing;
  const auto mark = [&](bool present, const google::protobuf::Timestamp& time, const char* label) {
    if (present) drawing.marks.push_back({label, FromProto(time)});
  };
  mark(incident.has_began_at(), incident.began_at(), "began");
  mark(incident.has_detected_at(), incident.detected_at(), "detected");
  mark(incident.has_acknowledged_at(), incident.acknowledged_at(), "acknowledged");
  mark(incident.has_contained_at(), incident.contained_at(), "contained");
  mark(incident.has_eradicated_at(), incident.eradicated_at(), "eradicated");
  mark(incident.has_recovered_at(), incident.recovered_at(), "recovered");
  mark(incident.has_closed_at(), incident.closed_at(), "closed");
  std::stable_sort(drawing.marks.begin(), drawing.marks.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
  TableBlock table{{"Time (UTC)", "Log index", "Who", "What"}, {}};
  for (const v1::AuditEntry& entry : report.timeline()) {
    table.rows.push_back({FormatRfc3339(FromProto(entry.time())), std::to_string(entry.index()), entry.actor(), entry.summary()});
  }
  Section section{"Timeline", {}};
  if (drawing.marks.size() > 1) section.blocks.push_back(std::move(drawing));
  section.blocks.push_back(std::move(table));
  if (report.timeline_cut()) {
    section.blocks.push_back(Paragraph{StrCat("The timeline is longer than a report holds; the rest is in the audit log (subject incident/", incident.id(), ").")});
  }
  return section;
}

Section Affected(const v1::ReportDocument& report) {
  TableBlock snapshots{{"Snapshot", "Content digest", "Signed by", "Made from", "State"}, {}};
  for (const v1::Snapshot& snapshot : report.affected_snapshots()) {
    std::vector<std::string> parents;
    for (const v1::LineageEdge& edge : snapshot.lineage()) parents.push_back(StrCat(Word(edge.relation()), " ", edge.parent_name()));
    std::string state = "not quarantined";
    if (snapshot.has_quarantine()) {
      state = snapshot.quarantine().tainted_by().empty() ? "quarantined" : StrCat("tainted by ", snapshot.quarantine().tainted_by());
    }
    snapshots.rows.push_back({SnapshotName(snapshot), snapshot.digest(),
                              StrCat(snapshot.signature().signer(), " (key ", snapshot.signature().key_id().substr(0, 16), ")"),
                              absl::StrJoin(parents, "; "), state});
  }
  TableBlock deployments{{"Deployment", "Environment", "Epoch", "Serves", "State"}, {}};
  for (const v1::Deployment& deployment : report.affected_deployments()) {
    deployments.rows.push_back({deployment.name(), deployment.environment(), std::to_string(deployment.epoch()),
                                deployment.contained() ? "nothing" : OrUnknown(deployment.wanted().model_name()),
                                deployment.contained() ? "contained" : (deployment.frozen() ? "frozen" : "serving")});
  }
  return {"What was affected", {std::move(snapshots), std::move(deployments)}};
}

Section Actions(const v1::ReportDocument& report) {
  Section section{"Containment and roll-back", {}};
  TableBlock decisions{{"Epoch", "Decision", "Deployment", "Release", "Decided", "Approved by", "Digest"}, {}};
  for (const v1::IssuedDecision& issued : report.decisions()) {
    const v1::Decision& decision = issued.decision();
    decisions.rows.push_back({std::to_string(decision.epoch()), Word(decision.kind()), decision.deployment(), decision.release().model_name(),
                              FormatRfc3339(FromProto(decision.decided_at())), absl::StrJoin(decision.approved_by(), ", "), issued.digest()});
  }
  section.blocks.push_back(std::move(decisions));
  for (const v1::PlaybookRun& run : report.runs()) {
    section.blocks.push_back(Paragraph{StrCat("Playbook run ", run.id(), ": ", run.playbook(), " (", run.playbook_digest(), "), ", Word(run.state()),
                                              ", started by ", run.started_by(), ".")});
    TableBlock steps{{"Step", "Outcome", "Attempts", "Started", "Ended", "Notes"}, {}};
    for (const v1::StepState& step : run.steps()) {
      std::vector<std::string> notes;
      if (!step.question().empty()) notes.push_back(step.question());
      for (const v1::Vote& vote : step.votes()) notes.push_back(StrCat(vote.identity(), vote.approve() ? " approved " : " refused ", vote.subject_digest()));
      if (!step.error().message().empty()) notes.push_back(step.error().message());
      steps.rows.push_back({step.path(), Word(step.phase()), std::to_string(step.attempt()),
                            step.has_started_at() ? FormatRfc3339(FromProto(step.started_at())) : "",
                            step.has_ended_at() ? FormatRfc3339(FromProto(step.ended_at())) : "", absl::StrJoin(notes, "; ")});
    }
    section.blocks.push_back(std::move(steps));
  }
  return section;
}

Section Evidence(const v1::ReportDocument& report) {
  Section section{"Evidence", {}};
  TableBlock proofs{{"Agent", "Deployment", "Epoch", "State", "Snapshot served", "Proved", "Signature key"}, {}};
  for (const v1::AgentStatus& agent : report.proofs()) {
    const v1::ServingProof& proof = agent.proof();
    proofs.rows.push_back({agent.agent(), agent.deployment(), std::to_string(proof.epoch()), Word(proof.state()), proof.snapshot_digest(),
                           proof.has_proved_at() ? FormatRfc3339(FromProto(proof.proved_at())) : "never",
                           agent.proof_envelope().signatures().empty() ? "" : agent.proof_envelope().signatures(0).key_id().substr(0, 16)});
  }
  section.blocks.push_back(Paragraph{"What the agents proved, each signed with the agent's own key:"});
  section.blocks.push_back(std::move(proofs));
  section.blocks.push_back(Paragraph{"Every line of the timeline is a leaf of the audit log under this signed checkpoint:"});
  section.blocks.push_back(CodeBlock{report.checkpoint()});
  section.blocks.push_back(Paragraph{"Verifier key:"});
  section.blocks.push_back(CodeBlock{report.verifier_key()});
  section.blocks.push_back(Paragraph{"Export the log and verify it without the service: firebreak audit export --dir DIR, then firebreak audit verify DIR --vkey KEY."});
  const auto& snapshots = report.affected_snapshots();
  if (std::any_of(snapshots.begin(), snapshots.end(), [](const v1::Snapshot& snapshot) { return snapshot.has_quarantine(); })) {
    section.blocks.push_back(Paragraph{"The suspect snapshots are kept unaltered and quarantined, so that causes can still be evaluated (EU AI Act, Article 73(6))."});
  }
  return section;
}

}  // namespace

Document ComposeDocument(const v1::ReportDocument& report) {
  const v1::Incident& incident = report.incident();
  Document document;
  document.title = StrCat("Post-incident report ", incident.id(), ": ", incident.title());
  document.subtitle = StrCat("Composed ", FormatRfc3339(FromProto(report.composed_at())), " by ", report.composed_by(), ", Firebreak ",
                             report.service_version());
  document.sections = {Summary(report), KeyNumbers(report), Timeline(report), Affected(report), Actions(report), Evidence(report)};
  if (!incident.techniques().empty()) {
    document.sections.push_back({"MITRE ATLAS techniques", {BulletList{{incident.techniques().begin(), incident.techniques().end()}}}});
  }
  return document;
}

}  // namespace firebreak
