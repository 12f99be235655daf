// One fixed report about a poisoned model that was rolled back.
#ifndef FIREBREAK_TESTS_UNIT_REPORTS_SAMPLE_REPORT_H_
#define FIREBREAK_TESTS_UNIT_REPORTS_SAMPLE_REPORT_H_

#include <string>

#include "absl/time/time.h"
#include "firebreak/base/clock.h"
#include "firebreak/reports/document.h"
#include "firebreak/v1/report.pb.h"

namespace firebreak::testing {

// 2026-11-16T12:00:00Z and so many seconds.
inline google::protobuf::Timestamp At(double seconds) {
  return ToProto(absl::FromUnixSeconds(1794830400) + absl::Seconds(seconds));
}

inline void AddDecision(v1::ReportDocument& report, uint64_t epoch, v1::DecisionKind kind, double seconds) {
  v1::IssuedDecision& issued = *report.add_decisions();
  issued.set_digest("sha256:" + std::string(64, static_cast<char>('a' + epoch)));
  v1::Decision& decision = *issued.mutable_decision();
  decision.set_deployment("fraud-prod");
  decision.set_epoch(epoch);
  decision.set_kind(kind);
  *decision.mutable_decided_at() = At(seconds);
  if (kind != v1::DECISION_KIND_ROLLBACK) return;
  decision.mutable_release()->set_model_name("model/fraud@7");
  decision.add_approved_by("lena");
}

inline void AddStep(v1::PlaybookRun& run, const std::string& path, v1::StepPhase phase, double from, double to) {
  v1::StepState& step = *run.add_steps();
  step.set_path(path);
  step.set_phase(phase);
  step.set_attempt(1);
  *step.mutable_started_at() = At(from);
  if (to > from) *step.mutable_ended_at() = At(to);
}

inline void AddAffected(v1::ReportDocument& report) {
  v1::Snapshot& snapshot = *report.add_affected_snapshots();
  snapshot.set_kind(v1::SNAPSHOT_KIND_MODEL);
  snapshot.set_name("fraud");
  snapshot.set_version(8);
  snapshot.set_digest("sha256:" + std::string(64, '8'));
  snapshot.mutable_signature()->set_signer("release");
  snapshot.mutable_signature()->set_key_id(std::string(64, '5'));
  snapshot.mutable_quarantine()->set_reason("suspected in INC-1");
  v1::LineageEdge& edge = *snapshot.add_lineage();
  edge.set_relation(v1::LINEAGE_RELATION_TRAINED_ON);
  edge.set_parent_name("dataset/claims@12");
  v1::Deployment& deployment = *report.add_affected_deployments();
  deployment.set_name("fraud-prod");
  deployment.set_environment("prod");
  deployment.set_epoch(4);
  deployment.mutable_wanted()->set_model_name("model/fraud@7");
}

inline v1::ReportDocument SampleReport() {
  v1::ReportDocument report;
  v1::Incident& incident = *report.mutable_incident();
  incident.set_id("INC-1");
  incident.set_title("accuracy of fraud fell");
  incident.set_state(v1::INCIDENT_STATE_RECOVERED);
  incident.set_severity(2);
  incident.set_kind("model-poisoning");
  incident.set_model("fraud");
  incident.set_environment("prod");
  incident.set_deployment("fraud-prod");
  incident.set_snapshot("model/fraud@8");
  *incident.mutable_began_at() = At(-90);
  *incident.mutable_detected_at() = At(0);
  *incident.mutable_contained_at() = At(4.2);
  *incident.mutable_eradicated_at() = At(4.9);
  *incident.mutable_recovered_at() = At(3725);
  incident.add_techniques("AML.T0020");
  for (const auto& [index, what] : {std::pair{41, "INC-1 opened: accuracy of fraud fell"}, std::pair{42, "fraud-prod: epoch 3: contain"},
                                    std::pair{57, "fraud-prod: epoch 4: roll back to model/fraud@7"}}) {
    v1::AuditEntry& entry = *report.add_timeline();
    entry.set_index(static_cast<uint64_t>(index));
    *entry.mutable_time() = At(index - 41);
    entry.set_actor(index == 41 ? "prometheus" : "firebreak");
    entry.set_summary(what);
  }
  AddAffected(report);
  AddDecision(report, 3, v1::DECISION_KIND_CONTAIN, 1);
  AddDecision(report, 4, v1::DECISION_KIND_ROLLBACK, 3600);
  v1::PlaybookRun& run = *report.add_runs();
  run.set_id("RUN-1");
  run.set_playbook("poisoned-model");
  run.set_playbook_digest("sha256:" + std::string(64, '9'));
  run.set_state(v1::RUN_STATE_SUCCEEDED);
  run.set_started_by("prometheus");
  AddStep(run, "contain", v1::STEP_PHASE_DONE, 1, 4);
  AddStep(run, "gate", v1::STEP_PHASE_DONE, 6, 126);
  v1::StepState& gate = *run.mutable_steps(1);
  gate.set_question("Roll fraud-prod back to model/fraud@7?");
  v1::Vote& vote = *gate.add_votes();
  vote.set_identity("lena");
  vote.set_approve(true);
  vote.set_subject_digest("sha256:" + std::string(64, '3'));
  v1::AgentStatus& agent = *report.add_proofs();
  agent.set_agent("web-1");
  agent.set_deployment("fraud-prod");
  agent.mutable_proof()->set_epoch(4);
  agent.mutable_proof()->set_state(v1::SERVING_STATE_SERVING);
  agent.mutable_proof()->set_snapshot_digest("sha256:" + std::string(64, '7'));
  *agent.mutable_proof()->mutable_proved_at() = At(3610);
  agent.mutable_proof_envelope()->add_signatures()->set_key_id(std::string(64, '6'));
  report.set_checkpoint("firebreak.test/audit\n60\nAAAA\n\n\u2014 firebreak.test/audit BBBB\n");
  report.set_verifier_key("firebreak.test/audit+12345678+CCCC");
  *report.mutable_composed_at() = At(3800);
  report.set_composed_by("firebreak");
  report.set_service_version("0.1.0");
  *report.mutable_durations() = MeasureDurations(report);
  return report;
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_REPORTS_SAMPLE_REPORT_H_
