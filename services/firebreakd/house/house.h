// House: every desk of the service, wired together on one store. Main gives it engines, keys and a clock; tests give it
// memory and time that moves when told. It knows no door.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_HOUSE_HOUSE_H_
#define FIREBREAK_SERVICES_FIREBREAKD_HOUSE_HOUSE_H_

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "firebreak/access/token_desk.h"
#include "firebreak/actions/action_desk.h"
#include "firebreak/actions/builtin.h"
#include "firebreak/alerts/alert_desk.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/crash_points.h"
#include "firebreak/base/log.h"
#include "firebreak/base/random.h"
#include "firebreak/bom/bom_desk.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/diff/diff_desk.h"
#include "firebreak/doors/front_desk.h"
#include "firebreak/doors/http_door.h"
#include "firebreak/doors/method_table.h"
#include "firebreak/exchange/http_client.h"
#include "firebreak/fleet/agent_hub.h"
#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/inventory/inventory_desk.h"
#include "firebreak/ledger/audit_desk.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/lineage/lineage_desk.h"
#include "firebreak/metrics/metrics.h"
#include "firebreak/playbooks/playbook_shelf.h"
#include "firebreak/reports/report_desk.h"
#include "firebreak/runs/action.h"
#include "firebreak/runs/run_control_desk.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/runs/run_pump.h"
#include "firebreak/runs/run_scheduler.h"
#include "firebreak/runs/wait_board.h"
#include "firebreak/sharing/share_desk.h"
#include "firebreak/snapshots/signer_desk.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/storage/meta_store.h"
#include "services/firebreakd/house/timers.h"
#include "services/firebreakd/house/upkeep_room.h"

namespace firebreak {

struct HouseKeys {
  CertificateAuthority authority;  // signs agents' certificates
  EcPrivateKey decision;           // signs decisions
  Ed25519Key ledger;               // signs checkpoints
  std::string sealing;             // secrets at rest
};

// What the house stands on; outlives it.
struct HouseGround {
  MetaStore& meta;
  ChunkStore& chunks;
  const Clock& clock;
  Random& random;
  Log& log;
  Metrics& metrics;
  CrashPoints& crash_points;
};

struct HouseOptions {
  std::string log_origin = "firebreak.localhost/audit";
  std::string version = "0.1.0";
  std::filesystem::path credential_folder;   // of destinations outside
  std::filesystem::path hooks_file = {};     // places playbooks may call; absent = none
  UpkeepOptions upkeep = {};
};

class House {
 public:
  static absl::StatusOr<std::unique_ptr<House>> Open(const HouseGround& ground, HouseKeys keys, HouseOptions options);
  ~House();  // Stop

  // One call per service, in register_methods.cc.
  void RegisterMethods(MethodTable& table);
  Identities identities();
  IntakePort intake();

  absl::Status LoadPlaybooks(const std::string& folder) { return shelf_->LoadFolder(folder); }

  // Runs go on, alerts expire. Stop waits for what is being done; call it after the doors are closed.
  absl::Status Start();
  void Stop();

  TokenDesk& tokens() { return *tokens_; }
  Ledger& ledger() { return *ledger_; }
  const Ledger& ledger() const { return *ledger_; }
  UpkeepRoom& upkeep() { return *upkeep_; }
  const SnapshotVault& vault() const { return *vault_; }

 private:
  House(const HouseGround& ground, HouseKeys keys, HouseOptions options);
  absl::Status OpenLedger();
  void WireSnapshots();
  absl::Status WireUpkeep();
  void HearAgent(const AgentName& agent, const v1::FollowRequest& request);
  void WireFleet();
  void WireActions();
  static std::vector<const ActionSpec*> ActionSpecs();
  absl::Status WireResponse();
  void WireRecords();
  void WireTimers();
  void WarmLineage();   // beside the start, which does not wait for it
  void WireMetrics();
  absl::Status CheckAgent(const AgentName& agent, std::string_view certificate_pem) const;

  const HouseGround ground_;
  const HouseKeys keys_;
  const HouseOptions options_;

  // In the order of construction: each uses only what stands above it.
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<AuditDesk> audit_;
  std::unique_ptr<TokenDesk> tokens_;
  std::unique_ptr<UpkeepRoom> upkeep_;   // its chunks are everybody's; the rest of it stands on the vault
  std::unique_ptr<SnapshotVault> vault_;
  std::unique_ptr<LineageDesk> lineage_;
  std::unique_ptr<BomDesk> boms_;
  std::unique_ptr<DiffDesk> diffs_;
  std::unique_ptr<InventoryDesk> inventory_;
  std::unique_ptr<SignerDesk> signers_;
  std::unique_ptr<AgentHub> hub_;
  std::unique_ptr<FleetDesk> fleet_;
  ActionCatalogue actions_;
  std::unique_ptr<PlaybookShelf> shelf_;
  WaitBoard waits_;
  std::unique_ptr<RunDesk> runs_;
  std::unique_ptr<RunControlDesk> run_control_;
  std::unique_ptr<IncidentDesk> incidents_;  // runs reach it through hooks
  std::unique_ptr<AlertDesk> alerts_;
  std::unique_ptr<ReportDesk> reports_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<ShareDesk> sharing_;
  HookBook hooks_;
  std::unique_ptr<ActionDesk> action_desk_;
  std::unique_ptr<RunPump> pump_;
  std::unique_ptr<RunScheduler> scheduler_;
  std::unique_ptr<Timers> timers_;
  std::unique_ptr<Timers> deliveries_;
  std::atomic<bool> stop_warming_{false};
  std::thread warming_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_HOUSE_HOUSE_H_
