// One incident with runs, and a way to change everything about it that may not leave.
#ifndef FIREBREAK_TESTS_UNIT_SHARING_SAMPLE_INCIDENT_H_
#define FIREBREAK_TESTS_UNIT_SHARING_SAMPLE_INCIDENT_H_

#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/incident.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak::testing {

struct Sample {
  v1::Incident incident;
  std::vector<v1::PlaybookRun> runs;
};

inline v1::StepState DoneStep(const std::string& path, const std::string& action) {
  v1::StepState step;
  step.set_path(path);
  step.set_action(action);
  step.set_phase(v1::STEP_PHASE_DONE);
  return step;
}

inline Sample SampleIncident() {
  const absl::Time detected = absl::FromUnixSeconds(1794830400);   // 2026-11-16T12:00:00Z
  Sample sample;
  v1::Incident& incident = sample.incident;
  incident.set_id("INC-1");
  incident.set_title("accuracy of fraud-detector fell");
  incident.set_state(v1::INCIDENT_STATE_RECOVERED);
  incident.set_severity(2);
  incident.set_kind("model-poisoning");
  incident.set_model("fraud-detector");
  incident.set_environment("prod");
  incident.set_deployment("fraud-prod");
  incident.set_snapshot("model/fraud-detector@8");
  incident.set_opened_by("prometheus");
  *incident.mutable_began_at() = ToProto(detected - absl::Seconds(90));
  *incident.mutable_detected_at() = ToProto(detected);
  *incident.mutable_contained_at() = ToProto(detected + absl::Seconds(4));
  *incident.mutable_recovered_at() = ToProto(detected + absl::Minutes(12));
  incident.add_techniques("AML.T0020");
  incident.add_techniques("AML.T0018.001");
  for (const char* name : {"model/fraud-detector@8", "model/fraud-detector@9", "dataset/claims@12", "deployment/fraud-prod"}) {
    incident.add_affected(name);
  }
  v1::PlaybookRun run;
  run.set_id("RUN-1");
  run.set_playbook("poisoned-model");
  *run.add_steps() = DoneStep("contain", "fleet.contain");
  *run.add_steps() = DoneStep("quarantine", "snapshot.quarantine");
  v1::StepState gate = DoneStep("gate", "");
  gate.set_question("Back to model/fraud-detector@7?");
  (*gate.mutable_outputs()->mutable_fields())["approved"].set_bool_value(true);
  *run.add_steps() = gate;
  *run.add_steps() = DoneStep("apply", "rollback.apply");
  sample.runs.push_back(run);
  return sample;
}

// Changes every field that has no way out, and every value that leaves as a bucket within its bucket. What stays: the id (it is
// pseudonymised under the destination's key) and the categories of the allow-list.
class Scrambler {
 public:
  explicit Scrambler(uint64_t seed) : random_(seed) {}

  Sample Scramble(const Sample& from) {
    Sample to = from;
    v1::Incident& incident = to.incident;
    incident.set_title(Word());
    incident.set_model(Word());
    incident.set_environment(Word());
    incident.set_deployment(Word());
    incident.set_snapshot(Word());
    incident.set_snapshot_digest(Word());
    incident.set_opened_by(Word());
    incident.set_acknowledged_by(Word());
    incident.set_close_reason(Word());
    incident.set_recovered_by(Word());
    incident.set_firing_alerts(static_cast<uint32_t>(Upto(50)));
    incident.set_total_alerts(static_cast<uint32_t>(Upto(50)));
    (*incident.mutable_roles())[Word()] = Word();
    incident.add_runs(Word());
    const absl::Time detected = absl::FromUnixSeconds(1793491200) + Between(absl::Hours(48), absl::Hours(24 * 28));   // in 2026-11
    *incident.mutable_detected_at() = ToProto(detected);
    *incident.mutable_began_at() = ToProto(detected - Between(absl::Minutes(1), absl::Minutes(10)));
    *incident.mutable_contained_at() = ToProto(detected + Between(absl::ZeroDuration(), absl::Minutes(1)));
    *incident.mutable_recovered_at() = ToProto(detected + Between(absl::Minutes(10), absl::Hours(1)));
    for (auto* time : {incident.mutable_acknowledged_at(), incident.mutable_triaged_at(), incident.mutable_eradicated_at(),
                       incident.mutable_closed_at()}) {
      *time = ToProto(detected + Between(absl::ZeroDuration(), absl::Hours(100)));
    }
    incident.clear_affected();
    for (uint64_t i = 0, count = 2 + Upto(4); i < count; ++i) incident.add_affected("model/" + Word());
    incident.add_affected("dataset/" + Word());
    for (uint64_t i = 0, count = Upto(4); i < count; ++i) incident.add_affected("deployment/" + Word());
    incident.add_techniques(Word());   // not a catalogue number, so not one of ours
    for (v1::PlaybookRun& run : to.runs) ScrambleRun(run);
    return to;
  }

  std::string Word() {
    static const std::vector<std::string> kHostile = {"<script>", "José", "10.1.2.3", "alice@example.com", "AML.T00x0", "\"}]", "\xE2\x80\x8B"};
    std::string word = kHostile[Upto(kHostile.size())];
    for (int i = 0; i < 6; ++i) word += static_cast<char>('a' + Upto(26));
    return word;
  }

 private:
  void ScrambleRun(v1::PlaybookRun& run) {
    run.set_id(Word());
    run.set_playbook(Word());
    run.set_playbook_digest(Word());
    run.set_incident(Word());
    run.set_deployment(Word());
    run.set_started_by(Word());
    run.set_cancelled_by(Word());
    run.set_lock_key(Word());
    run.set_reason(Word());
    run.set_playbook_author(Word());
    run.mutable_error()->set_message(Word());
    (*run.mutable_inputs()->mutable_fields())[Word()].set_string_value(Word());
    (*run.mutable_incident_values()->mutable_fields())[Word()].set_string_value(Word());
    *run.mutable_started_at() = ToProto(absl::FromUnixSeconds(static_cast<int64_t>(Upto(1'000'000'000))));
    run.set_sequence(Upto(100));
    for (v1::StepState& step : *run.mutable_steps()) {
      step.set_path(Word());
      step.set_attempt(static_cast<uint32_t>(Upto(9)));
      step.set_effect_id(Word());
      step.set_subject_digest(Word());
      step.add_roles(Word());
      step.add_not_identities(Word());
      step.mutable_error()->set_message(Word());
      if (!step.question().empty()) step.set_question(Word());
      (*step.mutable_inputs()->mutable_fields())[Word()].set_string_value(Word());
      (*step.mutable_outputs()->mutable_fields())[Word()].set_string_value(Word());
      v1::Vote& vote = *step.add_votes();
      vote.set_identity(Word());
      vote.set_reason(Word());
      *step.mutable_started_at() = ToProto(absl::FromUnixSeconds(static_cast<int64_t>(Upto(1'000'000'000))));
    }
    v1::StepState failed = DoneStep(Word(), "report.build");   // what did not happen is not told
    failed.set_phase(v1::STEP_PHASE_FAILED);
    *run.add_steps() = failed;
    *run.add_steps() = DoneStep(Word(), Word());
  }

  uint64_t Upto(uint64_t bound) { return random_() % bound; }
  absl::Duration Between(absl::Duration least, absl::Duration bound) {
    return least + absl::Milliseconds(static_cast<int64_t>(Upto(static_cast<uint64_t>(absl::ToInt64Milliseconds(bound - least)))));
  }

  std::mt19937_64 random_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_SHARING_SAMPLE_INCIDENT_H_
