// What people do to a run: answer its questions, cancel it, settle what is in doubt.
#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/access/permissions.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/runs/apply.h"
#include "firebreak/runs/program.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/storage/keys/runs.h"
#include "services/runs/run_writer.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

constexpr size_t kReasonBytesMax = 1024;
constexpr std::string_view kUnchanged = "nothing changes";

absl::Status CheckReason(std::string_view reason, bool required) {
  if (required && reason.empty()) return absl::InvalidArgumentError("reason is missing (next: --reason \"why\")");
  if (reason.size() > kReasonBytesMax) return absl::InvalidArgumentError("reason is longer than 1024 bytes");
  return absl::OkStatus();
}

// Who may answer: a role of the question, and neither its author nor its trigger where the playbook says so.
absl::Status CheckVoter(const Caller& caller, const v1::StepState& asked) {
  const bool has_role = std::any_of(caller.roles.begin(), caller.roles.end(), [&asked](v1::Role role) {
    return std::find(asked.roles().begin(), asked.roles().end(), RoleName(role)) != asked.roles().end();
  });
  if (!has_role) {
    return absl::PermissionDeniedError(StrCat(caller.identity.text(), " may not answer ", asked.path(),
                                              ": it needs role ", absl::StrJoin(asked.roles(), " or ")));
  }
  const auto& excluded = asked.not_identities();
  if (std::find(excluded.begin(), excluded.end(), caller.identity.text()) != excluded.end()) {
    return absl::PermissionDeniedError(
        StrCat(caller.identity.text(), " may not answer ", asked.path(),
               ": whoever wrote the playbook or started the run does not approve it (next: ask a second person)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<RunEvent> DecideVote(const Caller& caller, const v1::AnswerApprovalRequest& request,
                                    const v1::PlaybookRun& run, absl::Time now) {
  const v1::StepState* asked = FindState(run, request.step());
  if (asked == nullptr)
    return absl::NotFoundError(StrCat(run.id(), " has no step ", request.step(), " so far (next: firebreak approve list)"));
  if (asked->need() == 0)
    return absl::FailedPreconditionError(StrCat(run.id(), " step ", request.step(), " asks nothing"));
  for (const v1::Vote& vote : asked->votes()) {
    if (vote.identity() != caller.identity.text()) continue;
    if (vote.approve() == request.approve() && vote.subject_digest() == request.subject_digest())
      return absl::CancelledError(ToAbsl(kUnchanged));
    return absl::AlreadyExistsError(StrCat(caller.identity.text(), " has already answered ", request.step()));
  }
  if (asked->phase() != v1::STEP_PHASE_ASKING || now >= FromProto(asked->deadline_at())) {
    return absl::FailedPreconditionError(StrCat(run.id(), " step ", request.step(), " is no longer asked"));
  }
  RETURN_IF_ERROR(CheckVoter(caller, *asked));
  if (asked->subject_digest() != request.subject_digest()) {
    return absl::AbortedError(StrCat(run.id(), " step ", request.step(), " asks about ", asked->subject_digest(),
                                     ", not about ", request.subject_digest(),
                                     " (next: look at it again and answer that)"));
  }
  RunEvent event;
  *event.mutable_time() = ToProto(now);
  event.mutable_voted()->set_path(request.step());
  v1::Vote& vote = *event.mutable_voted()->mutable_vote();
  vote.set_identity(caller.identity.text());
  vote.set_approve(request.approve());
  vote.set_subject_digest(request.subject_digest());
  vote.set_reason(request.reason());
  *vote.mutable_time() = ToProto(now);
  return event;
}

}  // namespace

absl::StatusOr<v1::PlaybookRun> RunDesk::Change(const std::string& id, Decision decide) {
  if (RunNumber(RunId(id)) == 0) return absl::InvalidArgumentError(StrCat("'", id, "' is no run (next: RUN-17)"));
  v1::PlaybookRun run;
  bool unchanged = false;
  const absl::StatusOr<Receipt> receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    unchanged = false;
    ASSIGN_OR_RETURN(run, draft.Load(keys::Run(RunId(id)), StrCat("run ", id)));
    absl::StatusOr<RunEvent> event = decide(run);
    if (!event.ok()) {
      unchanged = absl::IsCancelled(event.status());
      return event.status();
    }
    run = Apply(std::move(run), *event);
    return WriteEvents(draft, run, {*event}, hooks_);
  });
  if (!unchanged) RETURN_IF_ERROR(receipt.status());
  return run;
}

absl::StatusOr<v1::AnswerApprovalResponse> RunDesk::AnswerApproval(const Caller& caller,
                                                                   const v1::AnswerApprovalRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason(), /*required=*/false));
  v1::AnswerApprovalResponse response;
  ASSIGN_OR_RETURN(*response.mutable_run(), Change(request.run(), [&](const v1::PlaybookRun& run) {
    return DecideVote(caller, request, run, clock_.Now());
  }));
  return response;
}

absl::StatusOr<v1::CancelRunResponse> RunDesk::CancelRun(const Caller& caller, const v1::CancelRunRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason(), /*required=*/true));
  v1::CancelRunResponse response;
  ASSIGN_OR_RETURN(*response.mutable_run(),
                   Change(request.run(), [&](const v1::PlaybookRun& run) -> absl::StatusOr<RunEvent> {
                     if (run.cancel_requested()) return absl::CancelledError(ToAbsl(kUnchanged));
                     if (HasEnded(run)) return absl::FailedPreconditionError(StrCat(run.id(), " has already ended"));
                     RunEvent event;
                     *event.mutable_time() = ToProto(clock_.Now());
                     event.mutable_cancel_requested()->set_identity(caller.identity.text());
                     event.mutable_cancel_requested()->set_reason(request.reason());
                     return event;
                   }));
  return response;
}

absl::StatusOr<v1::ResolveStepResponse> RunDesk::ResolveStep(const Caller& caller,
                                                             const v1::ResolveStepRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason(), /*required=*/true));
  v1::ResolveStepResponse response;
  ASSIGN_OR_RETURN(
      *response.mutable_run(), Change(request.run(), [&](const v1::PlaybookRun& run) -> absl::StatusOr<RunEvent> {
        const v1::StepState* state = FindState(run, request.step());
        if (state == nullptr) return absl::NotFoundError(StrCat(run.id(), " has no step ", request.step(), " so far"));
        if (state->phase() != v1::STEP_PHASE_IN_DOUBT) {
          return absl::FailedPreconditionError(StrCat(run.id(), " step ", request.step(), " is not in doubt"));
        }
        RunEvent event;
        *event.mutable_time() = ToProto(clock_.Now());
        event.mutable_step_resolved()->set_path(request.step());
        event.mutable_step_resolved()->set_happened(request.happened());
        event.mutable_step_resolved()->set_identity(caller.identity.text());
        event.mutable_step_resolved()->set_reason(request.reason());
        return event;
      }));
  return response;
}

}  // namespace firebreak
