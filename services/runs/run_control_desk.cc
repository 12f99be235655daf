#include "firebreak/runs/run_control_desk.h"

#include <optional>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/run_plans.h"
#include "firebreak/storage/keys/runs.h"
#include "services/runs/foretell.h"
#include "services/runs/new_run.h"
#include "services/runs/resume.h"

namespace firebreak {
namespace {

constexpr size_t kReasonBytesMax = 1024;

absl::Status CheckReason(const std::string& reason) {
  if (reason.empty()) return absl::InvalidArgumentError("reason is missing (next: --reason \"why\")");
  if (reason.size() > kReasonBytesMax) return absl::InvalidArgumentError("reason is longer than 1024 bytes");
  return absl::OkStatus();
}

v1::AuditEntry Planned(const v1::RunPlan& plan) {
  v1::AuditEntry entry;
  entry.set_actor(plan.planned_by());
  entry.set_action("run.planned");
  if (!plan.incident().empty()) entry.add_subjects(StrCat("incident/", plan.incident()));
  if (!plan.deployment().empty()) entry.add_subjects(StrCat("deployment/", plan.deployment()));
  entry.set_summary(StrCat(plan.planned_by(), " looked at what playbook ", plan.playbook(), " would do: ", plan.steps_size(), " steps"));
  (*entry.mutable_facts())["plan"] = plan.digest();
  (*entry.mutable_facts())["playbook_digest"] = plan.playbook_digest();
  return entry;
}

}  // namespace

RunControlDesk::RunControlDesk(RunControlParts parts)
    : parts_(std::move(parts)), programs_(parts_.ledger.store(), [this] { return parts_.actions.Specs(); }) {}

absl::StatusOr<v1::RunPlan> RunControlDesk::MakePlan(const Caller& caller, const v1::PlanRunRequest& request) const {
  if (request.playbook().empty())
    return absl::InvalidArgumentError("playbook is missing (next: firebreak playbook list)");
  ASSIGN_OR_RETURN(const v1::StoredPlaybook stored, parts_.shelf.Resolve(request.playbook()));
  v1::Incident incident;
  if (!request.incident().empty()) {
    if (!parts_.hooks.load) return absl::FailedPreconditionError("runs for incidents are not available here");
    ASSIGN_OR_RETURN(incident, parts_.hooks.load(IncidentId(request.incident())));
  }
  const absl::Time now = parts_.clock.Now();
  ASSIGN_OR_RETURN(const v1::PlaybookRun drawn,
                   DrawRun({stored, incident, request.inputs(), caller.identity.text(), "plan", ""}, now));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Program> program, programs_.Make(stored.playbook()));
  v1::RunPlan plan;
  plan.set_playbook(drawn.playbook());
  plan.set_playbook_digest(drawn.playbook_digest());
  plan.set_incident(drawn.incident());
  plan.set_deployment(drawn.deployment());
  *plan.mutable_inputs() = drawn.inputs();
  plan.set_if_locked(drawn.if_locked());
  plan.set_planned_by(caller.identity.text());
  *plan.mutable_planned_at() = ToProto(now);
  *plan.mutable_expires_at() = ToProto(now + kPlanLifetime);
  if (!drawn.lock_key().empty()) {
    ASSIGN_OR_RETURN(const auto lock, FindRecord(parts_.ledger.store(), keys::RunLock(drawn.lock_key())));
    if (lock) plan.set_lock_held_by(lock->run());
    if (lock && !lock->run().empty() && drawn.if_locked() == "fail")
      plan.set_refused(StrCat(drawn.lock_key(), " is in the hands of ", lock->run()));
  }
  Foretell(*program, drawn, parts_.actions, now, plan);
  plan.set_digest(PlanDigest(plan));
  return plan;
}

absl::Status RunControlDesk::KeepPlan(const v1::RunPlan& plan, const v1::PlanRunRequest& request) {
  store::v1::StoredRunPlan kept;
  *kept.mutable_plan() = plan;
  *kept.mutable_request() = request;
  kept.mutable_request()->set_playbook(plan.playbook_digest());
  return parts_.ledger
      .Transact([&](Draft& draft) -> absl::Status {
        ASSIGN_OR_RETURN(const uint64_t number, draft.NextNumber("PLAN"));
        const auto slot_key = keys::RunPlanSlot(number % kPlansKeptMax);
        ASSIGN_OR_RETURN(const std::optional<store::v1::RunPlanSlot> before, draft.Find(slot_key));
        if (before && before->digest() != plan.digest()) draft.Delete(keys::RunPlan(before->digest()));
        store::v1::RunPlanSlot slot;
        slot.set_digest(plan.digest());
        draft.Put(slot_key, slot);
        draft.Put(keys::RunPlan(plan.digest()), kept);
        draft.Record(Planned(plan));
        return absl::OkStatus();
      })
      .status();
}

absl::StatusOr<v1::PlanRunResponse> RunControlDesk::PlanRun(const Caller& caller, const v1::PlanRunRequest& request) {
  v1::PlanRunResponse response;
  ASSIGN_OR_RETURN(*response.mutable_plan(), MakePlan(caller, request));
  RETURN_IF_ERROR(KeepPlan(response.plan(), request));
  return response;
}

absl::StatusOr<v1::StartPlanResponse> RunControlDesk::StartPlan(const Caller& caller, const v1::StartPlanRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  ASSIGN_OR_RETURN(const auto kept, FindRecord(parts_.ledger.store(), keys::RunPlan(request.plan_digest())));
  if (!kept) {
    return absl::NotFoundError(
        StrCat("no plan ", request.plan_digest(), " is kept (next: firebreak run plan, then start with the digest it shows)"));
  }
  v1::StartRunRequest start;
  start.set_playbook(kept->request().playbook());
  start.set_incident(kept->request().incident());
  *start.mutable_inputs() = kept->request().inputs();
  start.set_request_id(request.request_id());
  start.set_reason(request.reason());
  v1::StartPlanResponse response;
  auto answer = [&response](v1::StartRunResponse started) {
    *response.mutable_run() = std::move(*started.mutable_run());
    response.set_attached(started.attached());
    return response;
  };
  // A request that was already carried out is answered, whatever the world is like by now.
  ASSIGN_OR_RETURN(std::optional<v1::StartRunResponse> earlier, parts_.runs.FindStarted(caller, start));
  if (earlier) return answer(*std::move(earlier));
  if (parts_.clock.Now() >= FromProto(kept->plan().expires_at())) {
    return absl::FailedPreconditionError(
        StrCat("plan ", request.plan_digest(), " is older than an hour (next: make it again and look at it)"));
  }
  ASSIGN_OR_RETURN(const v1::RunPlan now, MakePlan(caller, kept->request()));
  if (now.digest() != kept->plan().digest()) {
    return absl::AbortedError(StrCat("the world has changed since the plan: ", PlanDifference(kept->plan(), now),
                                     " (next: make the plan again and look at it)"));
  }
  if (!now.refused().empty()) return absl::FailedPreconditionError(now.refused());
  ASSIGN_OR_RETURN(v1::StartRunResponse started, parts_.runs.StartPinned(caller, start, request.plan_digest()));
  return answer(std::move(started));
}

absl::StatusOr<v1::PauseRunResponse> RunControlDesk::PauseRun(const Caller& caller, const v1::PauseRunRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  v1::PauseRunResponse response;
  ASSIGN_OR_RETURN(*response.mutable_run(),
                   parts_.runs.Change(request.run(), [&](const v1::PlaybookRun& run) -> absl::StatusOr<store::v1::RunEvent> {
                     if (run.paused()) return absl::CancelledError("nothing changes");
                     if (HasEnded(run)) return absl::FailedPreconditionError(StrCat(run.id(), " has already ended"));
                     if (run.cancel_requested() || run.phase() > v1::RUN_PHASE_FORWARD) {
                       return absl::FailedPreconditionError(
                           StrCat(run.id(), " is already ending: what it does now is cleaning up, which is not held up"));
                     }
                     store::v1::RunEvent event;
                     *event.mutable_time() = ToProto(parts_.clock.Now());
                     event.mutable_pause_requested()->set_identity(caller.identity.text());
                     event.mutable_pause_requested()->set_reason(request.reason());
                     return event;
                   }));
  return response;
}

absl::StatusOr<v1::ContinueRunResponse> RunControlDesk::ContinueRun(const Caller& caller, const v1::ContinueRunRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  v1::ContinueRunResponse response;
  ASSIGN_OR_RETURN(*response.mutable_run(),
                   parts_.runs.Change(request.run(), [&](const v1::PlaybookRun& run) -> absl::StatusOr<store::v1::RunEvent> {
                     if (HasEnded(run)) {
                       return absl::FailedPreconditionError(
                           StrCat(run.id(), " has already ended (next: firebreak run resume ", run.id(), " --from STEP)"));
                     }
                     if (!run.paused()) return absl::CancelledError("nothing changes");
                     store::v1::RunEvent event;
                     *event.mutable_time() = ToProto(parts_.clock.Now());
                     event.mutable_continue_requested()->set_identity(caller.identity.text());
                     event.mutable_continue_requested()->set_reason(request.reason());
                     return event;
                   }));
  return response;
}

absl::StatusOr<v1::ResumeRunResponse> RunControlDesk::ResumeRun(const Caller& caller, const v1::ResumeRunRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  if (RunNumber(RunId(request.run())) == 0)
    return absl::InvalidArgumentError(StrCat("'", request.run(), "' is no run (next: RUN-17)"));
  ASSIGN_OR_RETURN(const v1::PlaybookRun old,
                   LoadRecord(parts_.ledger.store(), keys::Run(RunId(request.run())), StrCat("run ", request.run())));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Program> program, programs_.Load(old.playbook_digest()));
  if (!old.incident().empty() && parts_.hooks.load) {
    ASSIGN_OR_RETURN(const v1::Incident incident, parts_.hooks.load(IncidentId(old.incident())));
    if (incident.state() == v1::INCIDENT_STATE_CLOSED)
      return absl::FailedPreconditionError(StrCat(incident.id(), " is closed (next: open a new incident)"));
  }
  const absl::Time now = parts_.clock.Now();
  ASSIGN_OR_RETURN(v1::PlaybookRun drawn, DrawResumed(*program, old, request.step(), now));
  drawn.set_started_by(caller.identity.text());
  drawn.set_reason(request.reason());
  for (const v1::StepState& asked : drawn.steps()) {
    for (const v1::Vote& vote : asked.votes()) {
      if (!vote.approve() || vote.identity() != caller.identity.text() || asked.not_identities().empty()) continue;
      return absl::PermissionDeniedError(StrCat("you approved ", asked.path(), " of ", old.id(),
                                                ": whoever goes on with it must be somebody else (next: ask another responder, or resume from ",
                                                asked.path(), ")"));
    }
  }
  v1::StartRunRequest start;   // what makes two requests the same
  start.set_playbook(old.playbook_digest());
  start.set_incident(old.incident());
  start.set_reason(StrCat("resume ", old.id(), " ", request.step(), ": ", request.reason()));
  start.set_request_id(request.request_id());
  ASSIGN_OR_RETURN(v1::StartRunResponse started, parts_.runs.StartDrawn(caller, start, *program, std::move(drawn)));
  v1::ResumeRunResponse response;
  *response.mutable_run() = std::move(*started.mutable_run());
  return response;
}

}  // namespace firebreak
