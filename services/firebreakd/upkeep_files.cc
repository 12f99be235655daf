#include "services/firebreakd/upkeep_files.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/metrics/metrics.h"
#include "firebreak/upkeep/store_check.h"
#include "services/firebreakd/house/house.h"
#include "services/firebreakd/serve.h"

namespace firebreak {
namespace {

Witness FileWitness(const std::string& path) {
  Witness witness;
  witness.name = path;
  witness.read = [path] { return ReadWholeFile(path); };
  witness.write = [path](std::string_view note) { return ReplaceFile(path, note, 0600); };
  return witness;
}

// The stopped folder, opened as the service would, with nothing running.
struct Opened {
  std::unique_ptr<RocksStore> store;
  Metrics metrics;
  CrashPoints crash_points;
  std::unique_ptr<House> house;
};

absl::StatusOr<std::unique_ptr<Opened>> Open(const DataFolder& folder, const Clock& clock, Random& random, Log& log) {
  ASSIGN_OR_RETURN(const Config config, LoadConfig(folder));
  ASSIGN_OR_RETURN(HouseKeys keys, LoadKeys(folder));
  auto opened = std::make_unique<Opened>();
  ASSIGN_OR_RETURN(opened->store, OpenRocksStore({.path = folder.store(), .create_if_missing = false}));
  HouseGround ground{opened->store->meta(), opened->store->chunks(), clock, random, log, opened->metrics, opened->crash_points};
  HouseOptions options;
  options.log_origin = LogOrigin(config);
  options.credential_folder = folder.credentials();
  options.upkeep = MakeUpkeepOptions(folder, config, *opened->store);
  ASSIGN_OR_RETURN(opened->house, House::Open(ground, std::move(keys), std::move(options)));
  return opened;
}

void Print(const v1::StoreFinding& finding, bool json) {
  if (json) {
    std::printf("%s\n", MessageToJson(finding).c_str());
    return;
  }
  std::printf("%s  %s  %s\n", finding.kind().c_str(), finding.subject().c_str(), finding.problem().c_str());
  for (const std::string& file : finding.files()) std::printf("    touches %s\n", file.c_str());
  for (const std::string& name : finding.deployments()) std::printf("    serving now: %s\n", name.c_str());
}

}  // namespace

UpkeepOptions MakeUpkeepOptions(const DataFolder& folder, const Config& config, RocksStore& store) {
  UpkeepOptions options;
  options.ground.free_bytes = [&store] { return store.FreeBytes(); };
  options.ground.cut = [&store](const std::string& to) { return store.Cut(to); };
  options.ground.backup_folder = config.backup_folder;
  options.ground.cut_folder = folder.cut();
  options.ground.service_version = FIREBREAK_VERSION;
  // Everything in the folder that is no secret.
  for (const char* name : {"config.yaml", "ca.pem", "server.pem", "decision.pub.pem", "playbooks", "hooks.json"}) {
    options.ground.backup_extras.push_back({folder.root + "/" + name, name});
  }
  options.reclaim = [&store] { return store.ReclaimChunkSpace(); };
  options.scrub.bytes_per_second = config.scrub_rate;
  options.scrub.round_every = config.scrub_every;
  options.gc_every = config.gc_every;
  options.witnesses.push_back(FileWitness(folder.witness()));
  if (!config.witness.empty()) options.witnesses.push_back(FileWitness(config.witness));
  options.presented = FileWitness(folder.presented());
  return options;
}

absl::StatusOr<uint64_t> CheckDataFolder(const DataFolder& folder, const Clock& clock, Random& random, Log& log, bool json) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Opened> opened, Open(folder, clock, random, log));
  StoreCheck check = opened->house->upkeep().NewCheck(opened->house->vault());
  while (true) {
    ASSIGN_OR_RETURN(const v1::CheckStoreEvent event, check.Step());
    for (const v1::StoreFinding& finding : event.findings()) Print(finding, json);
    if (event.phase() != "done") continue;
    if (!json) {
      std::printf("%llu findings; %llu bytes of chunks read\n", static_cast<unsigned long long>(event.findings_total()),
                  static_cast<unsigned long long>(event.bytes_read()));
    }
    return event.findings_total();
  }
}

absl::Status AcceptRollback(const DataFolder& folder, const std::string& actor, const std::string& reason, const Clock& clock,
                            Random& random, Log& log) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Opened> opened, Open(folder, clock, random, log));
  RollbackGuard& guard = *opened->house->upkeep().guard();
  RETURN_IF_ERROR(guard.CheckWitnesses());
  return guard.Accept(Identity(actor), reason);
}

}  // namespace firebreak
