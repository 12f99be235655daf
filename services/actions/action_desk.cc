#include "firebreak/actions/action_desk.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/jcs.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/actions.h"
#include "services/actions/action_inputs.h"
#include "services/actions/fields.h"

namespace firebreak {
namespace {

constexpr size_t kKeyBytesMax = 200;
constexpr size_t kEvidenceParts = 4;
constexpr uint32_t kPageSizeMax = 200;

struct Grant {
  std::string_view action;
  Permission permission;
};
constexpr std::array<Grant, 31> kGrants = {{
    {"deployment.list", Permission::kRead},
    {"deployment.serving", Permission::kRead},
    {"evidence.capture", Permission::kRespond},
    {"fleet.contain", Permission::kContain},
    {"fleet.freeze", Permission::kContain},
    {"fleet.release", Permission::kDeploy},
    {"fleet.unfreeze", Permission::kDeploy},
    {"fleet.verify", Permission::kRead},
    {"http.call", Permission::kRespond},
    {"incident.advance", Permission::kRespond},
    {"incident.assign", Permission::kRespond},
    {"incident.close", Permission::kRespond},
    {"incident.note", Permission::kRespond},
    {"incident.severity", Permission::kRespond},
    {"incident.status", Permission::kRead},
    {"lineage.sweep", Permission::kRead},
    {"notify.page", Permission::kRespond},
    {"notify.webhook", Permission::kRespond},
    {"report.build", Permission::kReport},
    {"rollback.apply", Permission::kDeploy},
    {"rollback.confirm", Permission::kRead},
    {"rollback.plan", Permission::kRead},
    {"run.require", Permission::kRespond},
    {"share.request", Permission::kShare},
    {"signer.revoke", Permission::kManageSigners},
    {"snapshot.describe", Permission::kRead},
    {"snapshot.lift", Permission::kLiftQuarantine},
    {"snapshot.quarantine", Permission::kContain},
    {"snapshot.signed_by", Permission::kRead},
    {"snapshot.verify", Permission::kVerify},
    {"time.sleep", Permission::kRespond},
}};

bool MayGoAway(absl::StatusCode code) {
  return code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kAborted || code == absl::StatusCode::kResourceExhausted ||
         code == absl::StatusCode::kDeadlineExceeded;
}

absl::Status CheckKey(std::string_view key) {
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c >= '!' && c <= '~'; });
  if (!key.empty() && key.size() <= kKeyBytesMax && printable) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("idempotency_key must be 1 to ", kKeyBytesMax, " printable ASCII characters without blanks"));
}

void Describe(const ActionField& field, v1::ActionFieldDescription& description) {
  description.set_name(field.name);
  description.set_type(field.type);
  description.set_required(field.required);
  description.set_about(field.about);
}

ActionCall CallOf(const store::v1::ActionRequest& record, const Caller& caller, const google::protobuf::Struct& inputs, const IncidentId& incident) {
  ActionCall call;
  call.effect = EffectId(record.effect_id());
  call.inputs = inputs;
  call.incident = incident;
  call.started_by = caller.identity;
  return call;
}

}  // namespace

std::optional<Permission> PermissionOfAction(std::string_view action) {
  for (const Grant& grant : kGrants) {
    if (grant.action == action) return grant.permission;
  }
  return std::nullopt;
}

ActionDesk::ActionDesk(Ledger& ledger, const Clock& clock, const ActionCatalogue& actions, ActionDeskOptions options)
    : ledger_(ledger), clock_(clock), actions_(actions), options_(options) {
  watch_ = ledger_.AddWatcher([this](const std::vector<v1::AuditEntry>&) {
    absl::MutexLock lock(&mutex_);
    ++commits_;
  });
}

ActionDesk::~ActionDesk() = default;

absl::StatusOr<v1::ListActionsResponse> ActionDesk::ListActions(const Caller&, const v1::ListActionsRequest&) const {
  v1::ListActionsResponse response;
  for (const ActionSpec* spec : actions_.Specs()) {
    const std::optional<Permission> permission = PermissionOfAction(spec->name);
    if (!permission) continue;
    v1::ActionDescription& action = *response.add_actions();
    action.set_name(spec->name);
    action.set_about(spec->about);
    action.set_action_class(std::string(ActionClassName(spec->action_class)));
    action.set_permission(std::string(PermissionName(*permission)));
    for (const ActionField& field : spec->inputs) Describe(field, *action.add_inputs());
    for (const ActionField& field : spec->outputs) Describe(field, *action.add_outputs());
    action.set_needs_approval(spec->needs_approval);
    action.set_changes_production(spec->changes_production);
  }
  return response;
}

// The key's record, made now when it is new. What was asked is what the digest says: the stored record holds no inputs.
absl::StatusOr<store::v1::ActionRequest> ActionDesk::Begin(const Caller& caller, const Action& action, const v1::RunActionRequest& request,
                                                           bool& fresh) {
  google::protobuf::Value asked;
  (*asked.mutable_struct_value()->mutable_fields())["action"].set_string_value(request.action());
  *(*asked.mutable_struct_value()->mutable_fields())["inputs"].mutable_struct_value() = request.inputs();
  ASSIGN_OR_RETURN(const std::string canonical, CanonicalJson(asked));
  store::v1::ActionRequest record;
  RETURN_IF_ERROR(Write(ledger_, [&](Draft& draft) -> absl::Status {
    fresh = false;
    const auto key = keys::ActionRequest(caller.identity.text(), request.idempotency_key());
    ASSIGN_OR_RETURN(const std::optional<store::v1::ActionRequest> known, draft.Find(key));
    const std::string digest = Sha256(canonical).text();
    if (known) {
      record = *known;
      if (known->request_digest() == digest) return absl::OkStatus();
      return WithNextStep(absl::AlreadyExistsError(StrCat("idempotency key ", request.idempotency_key(), " was used for ", known->action(),
                                                          " with other inputs")),
                          "take a new key for a new effect");
    }
    fresh = true;
    record = store::v1::ActionRequest();
    record.set_identity(caller.identity.text());
    record.set_key(request.idempotency_key());
    record.set_action(request.action());
    record.set_request_digest(digest);
    record.set_once(action.spec().action_class == ActionClass::kOnce);
    *record.mutable_asked_at() = ToProto(clock_.Now());
    // The key and the caller are part of it: two callers with one key have two effects.
    const std::string seed = StrCat("action\n", caller.identity.text(), "\n", request.idempotency_key(), "\n", digest);
    record.set_effect_id(ToHex(Sha256(seed).raw()).substr(0, 32));
    draft.Put(key, record);
    v1::AuditEntry entry;
    entry.set_actor(caller.identity.text());
    entry.set_action("action.requested");
    entry.set_summary(std::string(CutText(StrCat(caller.identity.text(), " asks for ", request.action(), " by hand"), 480)));
    (*entry.mutable_facts())["action"] = request.action();
    (*entry.mutable_facts())["effect"] = record.effect_id();
    (*entry.mutable_facts())["request_digest"] = digest;
    draft.Record(std::move(entry));
    return absl::OkStatus();
  }));
  return record;
}

absl::Status ActionDesk::End(const store::v1::ActionRequest& record, const ActionCall& call) {
  return Write(ledger_, [&](Draft& draft) -> absl::Status {
    const auto key = keys::ActionRequest(record.identity(), record.key());
    ASSIGN_OR_RETURN(const std::optional<store::v1::ActionRequest> now, draft.Find(key));
    if (now && now->done()) return absl::OkStatus();
    draft.Put(key, record);
    const bool failed = record.error_code() != 0;
    // What only reads may be asked for by anybody and is no part of an incident's story.
    const bool reads = PermissionOfAction(record.action()) == Permission::kRead;
    ActionCall told = call;
    if (reads) told.incident = IncidentId();
    const std::string why = failed && !reads ? StrCat(": ", record.error_message()) : std::string();
    v1::AuditEntry entry = EntryOf(told, failed ? "action.failed" : "action.done",
                                   StrCat(record.action(), " by ", record.identity(), failed ? " failed" : " is done", why));
    (*entry.mutable_facts())["action"] = record.action();
    draft.Record(std::move(entry));
    return absl::OkStatus();
  });
}

absl::StatusOr<ActionResult> ActionDesk::PerformAndWait(Action& action, const ActionCall& call, const Caller& caller, absl::Duration wait) {
  const absl::Time until = std::min(clock_.Now() + wait, caller.deadline - absl::Seconds(1));
  {
    absl::MutexLock lock(&mutex_);
    if (waiting_ >= options_.waiting_max) wait = absl::ZeroDuration();
    ++waiting_;
  }
  absl::StatusOr<ActionResult> result = absl::UnknownError("not performed");
  while (true) {
    uint64_t seen = 0;
    {
      absl::MutexLock lock(&mutex_);
      seen = commits_;
    }
    result = action.Perform(call);
    if (!result.ok() || !std::holds_alternative<ActionPending>(*result)) break;
    const absl::Time now = clock_.Now();
    if (wait <= absl::ZeroDuration() || now >= until) break;
    const auto is_new = [this, seen] {
      mutex_.AssertHeld();
      return commits_ != seen;
    };
    absl::MutexLock lock(&mutex_);
    clock_.AwaitUntil(mutex_, absl::Condition(&is_new), std::min(until, now + std::get<ActionPending>(*result).retry_after));
  }
  absl::MutexLock lock(&mutex_);
  --waiting_;
  return result;
}

absl::StatusOr<v1::RunActionResponse> ActionDesk::RunAction(const Caller& caller, const v1::RunActionRequest& request) {
  Action* const action = actions_.Find(request.action());
  const std::optional<Permission> permission = PermissionOfAction(request.action());
  if (action == nullptr || !permission) {
    std::vector<std::string> known;
    for (const ActionSpec* spec : actions_.Specs()) known.push_back(spec->name);
    const std::string nearest = NearestName(request.action(), known);
    return absl::NotFoundError(StrCat("action ", request.action(), " does not exist",
                                      nearest.empty() ? "" : StrCat(" (next: did you mean ", nearest, ")")));
  }
  RETURN_IF_ERROR(CheckPermission(caller, *permission, request.action()));
  RETURN_IF_ERROR(CheckKey(request.idempotency_key()));
  IncidentId incident;
  ASSIGN_OR_RETURN(const google::protobuf::Struct inputs, ReadActionInputs(action->spec(), request.inputs(), incident));
  if (options_.check_incident && !incident.empty()) RETURN_IF_ERROR(options_.check_incident(incident));

  bool fresh = false;
  ASSIGN_OR_RETURN(store::v1::ActionRequest record, Begin(caller, *action, request, fresh));
  v1::RunActionResponse response;
  response.set_effect_id(record.effect_id());
  if (!record.done()) {
    if (!fresh && record.once()) {
      return WithNextStep(absl::FailedPreconditionError(StrCat(request.action(), " was begun before and its outcome is not known")),
                          "find out whether it happened; take a new key to do it again");
    }
    const ActionCall call = CallOf(record, caller, inputs, incident);
    const absl::Duration wait = request.has_wait() ? std::clamp(FromProto(request.wait()), absl::ZeroDuration(), options_.wait_max) : options_.wait_default;
    const absl::StatusOr<ActionResult> result = PerformAndWait(*action, call, caller, wait);
    if (result.ok() && std::holds_alternative<ActionPending>(*result)) {
      const auto& pending = std::get<ActionPending>(*result);
      response.set_waiting_for(pending.waiting_for);
      *response.mutable_retry_after() = ToProto(pending.retry_after);
      return response;
    }
    if (!result.ok() && MayGoAway(result.status().code()) && !record.once()) return result.status();
    record.set_done(true);
    *record.mutable_ended_at() = ToProto(clock_.Now());
    if (result.ok()) {
      *record.mutable_outputs() = std::get<ActionDone>(*result).outputs;
    } else {
      record.set_error_code(static_cast<int32_t>(result.status().code()));
      record.set_error_message(std::string(CutText(MessageOf(result.status()), 1024)));
    }
    RETURN_IF_ERROR(End(record, call));
  }
  if (record.error_code() != 0) return absl::Status(static_cast<absl::StatusCode>(record.error_code()), record.error_message());
  response.set_done(true);
  *response.mutable_outputs() = record.outputs();
  return response;
}

absl::StatusOr<v1::GetEvidenceResponse> ActionDesk::GetEvidence(const Caller&, const v1::GetEvidenceRequest& request) const {
  uint64_t number = 0;
  const std::string_view digits = std::string_view(request.evidence()).substr(std::min(kEvidenceParts, request.evidence().size()));
  if (!request.evidence().starts_with("EVD-") || !absl::SimpleAtoi(ToAbsl(digits), &number)) {
    return absl::InvalidArgumentError(StrCat("evidence ", request.evidence(), " is not an id like EVD-3"));
  }
  v1::GetEvidenceResponse response;
  ASSIGN_OR_RETURN(*response.mutable_evidence(), LoadRecord(ledger_.store(), keys::Evidence(number), StrCat("evidence ", request.evidence())));
  if (Sha256(response.evidence().json()).text() != response.evidence().digest()) {
    return absl::DataLossError(StrCat("evidence ", request.evidence(), ": its bytes do not match their digest"));
  }
  return response;
}

absl::StatusOr<v1::ListEvidenceResponse> ActionDesk::ListEvidence(const Caller&, const v1::ListEvidenceRequest& request) const {
  const uint32_t size = request.page_size() == 0 ? 50 : std::min(request.page_size(), kPageSizeMax);
  ASSIGN_OR_RETURN(const std::string after, FromBase64(request.page_token()));
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::AllEvidence(), after, size));
  v1::ListEvidenceResponse response;
  for (auto& [key, evidence] : page.records) {
    if (!request.incident().empty() && evidence.incident() != request.incident()) continue;
    evidence.clear_json();
    *response.add_evidence() = std::move(evidence);
  }
  if (!page.next_after.empty()) response.set_next_page_token(ToBase64Url(page.next_after));
  return response;
}

}  // namespace firebreak
