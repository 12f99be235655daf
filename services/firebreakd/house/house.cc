#include "services/firebreakd/house/house.h"

#include <optional>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/fleet/releases.h"
#include "firebreak/ledger/read.h"
#include "firebreak/runs/run_guard.h"
#include "firebreak/storage/keys/fleet.h"
#include "services/firebreakd/house/suspects.h"

namespace firebreak {
namespace {

constexpr int kEffectHelpers = 16;  // effects of parallel steps under way together, over all runs
constexpr size_t kWantedChunks = 64;   // named in one heartbeat
constexpr absl::Duration kExpiryPeriod = absl::Seconds(5);
constexpr absl::Duration kReconcilePeriod = absl::Minutes(1);
constexpr absl::Duration kForgetPeriod = absl::Hours(1);
constexpr absl::Duration kDeliveryPeriod = absl::Seconds(1);

HttpReply ToReply(HttpAnswer answer) { return {answer.status, std::move(answer.content_type), std::move(answer.body)}; }

}  // namespace

House::House(const HouseGround& ground, HouseKeys keys, HouseOptions options)
    : ground_(ground), keys_(std::move(keys)), options_(std::move(options)) {}

House::~House() { Stop(); }

absl::StatusOr<std::unique_ptr<House>> House::Open(const HouseGround& ground, HouseKeys keys, HouseOptions options) {
  std::unique_ptr<House> house(new House(ground, std::move(keys), std::move(options)));
  RETURN_IF_ERROR(house->OpenLedger());
  house->WireSnapshots();
  house->WireFleet();
  RETURN_IF_ERROR(house->WireUpkeep());
  RETURN_IF_ERROR(house->WireResponse());
  house->WireRecords();
  house->WireActions();
  house->WireTimers();
  house->WireMetrics();
  return house;
}

absl::Status House::OpenLedger() {
  ASSIGN_OR_RETURN(ledger_, Ledger::Open(ground_.meta, ground_.clock, ground_.log, keys_.ledger,
                                         LedgerOptions{.origin = options_.log_origin, .crash_points = &ground_.crash_points}));
  audit_ = std::make_unique<AuditDesk>(*ledger_);
  tokens_ = std::make_unique<TokenDesk>(*ledger_, ground_.clock, ground_.random,
                                        TokenDeskOptions{.service_version = options_.version});
  return absl::OkStatus();
}

void House::WireSnapshots() {
  upkeep_ = std::make_unique<UpkeepRoom>(*ledger_, ground_.chunks, ground_.clock, ground_.log, options_.upkeep);
  vault_ = std::make_unique<SnapshotVault>(*ledger_, upkeep_->chunks(), ground_.clock, ground_.log);
  lineage_ = std::make_unique<LineageDesk>(*ledger_, *vault_, ground_.clock);
  vault_->SetServedParts([this] { return lineage_->ServedParts(); });
  boms_ = std::make_unique<BomDesk>(*ledger_, *vault_, keys_.decision, BomOptions{options_.version, options_.log_origin});
  diffs_ = std::make_unique<DiffDesk>(*vault_, upkeep_->chunks());
  inventory_ = std::make_unique<InventoryDesk>(*ledger_, *vault_, *lineage_, ground_.clock);
}

void House::WireFleet() {
  signers_ = std::make_unique<SignerDesk>(*vault_);
  AgentHubOptions hub_options;
  hub_options.checkpoint = [this] { return ledger_->SignCheckpoint(); };
  hub_options.wanted_chunks = [this] {
    std::vector<std::string> wanted;
    for (const Digest& digest : upkeep_->chunks().ListDamaged(kWantedChunks)) wanted.push_back(digest.raw());
    return wanted;
  };
  hub_ = std::make_unique<AgentHub>(*ledger_, ground_.clock, ground_.log, std::move(hub_options));
  SnapshotView view;
  view.resolve = [this](std::string_view name) { return vault_->Resolve(name); };
  view.check_gates = [this](const Digest& snapshot, std::string_view name) { return vault_->CheckGates(snapshot, name); };
  view.hold = [this](Draft& draft, const Digest& snapshot) { return vault_->Hold(draft, snapshot); };
  FleetOptions fleet_options;
  fleet_options.check_incident = [this](const IncidentId& id) { return incidents_->Load(id).status(); };
  fleet_options.check_run = [](Draft& draft, const DecisionWish& wish) {
    const bool safer = wish.kind == v1::DECISION_KIND_CONTAIN || wish.kind == v1::DECISION_KIND_FREEZE;
    return CheckDeploymentLock(draft, {wish.deployment, wish.run, wish.fence, safer, wish.override_run, wish.decided_by, wish.reason});
  };
  fleet_options.presented = [this](const AgentName& agent, const v1::FollowRequest& request) { HearAgent(agent, request); };
  fleet_ = std::make_unique<FleetDesk>(*ledger_, *hub_, ground_.clock, ground_.random, ground_.log, keys_.authority,
                                       keys_.decision, std::move(view), std::move(fleet_options));
  vault_->SetReleasesNaming([this](const std::vector<std::string>& snapshots) {
    return ReleasesNaming(ledger_->store(), snapshots);
  });
  vault_->SetDeploymentsServing([this](const Digest& snapshot) { return fleet_->DeploymentsServing(snapshot); });
}

void House::HearAgent(const AgentName& agent, const v1::FollowRequest& request) {
  if (upkeep_->guard() == nullptr) return;
  upkeep_->guard()->CheckPresented(agent, request.checkpoint());
  if (!ledger_->refusal().ok()) return;
  const absl::Status adopted = fleet_->AdoptHead(agent, DeploymentName(request.deployment()), request.head());
  if (!adopted.ok()) ground_.log.Warning("fleet.head-not-adopted", {{"agent", agent.text()}, {"error", adopted.ToString()}});
}

absl::Status House::WireUpkeep() {
  return upkeep_->Open(*vault_, [this](const Digest& snapshot) { return fleet_->DeploymentsServing(snapshot); });
}

absl::Status House::WireResponse() {
  shelf_ = std::make_unique<PlaybookShelf>(*ledger_, ground_.clock, ground_.log, ActionSpecs());
  IncidentHooks hooks;  // incidents_ is set below, before anything runs
  hooks.load = [this](const IncidentId& id) { return incidents_->Load(id); };
  hooks.add_run = [this](Draft& draft, const IncidentId& id, const RunId& run) {
    return incidents_->AddRun(draft, id, run);
  };
  hooks.add_techniques = [this](Draft& draft, const IncidentId& id, const std::vector<std::string>& techniques) {
    return incidents_->AddTechniques(draft, id, techniques);
  };
  hooks.run_ended = [this](Draft& draft, const IncidentId& id) { return incidents_->SettleAlerts(draft, id); };
  runs_ = std::make_unique<RunDesk>(*ledger_, ground_.clock, ground_.log, *shelf_, ActionSpecs(), hooks, &waits_);
  run_control_ = std::make_unique<RunControlDesk>(RunControlParts{*ledger_, ground_.clock, *shelf_, actions_, hooks, *runs_});
  SuspectFinder suspects = [this](const IncidentSignal& signal) { return FindSuspect(*fleet_, *vault_, signal); };
  IncidentOptions incident_options;
  incident_options.still_contained = [](Draft& draft, const std::string& name) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(auto deployment, draft.Find(DeploymentKey(DeploymentName(name))));
    return deployment && deployment->contained();
  };
  incident_options.containment_proved = [this](Draft& draft, const std::string& name) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(auto deployment, draft.Find(DeploymentKey(DeploymentName(name))));
    if (!deployment || !deployment->contained()) return false;
    ASSIGN_OR_RETURN(const ProofProgress progress, fleet_->Progress(DeploymentName(name), Epoch{deployment->epoch()}));
    return !progress.proven.empty() && progress.pending.empty() && progress.diverged.empty();
  };
  incidents_ = std::make_unique<IncidentDesk>(*ledger_, ground_.clock, ground_.log, runs_.get(), std::move(suspects),
                                              std::move(incident_options));
  ASSIGN_OR_RETURN(alerts_,
                   AlertDesk::Open(*ledger_, ground_.clock, ground_.log, *incidents_, {}, &ground_.crash_points));
  pump_ = std::make_unique<RunPump>(*ledger_, ground_.clock, ground_.log, actions_, hooks, &ground_.crash_points,
                                    RunPumpOptions{kEffectHelpers, &waits_});
  scheduler_ = std::make_unique<RunScheduler>(*ledger_, ground_.clock, ground_.log, *pump_);
  runs_->CountActiveBy([this] { return scheduler_->active(); });
  return absl::OkStatus();
}

void House::WireRecords() {
  reports_ = std::make_unique<ReportDesk>(ReportSources{*ledger_, upkeep_->chunks(), *vault_, *fleet_, *incidents_, *runs_,
                                                        ground_.clock, options_.version},
                                          keys_.decision);
  http_ = MakeHttpClient();
  sharing_ = std::make_unique<ShareDesk>(ShareParts{*ledger_, *incidents_, *runs_, *http_, ground_.clock, ground_.random,
                                                    ground_.log, options_.credential_folder});
}

void House::WireTimers() {
  timers_ = std::make_unique<Timers>(ground_.clock, ground_.log);
  timers_->Every("alerts.expire", kExpiryPeriod,
                 [this] { return alerts_->ExpireOverdue(ground_.clock.Now()).status(); });
  timers_->Every("incidents.reconcile", kReconcilePeriod, [this] { return incidents_->ReconcileOpen(); });
  timers_->Every("actions.forget", kForgetPeriod, [this] { return action_desk_->SweepRequests(); });
  // A receiver that hangs must not keep alerts from expiring: deliveries have a thread of their own.
  deliveries_ = std::make_unique<Timers>(ground_.clock, ground_.log);
  deliveries_->Every("shares.deliver", kDeliveryPeriod, [this] { return sharing_->DeliverDue(); });
}

void House::WireMetrics() {
  Metrics& metrics = ground_.metrics;
  upkeep_->WireMetrics(metrics);
  metrics.Probe("firebreak_alerts_firing", "Alerts firing now.",
                [this] { return static_cast<double>(alerts_->firing()); });
  metrics.Probe("firebreak_runs_active", "Playbook runs that have not ended.",
                [this] { return static_cast<double>(scheduler_->active()); });
  metrics.Probe("firebreak_followers", "Open decision streams.",
                [this] { return static_cast<double>(hub_->followers()); });
  metrics.Probe("firebreak_ledger_entries", "Entries in the audit log.",
                [this] { return static_cast<double>(ledger_->size()); });
  metrics.Gauges("firebreak_build_info", "Always 1; the version is a label.", {"version"})
      .With({options_.version})
      .Set(1);
}

void House::WarmLineage() {
  warming_ = std::thread([this] {
    const absl::Status warm = lineage_->Warm(stop_warming_);
    if (!warm.ok() && !absl::IsCancelled(warm)) ground_.log.Warning("lineage.not-warm", {{"error", std::string(warm.message())}});
  });
}

absl::Status House::Start() {
  WarmLineage();
  if (!ledger_->refusal().ok()) return absl::OkStatus();   // only reads are answered
  RETURN_IF_ERROR(incidents_->ReconcileOpen());
  RETURN_IF_ERROR(scheduler_->Start());
  timers_->Start();
  deliveries_->Start();
  upkeep_->Start();
  return absl::OkStatus();
}

void House::Stop() {
  stop_warming_ = true;
  if (warming_.joinable()) warming_.join();
  if (upkeep_) upkeep_->Stop();
  if (deliveries_) deliveries_->Stop();
  if (timers_) timers_->Stop();
  if (scheduler_) scheduler_->Stop();
}

absl::Status House::CheckAgent(const AgentName& agent, std::string_view certificate_pem) const {
  absl::Status name = CheckName("agent", agent.text());
  if (!name.ok()) return absl::UnauthenticatedError(name.message());
  ASSIGN_OR_RETURN(auto record, FindRecord(ledger_->store(), AgentKey(agent)));
  if (!record)
    return absl::UnauthenticatedError(StrCat("agent ", agent.text(), " is not enrolled (next: firebreak-agent join)"));
  if (record->has_removed_at()) {
    return absl::PermissionDeniedError(StrCat("agent ", agent.text(), " was removed: ", record->removed_reason()));
  }
  // A name may be enrolled again after its removal; the certificate of before is still in date and must stay worthless.
  ASSIGN_OR_RETURN(CertificateFacts facts, ReadCertificate(certificate_pem));
  if (facts.public_key_pem != record->public_key_pem()) {
    return absl::UnauthenticatedError(StrCat("agent ", agent.text(), " is enrolled with another key"));
  }
  return absl::OkStatus();
}

Identities House::identities() {
  Identities identities;
  identities.authenticate = [this](std::string_view token) { return tokens_->Authenticate(token); };
  identities.check_agent = [this](const AgentName& agent, std::string_view pem) { return CheckAgent(agent, pem); };
  return identities;
}

IntakePort House::intake() {
  IntakePort port;
  port.post_alerts_v2 = [this](const Caller& caller, std::string_view type, std::string_view body) {
    return ToReply(alerts_->PostAlertmanagerV2(caller, type, body));
  };
  port.post_webhook = [this](const Caller& caller, std::string_view type, std::string_view body) {
    return ToReply(alerts_->PostAlertmanagerWebhook(caller, type, body));
  };
  port.begin_alerts_v2 = [this](const Caller& caller, std::string_view type, std::string body) -> IntakePort::BegunPost {
    AlertDesk::BegunPost begun = alerts_->BeginAlertmanagerV2(caller, type, std::move(body));
    if (begun.answer) return {ToReply(*std::move(begun.answer)), nullptr};
    return {std::nullopt, [rest = std::move(begun.rest)](IntakePort::Answered answered) {
              rest([answered = std::move(answered)](HttpAnswer answer) { answered(ToReply(std::move(answer))); });
            }, begun.brief};
  };
  port.get_status = [this] { return ToReply(alerts_->GetAlertmanagerStatus()); };
  port.get_alerts = [this] { return ToReply(alerts_->GetAlertmanagerAlerts()); };
  return port;
}

}  // namespace firebreak
