// Starting runs: by hand and from incidents.
#include "firebreak/runs/run_desk.h"

#include <utility>

#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/read.h"
#include "firebreak/runs/program.h"
#include "firebreak/storage/keys/runs.h"
#include "services/runs/new_run.h"

namespace firebreak {
namespace {

constexpr size_t kReasonBytesMax = 1024;
constexpr size_t kRequestIdBytesMax = 128;

v1::AuditEntry NotStarted(const v1::Incident& incident, const std::string& playbook, const absl::Status& why) {
  v1::AuditEntry entry;
  entry.set_actor(ServiceCaller().identity.text());
  entry.set_action("run.not_started");
  entry.add_subjects(StrCat("incident/", incident.id()));
  if (!incident.deployment().empty()) entry.add_subjects(StrCat("deployment/", incident.deployment()));
  entry.set_summary(StrCat("playbook ", playbook, " did not start: ", MessageOf(why)).substr(0, 500));
  (*entry.mutable_facts())["playbook"] = playbook;
  return entry;
}

v1::AuditEntry Attached(const Caller& caller, const v1::PlaybookRun& host, const v1::PlaybookRun& asked) {
  v1::AuditEntry entry;
  entry.set_actor(caller.identity.text());
  entry.set_action("run.attached");
  entry.add_subjects(StrCat("run/", host.id()));
  if (!asked.incident().empty()) entry.add_subjects(StrCat("incident/", asked.incident()));
  entry.set_summary(StrCat("playbook ", asked.playbook(), " was asked for; ", host.id(), " already holds ", asked.lock_key()));
  return entry;
}

// Whether an error is the playbook's own; anything else is the store's and must fail the draft.
bool IsOfPlaybook(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) || absl::IsResourceExhausted(status) ||
         absl::IsNotFound(status);
}

absl::Status CheckRequest(const v1::StartRunRequest& request) {
  if (request.playbook().empty())
    return absl::InvalidArgumentError("playbook is missing (next: firebreak playbook list)");
  if (request.reason().size() > kReasonBytesMax) return absl::InvalidArgumentError("reason is longer than 1024 bytes");
  if (request.request_id().size() > kRequestIdBytesMax || request.request_id().find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("request_id is longer than 128 bytes or holds a NUL");
  }
  return absl::OkStatus();
}

std::string ContentDigest(const v1::StartRunRequest& request) {
  return Sha256(StrCat(request.playbook(), "\n", request.incident(), "\n", PrintJson(request.inputs()), "\n",
                       request.reason()))
      .text();
}

}  // namespace

RunDesk::RunDesk(Ledger& ledger, const Clock& clock, Log& log, const PlaybookShelf& shelf,
                 std::vector<const ActionSpec*> actions, IncidentHooks hooks, const WaitBoard* waits)
    : ledger_(ledger),
      clock_(clock),
      log_(log),
      shelf_(shelf),
      programs_(ledger.store(), std::move(actions)),
      hooks_(std::move(hooks)),
      waits_(waits) {}

absl::StatusOr<std::optional<v1::StoredPlaybook>> RunDesk::FindTriggered(const v1::Incident& incident) const {
  ASSIGN_OR_RETURN(std::vector<v1::StoredPlaybook> newest, shelf_.Newest());
  std::optional<v1::StoredPlaybook> chosen;
  for (v1::StoredPlaybook& stored : newest) {  // in name order: of equals the first by name
    if (!TriggerMatches(stored.playbook(), incident)) continue;
    if (!chosen || stored.playbook().severity() > chosen->playbook().severity()) chosen = std::move(stored);
  }
  return chosen;
}

absl::StatusOr<std::optional<v1::PlaybookRun>> RunDesk::StartTriggered(Draft& draft, const v1::Incident& incident) {
  ASSIGN_OR_RETURN(const std::optional<v1::StoredPlaybook> chosen, FindTriggered(incident));
  if (!chosen) return std::optional<v1::PlaybookRun>();
  const std::string& name = chosen->playbook().name();
  const absl::Time now = clock_.Now();
  absl::StatusOr<v1::PlaybookRun> run = DrawRun({*chosen, incident, {}, incident.opened_by(), "", ""}, now);
  absl::Status status = run.ok() ? CheckActive() : run.status();
  if (status.ok()) {
    const absl::StatusOr<std::shared_ptr<const Program>> program = programs_.Make(chosen->playbook());
    absl::StatusOr<Started> started =
        program.ok() ? StartIn(draft, **program, *std::move(run), now, hooks_) : program.status();
    if (started.ok()) return std::optional<v1::PlaybookRun>(std::move(started->run));
    status = started.status();
  }
  if (!IsOfPlaybook(status)) return Annotate(status, StrCat("start playbook ", name));
  log_.Warning("run.not_started", {{"playbook", name}, {"incident", incident.id()}, {"error", status.ToString()}});
  draft.Record(NotStarted(incident, name, status));
  return std::optional<v1::PlaybookRun>();
}

absl::StatusOr<std::optional<std::string>> RunDesk::PreviewTriggered(const v1::Incident& incident) const {
  ASSIGN_OR_RETURN(const std::optional<v1::StoredPlaybook> chosen, FindTriggered(incident));
  if (!chosen) return std::optional<std::string>();
  return std::optional<std::string>(chosen->playbook().name());
}

absl::StatusOr<bool> RunDesk::HasActiveRun(Draft& draft, const v1::Incident& incident) const {
  for (const std::string& run : incident.runs()) {
    ASSIGN_OR_RETURN(const std::optional<store::v1::RunReference> active, draft.Find(keys::ActiveRun(RunId(run))));
    if (active) return true;
  }
  return false;
}

absl::StatusOr<bool> RunDesk::HasActiveRunOn(Draft& draft, const v1::Incident& incident,
                                             const std::string& deployment) const {
  for (const std::string& run : incident.runs()) {
    ASSIGN_OR_RETURN(const std::optional<store::v1::RunReference> active, draft.Find(keys::ActiveRun(RunId(run))));
    if (active && active->deployment() == deployment) return true;
  }
  return false;
}

absl::StatusOr<v1::StartRunResponse> RunDesk::StartRun(const Caller& caller, const v1::StartRunRequest& request) {
  return StartPinned(caller, request, "");
}

absl::StatusOr<v1::StartRunResponse> RunDesk::StartPinned(const Caller& caller, const v1::StartRunRequest& request,
                                                          const std::string& plan_digest) {
  RETURN_IF_ERROR(CheckRequest(request));
  ASSIGN_OR_RETURN(const v1::StoredPlaybook stored, shelf_.Resolve(request.playbook()));
  v1::Incident incident;
  if (!request.incident().empty()) {
    if (!hooks_.load) return absl::FailedPreconditionError("runs for incidents are not available here");
    ASSIGN_OR_RETURN(incident, hooks_.load(IncidentId(request.incident())));
    if (incident.state() == v1::INCIDENT_STATE_CLOSED) {
      return absl::FailedPreconditionError(StrCat(incident.id(), " is closed (next: open a new incident)"));
    }
  }
  ASSIGN_OR_RETURN(v1::PlaybookRun drawn, DrawRun({stored, incident, request.inputs(), caller.identity.text(),
                                                   request.reason(), plan_digest},
                                                  clock_.Now()));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Program> program, programs_.Make(stored.playbook()));
  if (!request.validate_only()) return StartDrawn(caller, request, *program, std::move(drawn));
  v1::StartRunResponse response;
  AddPendingSteps(*program, drawn);
  *response.mutable_run() = std::move(drawn);
  return response;
}

absl::Status RunDesk::CheckActive() const {
  if (!active_ || active_() < kActiveRunsMax) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      StrCat(kActiveRunsMax, " runs are in flight, the most there may be (next: firebreak run list --active)"));
}

absl::StatusOr<std::optional<v1::StartRunResponse>> RunDesk::FindStarted(const Caller& caller,
                                                                         const v1::StartRunRequest& request) const {
  if (request.request_id().empty()) return std::optional<v1::StartRunResponse>();
  RETURN_IF_ERROR(CheckRequest(request));
  ASSIGN_OR_RETURN(const std::optional<store::v1::RunRequest> earlier,
                   FindRecord(ledger_.store(), keys::RunRequest(caller.identity, request.request_id())));
  if (!earlier) return std::optional<v1::StartRunResponse>();
  if (earlier->content_digest() != ContentDigest(request))
    return absl::AlreadyExistsError(StrCat("request ", request.request_id(), " was already made with other content"));
  v1::StartRunResponse response;
  ASSIGN_OR_RETURN(*response.mutable_run(),
                   LoadRecord(ledger_.store(), keys::Run(RunId(earlier->run())), StrCat("run ", earlier->run())));
  response.set_attached(earlier->attached());
  return std::optional<v1::StartRunResponse>(std::move(response));
}

absl::StatusOr<v1::StartRunResponse> RunDesk::StartDrawn(const Caller& caller, const v1::StartRunRequest& request,
                                                         const Program& program, v1::PlaybookRun drawn) {
  RETURN_IF_ERROR(CheckActive());
  const std::string content = ContentDigest(request);
  v1::StartRunResponse response;
  bool known = false;
  const absl::StatusOr<Receipt> receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    known = false;
    const Key<store::v1::RunRequest> request_key = keys::RunRequest(caller.identity, request.request_id());
    if (!request.request_id().empty()) {
      ASSIGN_OR_RETURN(const std::optional<store::v1::RunRequest> earlier, draft.Find(request_key));
      if (earlier && earlier->content_digest() != content) {
        return absl::AlreadyExistsError(
            StrCat("request ", request.request_id(), " was already made with other content"));
      }
      if (earlier) {
        known = true;
        ASSIGN_OR_RETURN(*response.mutable_run(),
                         draft.Load(keys::Run(RunId(earlier->run())), StrCat("run ", earlier->run())));
        response.set_attached(earlier->attached());
        return absl::CancelledError("already done");
      }
    }
    ASSIGN_OR_RETURN(Started started, StartIn(draft, program, drawn, clock_.Now(), hooks_));
    if (!request.request_id().empty()) {
      store::v1::RunRequest record;
      record.set_content_digest(content);
      record.set_run(started.run.id());
      record.set_attached(started.attached);
      draft.Put(request_key, record);
    }
    if (started.attached && !started.recorded) draft.Record(Attached(caller, started.run, drawn));
    if (!drawn.incident().empty() && hooks_.add_run)
      RETURN_IF_ERROR(hooks_.add_run(draft, IncidentId(drawn.incident()), RunId(started.run.id())));
    *response.mutable_run() = std::move(started.run);
    response.set_attached(started.attached);
    return absl::OkStatus();
  });
  if (!known) RETURN_IF_ERROR(receipt.status());
  return response;
}

}  // namespace firebreak
