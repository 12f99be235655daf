// A run of one playbook in memory, with a clock that the test moves.
#ifndef FIREBREAK_TESTS_UNIT_RUNS_LINE_H_
#define FIREBREAK_TESTS_UNIT_RUNS_LINE_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/runs/apply.h"
#include "firebreak/runs/decide.h"
#include "firebreak/runs/outcome.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/sim/runs/builtin_specs.h"

namespace firebreak::testing {

using google::protobuf::util::MessageDifferencer;
using store::v1::RunEvent;

inline const absl::Time kStart = absl::FromUnixSeconds(1767225600);

class Line {
 public:
  explicit Line(std::string_view steps, Program::Children children = {})
      : program_(Lint(steps, children), BuiltinSpecPointers(), children) {
    run_.set_id("RUN-1");
    run_.set_state(v1::RUN_STATE_RUNNING);
    run_.set_phase(v1::RUN_PHASE_FORWARD);
    run_.set_started_by("prometheus");
    run_.set_playbook_author("alice");
    *run_.mutable_deadline_at() = ToProto(kStart + absl::Hours(24));
    (*run_.mutable_inputs()->mutable_fields())["deployment"].set_string_value("fraud-prod");
  }

  // Records until there is something else to do.
  Move Settle() {
    for (int i = 0; i < 500; ++i) {
      const Move move = Decide(program_, run_, {now_, "", &own_});
      const Move again = Decide(program_, run_, {now_, "", &own_});
      EXPECT_EQ(move.index(), again.index()) << "asking twice gave two answers";
      const auto* record = std::get_if<Record>(&move);
      if (record == nullptr) return move;
      EXPECT_TRUE(MessageDifferencer::Equals(record->event, std::get<Record>(again).event));
      if (record->event.has_step_started()) own_.insert(record->event.step_started().path());
      const v1::PlaybookRun before = run_;
      run_ = Apply(run_, record->event);
      EXPECT_FALSE(MessageDifferencer::Equals(before, run_))
          << "an event that changes nothing would be decided for ever";
    }
    ADD_FAILURE() << "decides for ever";
    return Finished{};
  }

  // What is performed next; empty when nothing is.
  std::string Performing() {
    const Move move = Settle();
    const auto* perform = std::get_if<Perform>(&move);
    return perform == nullptr ? "" : perform->path;
  }

  void Answer(const absl::StatusOr<ActionResult>& result) {
    const std::string path = Performing();
    ASSERT_NE(path, "");
    if (auto event = OutcomeEvent(program_, run_, path, result, now_)) run_ = Apply(run_, *event);
  }
  void Done(std::initializer_list<std::pair<const char*, google::protobuf::Value>> outputs = {}) {
    ActionDone done;
    const ActionSpec* spec = program_.FindAction(FindState(run_, Performing())->action());
    for (const ActionField& field : spec->outputs) {
      google::protobuf::Value& value = (*done.outputs.mutable_fields())[field.name];
      if (field.type.starts_with("list")) value.mutable_list_value();
      if (field.type.starts_with("enum")) value.set_string_value(field.type.substr(5, field.type.find_first_of("|>") - 5));
      if (field.type == "bool") value.set_bool_value(true);
      if (field.type == "int") value.set_number_value(3);
      if (field.type == "string") value.set_string_value("x");
    }
    for (const auto& [name, value] : outputs) (*done.outputs.mutable_fields())[name] = value;
    Answer(ActionResult(done));
  }
  void Crash() { own_.clear(); }
  void Pass(absl::Duration time) { now_ += time; }
  void Take(const RunEvent& event) { run_ = Apply(run_, event); }
  v1::StepPhase PhaseOf(std::string_view path) const {
    const v1::StepState* state = FindState(run_, path);
    return state == nullptr ? v1::STEP_PHASE_UNSPECIFIED : state->phase();
  }
  void Vote(const std::string& path, const std::string& who, bool approve) {
    RunEvent event;
    *event.mutable_time() = ToProto(now_);
    event.mutable_voted()->set_path(path);
    event.mutable_voted()->mutable_vote()->set_identity(who);
    event.mutable_voted()->mutable_vote()->set_approve(approve);
    event.mutable_voted()->mutable_vote()->set_subject_digest(FindState(run_, path)->subject_digest());
    Take(event);
  }
  void Cancel() {
    RunEvent event;
    *event.mutable_time() = ToProto(now_);
    event.mutable_cancel_requested()->set_identity("carol");
    Take(event);
  }
  v1::PlaybookRun& run() { return run_; }
  const Program& program() const { return program_; }
  // Everything that is to be performed now.
  std::vector<std::string> AllPerforming() {
    const Move move = Settle();
    const auto* perform = std::get_if<Perform>(&move);
    return perform == nullptr ? std::vector<std::string>() : perform->paths;
  }
  // The outcome of one of several effects under way.
  void AnswerAt(const std::string& path, const absl::StatusOr<ActionResult>& result) {
    if (auto event = OutcomeEvent(program_, run_, path, result, now_)) run_ = Apply(run_, *event);
  }
  absl::Time WakeAt() {
    const Move move = Settle();
    const auto* wait = std::get_if<WaitUntil>(&move);
    return wait == nullptr ? kStart : wait->until;
  }
  std::string State() { return v1::RunState_Name(run_.state()); }

 private:
  static v1::Playbook Lint(std::string_view steps, const Program::Children& children) {
    const std::vector<const ActionSpec*> specs = BuiltinSpecPointers();
    LintSurroundings around;
    around.actions = specs;
    around.find_playbook = [&children](const std::string& digest) -> std::optional<v1::Playbook> {
      const auto found = children.find(digest);
      return found == children.end() ? std::nullopt : std::optional<v1::Playbook>(found->second);
    };
    const LintReport report = LintPlaybook(
        "t.yaml",
        StrCat(
            "playbook: t\ntitle: t\ninputs:\n  deployment: {type: deployment}\nrun: {lock: deployment/$deployment}\n",
            steps),
        around);
    for (const v1::LintFinding& finding : report.findings) EXPECT_FALSE(finding.error()) << FormatFinding(finding);
    return report.playbook;
  }

  Program program_;
  v1::PlaybookRun run_;
  absl::Time now_ = kStart;
  OwnIntents own_;
};

inline constexpr char kNote[] = "{do: incident.note, with: {text: x}}";
inline std::string Steps(std::initializer_list<std::string> steps) {
  std::string text = "steps:\n";
  for (const std::string& step : steps) StrAppend(&text, "- ", step, "\n");
  return text;
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_RUNS_LINE_H_
