#include "services/firebreakd/house/house.h"

#include <optional>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/fleet.h"
#include "services/firebreakd/house/suspects.h"

namespace firebreak {
namespace {

constexpr absl::Duration kExpiryPeriod = absl::Seconds(5);
constexpr absl::Duration kReconcilePeriod = absl::Minutes(1);
constexpr absl::Duration kDeliveryPeriod = absl::Seconds(1);

HttpReply ToReply(HttpAnswer answer) { return {answer.status, std::move(answer.content_type), std::move(answer.body)}; }

}  // namespace

House::House(const HouseGround& ground, HouseKeys keys, HouseOptions options)
    : ground_(ground), keys_(std::move(keys)), options_(std::move(options)) {}

House::~House() { Stop(); }

absl::StatusOr<std::unique_ptr<House>> House::Open(const HouseGround& ground, HouseKeys keys, HouseOptions options) {
  std::unique_ptr<House> house(new House(ground, std::move(keys), std::move(options)));
  RETURN_IF_ERROR(house->OpenLedger());
  house->WireFleet();
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

void House::WireFleet() {
  vault_ = std::make_unique<SnapshotVault>(*ledger_, ground_.chunks, ground_.clock, ground_.log);
  AgentHubOptions hub_options;
  hub_options.checkpoint = [this] { return ledger_->SignCheckpoint(); };
  hub_ = std::make_unique<AgentHub>(*ledger_, ground_.clock, ground_.log, std::move(hub_options));
  SnapshotView view;
  view.resolve = [this](std::string_view name) { return vault_->Resolve(name); };
  view.check_gates = [this](const Digest& snapshot) { return vault_->CheckGates(snapshot); };
  view.hold = [this](Draft& draft, const Digest& snapshot) { return vault_->Hold(draft, snapshot); };
  fleet_ = std::make_unique<FleetDesk>(*ledger_, *hub_, ground_.clock, ground_.random, ground_.log, keys_.authority,
                                       keys_.decision, std::move(view));
  vault_->SetDeploymentsServing([this](const Digest& snapshot) { return fleet_->DeploymentsServing(snapshot); });
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
  runs_ = std::make_unique<RunDesk>(*ledger_, ground_.clock, ground_.log, *shelf_, ActionSpecs(), hooks);
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
  pump_ = std::make_unique<RunPump>(*ledger_, ground_.clock, ground_.log, actions_, hooks, &ground_.crash_points);
  scheduler_ = std::make_unique<RunScheduler>(*ledger_, ground_.clock, ground_.log, *pump_);
  return absl::OkStatus();
}

void House::WireRecords() {
  reports_ = std::make_unique<ReportDesk>(ReportSources{*ledger_, ground_.chunks, *vault_, *fleet_, *incidents_, *runs_,
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
  // A receiver that hangs must not keep alerts from expiring: deliveries have a thread of their own.
  deliveries_ = std::make_unique<Timers>(ground_.clock, ground_.log);
  deliveries_->Every("shares.deliver", kDeliveryPeriod, [this] { return sharing_->DeliverDue(); });
}

void House::WireMetrics() {
  Metrics& metrics = ground_.metrics;
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

absl::Status House::Start() {
  RETURN_IF_ERROR(incidents_->ReconcileOpen());
  RETURN_IF_ERROR(scheduler_->Start());
  timers_->Start();
  deliveries_->Start();
  return absl::OkStatus();
}

void House::Stop() {
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
  port.try_heartbeats = [this](const Caller&, std::string_view type, std::string_view body) -> std::optional<HttpReply> {
    std::optional<HttpAnswer> answer = alerts_->TryHeartbeats(type, body);
    if (!answer) return std::nullopt;
    return ToReply(*std::move(answer));
  };
  port.get_status = [this] { return ToReply(alerts_->GetAlertmanagerStatus()); };
  port.get_alerts = [this] { return ToReply(alerts_->GetAlertmanagerAlerts()); };
  return port;
}

}  // namespace firebreak
