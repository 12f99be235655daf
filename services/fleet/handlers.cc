// The Fleet service as people and scripts use it: deployments, decisions, plans.
#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/fleet.h"

namespace firebreak {
namespace {

constexpr uint32_t kPageDefault = 50;
constexpr uint32_t kPageMax = 500;
constexpr size_t kDecisionsMax = 256;
constexpr size_t kRequestIdBytesMax = 128;

// The effect a client's request stands for: its own, whoever else uses the same request id.
absl::StatusOr<EffectId> EffectOf(const Caller& caller, std::string_view request_id) {
  if (request_id.empty()) return EffectId();
  if (request_id.size() > kRequestIdBytesMax) {
    return absl::InvalidArgumentError(StrCat("request id is ", request_id.size(), " bytes, at most ", kRequestIdBytesMax));
  }
  const Digest digest = Sha256(StrCat(caller.identity.text(), "\n", request_id));
  return EffectId(StrCat("req-", ToHex(digest.raw()).substr(0, 32)));
}

template <typename Request>
std::string AskedBy(Request request) {
  request.clear_request_id();
  return Sha256(StrCat(request.GetTypeName(), "\n", MessageToJson(request))).text();
}

// What every deciding request has: a deployment, a reason, a request id.
template <typename Request>
absl::StatusOr<DecisionWish> WishOf(const Caller& caller, const Request& request, v1::DecisionKind kind) {
  RETURN_IF_ERROR(CheckName("deployment", request.deployment()));
  DecisionWish wish;
  wish.deployment = DeploymentName(request.deployment());
  wish.kind = kind;
  wish.reason = request.reason();
  wish.decided_by = caller.identity;
  ASSIGN_OR_RETURN(wish.effect_id, EffectOf(caller, request.request_id()));
  wish.asked = AskedBy(request);
  return wish;
}

std::string KindName(v1::SnapshotKind kind) {
  switch (kind) {
    case v1::SNAPSHOT_KIND_MODEL: return "model";
    case v1::SNAPSHOT_KIND_DATASET: return "dataset";
    case v1::SNAPSHOT_KIND_CONFIG: return "config";
    case v1::SNAPSHOT_KIND_UNSPECIFIED:
    case v1::SnapshotKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::SnapshotKind_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return "snapshot";
}

std::string NameOf(const v1::Snapshot& snapshot) {
  return StrCat(KindName(snapshot.kind()), "/", snapshot.name(), "@", snapshot.version());
}

absl::StatusOr<v1::Snapshot> ResolvePart(const SnapshotView& snapshots, std::string_view name, v1::SnapshotKind kind) {
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, snapshots.resolve(name));
  if (snapshot.kind() != kind) {
    return absl::InvalidArgumentError(StrCat("deploy: ", name, " is a ", KindName(snapshot.kind()), ", a ", KindName(kind),
                                             " is needed here"));
  }
  return snapshot;
}

}  // namespace

// Decides and answers with the decision and the deployment after it. A dry run answers an unsigned decision: a signature that
// is not in the ledger must not exist.
template <typename Response>
absl::StatusOr<Response> FleetDesk::Decide(const DecisionWish& wish, bool validate_only) {
  Response response;
  if (validate_only) {
    Draft draft(ledger_.store());
    v1::Deployment deployment;
    ASSIGN_OR_RETURN(*response.mutable_decision()->mutable_decision(), PrepareDecision(draft, wish, deployment));
    RETURN_IF_ERROR(FillAgents(deployment));
    ApplyDecision(deployment, response.decision());
    *response.mutable_deployment() = std::move(deployment);
    return response;
  }
  v1::IssuedDecision issued;
  RETURN_IF_ERROR(ledger_
                      .Transact([&](Draft& draft) -> absl::Status {
                        ASSIGN_OR_RETURN(issued, AddDecision(draft, wish));
                        return absl::OkStatus();
                      })
                      .status());
  *response.mutable_decision() = std::move(issued);
  ASSIGN_OR_RETURN(*response.mutable_deployment(), LoadDeployment(wish.deployment));
  return response;
}

absl::StatusOr<v1::CreateDeploymentResponse> FleetDesk::CreateDeployment(const Caller& caller,
                                                                         const v1::CreateDeploymentRequest& request) {
  RETURN_IF_ERROR(CheckName("deployment", request.name()));
  if (!request.environment().empty()) RETURN_IF_ERROR(CheckName("environment", request.environment()));
  const DeploymentName name(request.name());
  v1::CreateDeploymentResponse response;
  ASSIGN_OR_RETURN(const std::optional<v1::Deployment> there, FindRecord(ledger_.store(), DeploymentKey(name)));
  if (there) {
    if (there->environment() != request.environment()) {
      return absl::AlreadyExistsError(StrCat("deployment ", name.text(), " already exists in environment ",
                                             there->environment().empty() ? "(none)" : there->environment()));
    }
    *response.mutable_deployment() = *there;
    return response;
  }
  v1::Deployment deployment;
  deployment.set_name(request.name());
  deployment.set_environment(request.environment());
  *deployment.mutable_created_at() = ToProto(clock_.Now());
  RETURN_IF_ERROR(ledger_
                      .Transact([&](Draft& draft) -> absl::Status {
                        ASSIGN_OR_RETURN(const std::optional<v1::Deployment> now, draft.Find(DeploymentKey(name)));
                        if (now) return absl::AlreadyExistsError(StrCat("deployment ", name.text(), " already exists"));
                        draft.Put(DeploymentKey(name), deployment);
                        v1::AuditEntry entry;
                        entry.set_actor(caller.identity.text());
                        entry.set_action("deployment.created");
                        entry.add_subjects(StrCat("deployment/", name.text()));
                        entry.set_summary(StrCat("created deployment ", name.text()));
                        (*entry.mutable_facts())["environment"] = request.environment();
                        draft.Record(std::move(entry));
                        return absl::OkStatus();
                      })
                      .status());
  *response.mutable_deployment() = std::move(deployment);
  return response;
}

absl::StatusOr<v1::GetDeploymentResponse> FleetDesk::GetDeployment(const Caller&, const v1::GetDeploymentRequest& request) {
  RETURN_IF_ERROR(CheckName("deployment", request.name()));
  v1::GetDeploymentResponse response;
  ASSIGN_OR_RETURN(*response.mutable_deployment(), LoadDeployment(DeploymentName(request.name())));
  return response;
}

absl::StatusOr<v1::ListDeploymentsResponse> FleetDesk::ListDeployments(const Caller&,
                                                                       const v1::ListDeploymentsRequest& request) {
  const uint32_t size = request.page_size() == 0 ? kPageDefault : std::min(request.page_size(), kPageMax);
  ASSIGN_OR_RETURN(const std::string after, FromHex(request.page_token()));
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), DeploymentPrefix(), after, size));
  v1::ListDeploymentsResponse response;
  for (auto& [key, deployment] : page.records) {
    RETURN_IF_ERROR(FillAgents(deployment));
    *response.add_deployments() = std::move(deployment);
  }
  response.set_next_page_token(ToHex(page.next_after));
  return response;
}

absl::StatusOr<v1::Release> FleetDesk::ComposeRelease(const v1::DeployRequest& request) const {
  if (request.model().empty()) return absl::InvalidArgumentError("deploy: model is required, like model/fraud@7");
  if (request.datasets_size() > kReleaseDatasetsMax) {
    return absl::InvalidArgumentError(
        StrCat("deploy: ", request.datasets_size(), " datasets, a release holds at most ", kReleaseDatasetsMax));
  }
  v1::Release release;
  ASSIGN_OR_RETURN(const v1::Snapshot model, ResolvePart(snapshots_, request.model(), v1::SNAPSHOT_KIND_MODEL));
  release.set_model_digest(model.digest());
  release.set_model_name(NameOf(model));
  if (!request.config().empty()) {
    ASSIGN_OR_RETURN(const v1::Snapshot config, ResolvePart(snapshots_, request.config(), v1::SNAPSHOT_KIND_CONFIG));
    release.set_config_digest(config.digest());
    release.set_config_name(NameOf(config));
  }
  std::vector<std::pair<std::string, std::string>> datasets;
  for (const std::string& name : request.datasets()) {
    ASSIGN_OR_RETURN(const v1::Snapshot dataset, ResolvePart(snapshots_, name, v1::SNAPSHOT_KIND_DATASET));
    datasets.emplace_back(dataset.digest(), NameOf(dataset));
  }
  std::sort(datasets.begin(), datasets.end());
  for (size_t i = 0; i < datasets.size(); ++i) {
    if (i > 0 && datasets[i].first == datasets[i - 1].first) {
      return absl::InvalidArgumentError(StrCat("deploy: dataset ", datasets[i].second, " is named twice"));
    }
    release.add_dataset_digests(datasets[i].first);
    release.add_dataset_names(datasets[i].second);
  }
  release.set_digest(ReleaseDigest(release).text());
  *release.mutable_created_at() = ToProto(clock_.Now());
  return release;
}

absl::StatusOr<v1::DeployResponse> FleetDesk::Deploy(const Caller& caller, const v1::DeployRequest& request) {
  ASSIGN_OR_RETURN(DecisionWish wish, WishOf(caller, request, v1::DECISION_KIND_DEPLOY));
  wish.override_run = request.override_run();
  // A request sent again is answered before its names are resolved again: model/x may mean another version by now.
  if (!request.validate_only()) {
    Draft draft(ledger_.store());
    ASSIGN_OR_RETURN(std::optional<v1::IssuedDecision> issued, FindIssued(draft, wish));
    if (issued) {
      v1::DeployResponse response;
      *response.mutable_decision() = *std::move(issued);
      ASSIGN_OR_RETURN(*response.mutable_deployment(), LoadDeployment(wish.deployment));
      return response;
    }
  }
  ASSIGN_OR_RETURN(wish.release, ComposeRelease(request));
  return Decide<v1::DeployResponse>(wish, request.validate_only());
}

absl::StatusOr<v1::ContainResponse> FleetDesk::Contain(const Caller& caller, const v1::ContainRequest& request) {
  ASSIGN_OR_RETURN(DecisionWish wish, WishOf(caller, request, v1::DECISION_KIND_CONTAIN));
  wish.incident = IncidentId(request.incident());
  if (options_.check_incident && !request.incident().empty()) RETURN_IF_ERROR(options_.check_incident(wish.incident));
  return Decide<v1::ContainResponse>(wish, request.validate_only());
}

absl::StatusOr<v1::ReleaseContainmentResponse> FleetDesk::ReleaseContainment(
    const Caller& caller, const v1::ReleaseContainmentRequest& request) {
  ASSIGN_OR_RETURN(DecisionWish wish, WishOf(caller, request, v1::DECISION_KIND_RELEASE));
  wish.override_run = request.override_run();
  return Decide<v1::ReleaseContainmentResponse>(wish, request.validate_only());
}

absl::StatusOr<v1::FreezeResponse> FleetDesk::Freeze(const Caller& caller, const v1::FreezeRequest& request) {
  ASSIGN_OR_RETURN(const DecisionWish wish, WishOf(caller, request, v1::DECISION_KIND_FREEZE));
  return Decide<v1::FreezeResponse>(wish, request.validate_only());
}

absl::StatusOr<v1::PlanRollbackResponse> FleetDesk::PlanRollback(const Caller&, const v1::PlanRollbackRequest& request) {
  RETURN_IF_ERROR(CheckName("deployment", request.deployment()));
  v1::PlanRollbackResponse response;
  ASSIGN_OR_RETURN(*response.mutable_plan(), MakePlan(DeploymentName(request.deployment()), request.to()));
  return response;
}

absl::StatusOr<v1::RollBackResponse> FleetDesk::RollBack(const Caller& caller, const v1::RollBackRequest& request) {
  ASSIGN_OR_RETURN(DecisionWish wish, WishOf(caller, request, v1::DECISION_KIND_ROLLBACK));
  wish.override_run = request.override_run();
  wish.incident = IncidentId(request.incident());
  if (options_.check_incident && !request.incident().empty()) RETURN_IF_ERROR(options_.check_incident(wish.incident));
  if (request.plan_digest().empty()) {
    return absl::InvalidArgumentError(
        StrCat("roll back ", request.deployment(), ": plan_digest is required: plan first, then decide on exactly that plan"));
  }
  v1::RollBackResponse response;
  RETURN_IF_ERROR(ledger_
                      .Transact([&](Draft& draft) -> absl::Status {
                        ASSIGN_OR_RETURN(*response.mutable_decision(),
                                         AddRollback(draft, {request.plan_digest(), request.to(), wish}));
                        return absl::OkStatus();
                      })
                      .status());
  ASSIGN_OR_RETURN(*response.mutable_deployment(), LoadDeployment(wish.deployment));
  return response;
}

absl::StatusOr<v1::ListDecisionsResponse> FleetDesk::ListDecisions(const Caller&, const v1::ListDecisionsRequest& request) {
  RETURN_IF_ERROR(CheckName("deployment", request.deployment()));
  const DeploymentName name(request.deployment());
  RETURN_IF_ERROR(LoadDeployment(name).status());
  const std::string after =
      request.from_epoch() == 0 ? std::string() : DecisionKey(name, Epoch{request.from_epoch() - 1}).bytes;
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), DecisionPrefix(name), after, kDecisionsMax));
  v1::ListDecisionsResponse response;
  for (auto& [key, issued] : page.records) *response.add_decisions() = std::move(issued);
  return response;
}

}  // namespace firebreak
