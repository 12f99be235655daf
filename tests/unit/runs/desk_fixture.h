// A desk, a pump and a world over a memory ledger, with small playbooks put by "alice".
#ifndef FIREBREAK_TESTS_UNIT_RUNS_DESK_FIXTURE_H_
#define FIREBREAK_TESTS_UNIT_RUNS_DESK_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>

#include "firebreak/base/text.h"
#include "firebreak/playbooks/playbook_shelf.h"
#include "firebreak/runs/run_control_desk.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/runs/run_pump.h"
#include "tests/sim/runs/world.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak::testing {

class DeskFixture : public ::testing::Test {
 protected:
  DeskFixture() {
    for (const ActionSpec& spec : BuiltinSpecs())
      catalogue_.Add(std::make_unique<WorldAction>(spec, world_, fixture_.store, boundaries_, mischief_));
    shelf_ = std::make_unique<PlaybookShelf>(ledger(), fixture_.clock, *fixture_.log, catalogue_.Specs());
    desk_ = std::make_unique<RunDesk>(ledger(), fixture_.clock, *fixture_.log, *shelf_, catalogue_.Specs(), Hooks(), &waits_);
    pump_ = std::make_unique<RunPump>(ledger(), fixture_.clock, *fixture_.log, catalogue_, Hooks(), nullptr,
                                      RunPumpOptions{0, &waits_});
    control_ = std::make_unique<RunControlDesk>(RunControlParts{ledger(), fixture_.clock, *shelf_, catalogue_, Hooks(), *desk_});
  }

  Ledger& ledger() { return *fixture_.ledger; }
  static Caller Person(const std::string& name, std::vector<v1::Role> roles = {v1::ROLE_RESPONDER}) {
    Caller caller;
    caller.identity = Identity(name);
    caller.roles = std::move(roles);
    return caller;
  }

  // `rest` follows the playbook's name, title, input and lock.
  void Put(const std::string& name, const std::string& if_locked, const std::string& rest) {
    v1::PutPlaybookRequest request;
    request.set_yaml(StrCat("playbook: ", name,
                            "\ntitle: t\ninputs:\n  deployment: {type: deployment, from: incident.deployment}\n",
                            "run: {lock: deployment/$deployment, if_locked: ", if_locked, "}\n", rest));
    const auto put = shelf_->PutPlaybook(Person("alice"), request);
    ASSERT_TRUE(put.ok()) << put.status();
  }

  absl::StatusOr<v1::StartRunResponse> Start(const std::string& playbook, const std::string& request_id = "",
                                             const std::string& deployment = "fraud-prod") {
    v1::StartRunRequest request;
    request.set_playbook(playbook);
    request.set_request_id(request_id);
    (*request.mutable_inputs()->mutable_fields())["deployment"].set_string_value(deployment);
    return desk_->StartRun(Person("carol"), request);
  }

  v1::PlaybookRun Run(const std::string& id) {
    v1::GetRunRequest request;
    request.set_run(id);
    return desk_->GetRun(Person("x"), request).value_or(v1::GetRunResponse()).run();
  }
  DriveResult Drive(const std::string& id) {
    const absl::StatusOr<DriveResult> result = pump_->Drive(RunId(id));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(DriveResult());
  }

  absl::Status Answer(const Caller& caller, bool approve = true, const std::string& digest = "",
                      const std::string& run = "RUN-1") {
    v1::AnswerApprovalRequest request;
    request.set_run(run);
    request.set_step("gate");
    request.set_approve(approve);
    const v1::PlaybookRun now = Run(run);
    const v1::StepState* state = FindState(now, "gate");
    request.set_subject_digest(!digest.empty() || state == nullptr ? digest : state->subject_digest());
    return desk_->AnswerApproval(caller, request).status();
  }

  IncidentHooks Hooks() {
    IncidentHooks hooks;
    hooks.run_ended = [this](Draft&, const IncidentId& incident) {
      ended_incidents_.push_back(incident.text());
      return absl::OkStatus();
    };
    return hooks;
  }

  World world_;
  Boundaries boundaries_{{}};
  Mischief mischief_;
  LedgerFixture fixture_;
  ActionCatalogue catalogue_;
  std::vector<std::string> ended_incidents_;
  WaitBoard waits_;
  std::unique_ptr<PlaybookShelf> shelf_;
  std::unique_ptr<RunDesk> desk_;
  std::unique_ptr<RunPump> pump_;
  std::unique_ptr<RunControlDesk> control_;
};

inline constexpr char kAskSteps[] = R"(steps:
- plan: {do: rollback.plan, with: {deployment: $deployment}}
- gate:
    ask: Back to {$plan.target}?
    who: {roles: [responder, security-lead], need: 2, not: [trigger, author]}
    about: $plan.digest
    timeout: 10m
- go: {if: $gate.approved, then: [{note: {do: incident.note, with: {text: go}}}]}
)";
inline constexpr char kNoteSteps[] = "steps:\n- note: {do: incident.note, with: {text: hello}}\n";

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_RUNS_DESK_FIXTURE_H_
