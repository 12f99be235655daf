// Every RPC with the permission it needs. A new service gets a function here and a line at the end.

#include "services/firebreakd/house/house.h"

namespace firebreak {
namespace {

using P = Permission;

void RegisterAccess(MethodTable& table, TokenDesk& desk) {
  table.Unary("/firebreak.v1.Access/CreateToken", P::kManageTokens, desk, &TokenDesk::CreateToken);
  table.Unary("/firebreak.v1.Access/ListTokens", P::kManageTokens, desk, &TokenDesk::ListTokens);
  table.Unary("/firebreak.v1.Access/RevokeToken", P::kManageTokens, desk, &TokenDesk::RevokeToken);
  table.Unary("/firebreak.v1.Access/WhoAmI", P::kAuthenticated, desk, &TokenDesk::WhoAmI);
}

void RegisterAudit(MethodTable& table, AuditDesk& desk) {
  table.Unary("/firebreak.v1.Audit/ListAudit", P::kRead, desk, &AuditDesk::ListAudit);
  table.Unary("/firebreak.v1.Audit/ExportAudit", P::kRead, desk, &AuditDesk::ExportAudit);
  table.Unary("/firebreak.v1.Audit/GetCheckpoint", P::kRead, desk, &AuditDesk::GetCheckpoint);
  table.Unary("/firebreak.v1.Audit/GetProof", P::kRead, desk, &AuditDesk::GetProof);
  table.Stream("/firebreak.v1.Audit/WatchAudit", P::kRead, desk, &AuditDesk::WatchAudit);
}

void RegisterAlerts(MethodTable& table, AlertDesk& desk) {
  table.Unary("/firebreak.v1.Alerts/RaiseAlerts", P::kRaiseAlerts, desk, &AlertDesk::RaiseAlerts);
  table.Unary("/firebreak.v1.Alerts/ListAlerts", P::kRead, desk, &AlertDesk::ListAlerts);
  table.Unary("/firebreak.v1.Alerts/GetAlert", P::kRead, desk, &AlertDesk::GetAlert);
}

void RegisterIncidents(MethodTable& table, IncidentDesk& desk) {
  table.Unary("/firebreak.v1.Incidents/OpenIncident", P::kRespond, desk, &IncidentDesk::OpenIncident);
  table.Unary("/firebreak.v1.Incidents/GetIncident", P::kRead, desk, &IncidentDesk::GetIncident);
  table.Unary("/firebreak.v1.Incidents/ListIncidents", P::kRead, desk, &IncidentDesk::ListIncidents);
  table.Unary("/firebreak.v1.Incidents/AcknowledgeIncident", P::kRespond, desk, &IncidentDesk::AcknowledgeIncident);
  table.Unary("/firebreak.v1.Incidents/AssignRole", P::kRespond, desk, &IncidentDesk::AssignRole);
  // Two functions of the desk have this name; the handler is the one with a caller.
  table.Unary<IncidentDesk, v1::AddNoteRequest, v1::AddNoteResponse>("/firebreak.v1.Incidents/AddNote", P::kRespond,
                                                                     desk, &IncidentDesk::AddNote);
  table.Unary("/firebreak.v1.Incidents/SetSeverity", P::kRespond, desk, &IncidentDesk::SetSeverity);
  table.Unary("/firebreak.v1.Incidents/AdvanceIncident", P::kRespond, desk, &IncidentDesk::AdvanceIncident);
  table.Unary("/firebreak.v1.Incidents/GetTimeline", P::kRead, desk, &IncidentDesk::GetTimeline);
}

void RegisterPlaybooks(MethodTable& table, PlaybookShelf& desk) {
  table.Unary("/firebreak.v1.Playbooks/PutPlaybook", P::kManagePlaybooks, desk, &PlaybookShelf::PutPlaybook);
  table.Unary("/firebreak.v1.Playbooks/GetPlaybook", P::kRead, desk, &PlaybookShelf::GetPlaybook);
  table.Unary("/firebreak.v1.Playbooks/ListPlaybooks", P::kRead, desk, &PlaybookShelf::ListPlaybooks);
}

void RegisterRuns(MethodTable& table, RunDesk& desk) {
  table.Unary("/firebreak.v1.Runs/StartRun", P::kRespond, desk, &RunDesk::StartRun);
  table.Unary("/firebreak.v1.Runs/GetRun", P::kRead, desk, &RunDesk::GetRun);
  table.Unary("/firebreak.v1.Runs/ListRuns", P::kRead, desk, &RunDesk::ListRuns);
  table.Unary("/firebreak.v1.Runs/CancelRun", P::kRespond, desk, &RunDesk::CancelRun);
  table.Unary("/firebreak.v1.Runs/ListApprovals", P::kRead, desk, &RunDesk::ListApprovals);
  table.Unary("/firebreak.v1.Runs/AnswerApproval", P::kRespond, desk, &RunDesk::AnswerApproval);
  table.Unary("/firebreak.v1.Runs/ResolveStep", P::kRespond, desk, &RunDesk::ResolveStep);
  table.Stream("/firebreak.v1.Runs/WatchRun", P::kRead, desk, &RunDesk::WatchRun);
}

void RegisterRunControl(MethodTable& table, RunControlDesk& desk) {
  table.Unary("/firebreak.v1.RunControl/PlanRun", P::kRespond, desk, &RunControlDesk::PlanRun);
  table.Unary("/firebreak.v1.RunControl/StartPlan", P::kRespond, desk, &RunControlDesk::StartPlan);
  table.Unary("/firebreak.v1.RunControl/PauseRun", P::kRespond, desk, &RunControlDesk::PauseRun);
  table.Unary("/firebreak.v1.RunControl/ContinueRun", P::kRespond, desk, &RunControlDesk::ContinueRun);
  table.Unary("/firebreak.v1.RunControl/ResumeRun", P::kRespond, desk, &RunControlDesk::ResumeRun);
}

// What an action itself needs is looked at by the desk: see PermissionOfAction.
void RegisterActions(MethodTable& table, ActionDesk& desk) {
  table.Unary("/firebreak.v1.Actions/ListActions", P::kRead, desk, &ActionDesk::ListActions);
  table.Unary("/firebreak.v1.Actions/RunAction", P::kRead, desk, &ActionDesk::RunAction,
              {.request_bytes_max = size_t{512} << 10, .pace = Pace::kSlow});   // may wait for proofs
  table.Unary("/firebreak.v1.Actions/GetEvidence", P::kRead, desk, &ActionDesk::GetEvidence);
  table.Unary("/firebreak.v1.Actions/ListEvidence", P::kRead, desk, &ActionDesk::ListEvidence);
}

void RegisterSnapshots(MethodTable& table, SnapshotVault& desk) {
  table.Unary("/firebreak.v1.Snapshots/BeginPush", P::kPush, desk, &SnapshotVault::BeginPush);
  table.Unary("/firebreak.v1.Snapshots/PutFiles", P::kPush, desk, &SnapshotVault::PutFiles);
  table.Unary("/firebreak.v1.Snapshots/MissingChunks", P::kPush, desk, &SnapshotVault::MissingChunks);
  table.Unary("/firebreak.v1.Snapshots/PutChunks", P::kPush, desk, &SnapshotVault::PutChunks, kContentLimits);
  table.Unary("/firebreak.v1.Snapshots/CommitPush", P::kPush, desk, &SnapshotVault::CommitPush,
              {.request_bytes_max = kContentLimits.request_bytes_max, .pace = Pace::kSlow});   // reads every chunk again
  table.Unary("/firebreak.v1.Snapshots/GetSnapshot", P::kReadSnapshots, desk, &SnapshotVault::GetSnapshot);
  table.Unary("/firebreak.v1.Snapshots/ListSnapshots", P::kRead, desk, &SnapshotVault::ListSnapshots);
  table.Unary("/firebreak.v1.Snapshots/ListFiles", P::kReadContent, desk, &SnapshotVault::ListFiles);
  table.Unary("/firebreak.v1.Snapshots/GetChunks", P::kReadContent, desk, &SnapshotVault::GetChunks);
  table.Unary("/firebreak.v1.Snapshots/GetBundle", P::kReadContent, desk, &SnapshotVault::GetBundle,
              {.pace = Pace::kSlow});   // verified from end to end the first time
  table.Unary("/firebreak.v1.Snapshots/VerifySnapshot", P::kVerify, desk, &SnapshotVault::VerifySnapshot,
              {.pace = Pace::kSlow});
  table.Unary("/firebreak.v1.Snapshots/QuarantineSnapshot", P::kContain, desk, &SnapshotVault::QuarantineSnapshot);
  table.Unary("/firebreak.v1.Snapshots/LiftQuarantine", P::kLiftQuarantine, desk, &SnapshotVault::LiftQuarantine);
  table.Unary("/firebreak.v1.Snapshots/GetLineage", P::kRead, desk, &SnapshotVault::GetLineage);
  table.Unary("/firebreak.v1.Snapshots/TrustSigner", P::kManageSigners, desk, &SnapshotVault::TrustSigner);
  table.Unary("/firebreak.v1.Snapshots/RevokeSigner", P::kManageSigners, desk, &SnapshotVault::RevokeSigner);
  table.Unary("/firebreak.v1.Snapshots/ListSigners", P::kReadSnapshots, desk, &SnapshotVault::ListSigners);
}

void RegisterSigners(MethodTable& table, SignerDesk& desk) {
  table.Unary("/firebreak.v1.Signers/GetSigner", P::kReadSnapshots, desk, &SignerDesk::GetSigner);
  // Publishers, when the old key vouches for the new one; the handler lets only admins do without.
  table.Unary("/firebreak.v1.Signers/RotateSigner", P::kPush, desk, &SignerDesk::RotateSigner);
  table.Unary("/firebreak.v1.Signers/AddSignature", P::kPush, desk, &SignerDesk::AddSignature, kContentLimits);
  table.Unary("/firebreak.v1.Signers/ListSignatures", P::kReadSnapshots, desk, &SignerDesk::ListSignatures,
              {.pace = Pace::kSlow});   // as GetBundle
  table.Unary("/firebreak.v1.Signers/SetPolicy", P::kManageSigners, desk, &SignerDesk::SetPolicy);
  table.Unary("/firebreak.v1.Signers/RemovePolicy", P::kManageSigners, desk, &SignerDesk::RemovePolicy);
  table.Unary("/firebreak.v1.Signers/ListPolicies", P::kReadSnapshots, desk, &SignerDesk::ListPolicies);
}

void RegisterLineage(MethodTable& table, LineageDesk& desk) {
  table.Unary("/firebreak.v1.Lineage/AddEdge", P::kPush, desk, &LineageDesk::AddEdge);
  // Taking an edge away may end a taint: whoever may lift a quarantine may do that.
  table.Unary("/firebreak.v1.Lineage/RemoveEdge", P::kLiftQuarantine, desk, &LineageDesk::RemoveEdge);
  table.Unary("/firebreak.v1.Lineage/ListStatements", P::kRead, desk, &LineageDesk::ListStatements);
  table.Unary("/firebreak.v1.Lineage/GetGraph", P::kRead, desk, &LineageDesk::GetGraph);
  table.Unary("/firebreak.v1.Lineage/BlastRadius", P::kRead, desk, &LineageDesk::BlastRadius);
}

void RegisterBomsDiffsAndInventory(MethodTable& table, BomDesk& boms, DiffDesk& diffs, InventoryDesk& inventory) {
  table.Unary("/firebreak.v1.Boms/BuildBom", P::kReport, boms, &BomDesk::BuildBom, {.pace = Pace::kSlow});
  table.Unary("/firebreak.v1.Diffs/DiffSnapshots", P::kReadContent, diffs, &DiffDesk::DiffSnapshots, {.pace = Pace::kSlow});
  table.Unary("/firebreak.v1.Inventory/ListInventory", P::kRead, inventory, &InventoryDesk::ListInventory);
}

void RegisterFleet(MethodTable& table, FleetDesk& desk) {
  table.Unary("/firebreak.v1.Fleet/CreateDeployment", P::kManageAgents, desk, &FleetDesk::CreateDeployment);
  table.Unary("/firebreak.v1.Fleet/GetDeployment", P::kRead, desk, &FleetDesk::GetDeployment);
  table.Unary("/firebreak.v1.Fleet/ListDeployments", P::kRead, desk, &FleetDesk::ListDeployments);
  table.Unary("/firebreak.v1.Fleet/Deploy", P::kDeploy, desk, &FleetDesk::Deploy);
  table.Unary("/firebreak.v1.Fleet/Contain", P::kContain, desk, &FleetDesk::Contain);
  table.Unary("/firebreak.v1.Fleet/ReleaseContainment", P::kDeploy, desk, &FleetDesk::ReleaseContainment);
  table.Unary("/firebreak.v1.Fleet/Freeze", P::kContain, desk, &FleetDesk::Freeze);
  table.Unary("/firebreak.v1.Fleet/PlanRollback", P::kRead, desk, &FleetDesk::PlanRollback);
  table.Unary("/firebreak.v1.Fleet/RollBack", P::kDeploy, desk, &FleetDesk::RollBack);
  table.Unary("/firebreak.v1.Fleet/ListDecisions", P::kRead, desk, &FleetDesk::ListDecisions);
  table.Unary("/firebreak.v1.Fleet/CreateJoinToken", P::kManageAgents, desk, &FleetDesk::CreateJoinToken);
  table.Unary("/firebreak.v1.Fleet/EnrolAgent", P::kOpen, desk, &FleetDesk::EnrolAgent,
              {.request_bytes_max = size_t{16} << 10});   // from anybody: a token and a certificate request
  table.Unary("/firebreak.v1.Fleet/RemoveAgent", P::kManageAgents, desk, &FleetDesk::RemoveAgent);
  table.Stream("/firebreak.v1.Fleet/Follow", P::kFollow, desk, &FleetDesk::Follow);
  table.Unary("/firebreak.v1.Fleet/GetDecisionChain", P::kFollow, desk, &FleetDesk::GetDecisionChain);
  table.Unary("/firebreak.v1.Fleet/ReportProof", P::kActAsAgent, desk, &FleetDesk::ReportProof);
}

void RegisterReports(MethodTable& table, ReportDesk& desk) {
  table.Unary("/firebreak.v1.Reports/BuildReport", P::kReport, desk, &ReportDesk::BuildReport, {.pace = Pace::kSlow});
  table.Unary("/firebreak.v1.Reports/ListReports", P::kRead, desk, &ReportDesk::ListReports);
  table.Unary("/firebreak.v1.Reports/ExportReport", P::kReport, desk, &ReportDesk::ExportReport, {.pace = Pace::kSlow});
}

void RegisterSharing(MethodTable& table, ShareDesk& desk) {
  table.Unary("/firebreak.v1.Sharing/PutDestination", P::kManageDestinations, desk, &ShareDesk::PutDestination);
  table.Unary("/firebreak.v1.Sharing/ListDestinations", P::kRead, desk, &ShareDesk::ListDestinations);
  table.Unary("/firebreak.v1.Sharing/PreviewShare", P::kShare, desk, &ShareDesk::PreviewShare);
  table.Unary("/firebreak.v1.Sharing/RequestShare", P::kShare, desk, &ShareDesk::RequestShare);
  table.Unary("/firebreak.v1.Sharing/DecideShare", P::kDecideShare, desk, &ShareDesk::DecideShare);
  table.Unary("/firebreak.v1.Sharing/GetShare", P::kRead, desk, &ShareDesk::GetShare);
  table.Unary("/firebreak.v1.Sharing/ListShares", P::kRead, desk, &ShareDesk::ListShares);
}

}  // namespace

void House::RegisterMethods(MethodTable& table) {
  RegisterAccess(table, *tokens_);
  RegisterAudit(table, *audit_);
  RegisterAlerts(table, *alerts_);
  RegisterIncidents(table, *incidents_);
  RegisterPlaybooks(table, *shelf_);
  RegisterRuns(table, *runs_);
  RegisterRunControl(table, *run_control_);
  RegisterActions(table, *action_desk_);
  RegisterSnapshots(table, *vault_);
  RegisterSigners(table, *signers_);
  RegisterLineage(table, *lineage_);
  RegisterBomsDiffsAndInventory(table, *boms_, *diffs_, *inventory_);
  RegisterFleet(table, *fleet_);
  RegisterReports(table, *reports_);
  RegisterSharing(table, *sharing_);
  upkeep_->RegisterMethods(table);
}

}  // namespace firebreak
