#include "services/firebreakd/serve.h"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/doors/front_desk.h"
#include "firebreak/doors/grpc_door.h"
#include "firebreak/doors/http_door.h"
#include "firebreak/doors/method_table.h"
#include "firebreak/doors/worker_pool.h"
#include "firebreak/metrics/metrics.h"
#include "firebreak/storage_rocksdb/rocks_store.h"
#include "services/firebreakd/house/house.h"
#include "services/firebreakd/upkeep_files.h"
#include "services/firebreakd/house/timers.h"

namespace firebreak {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(5);  // for calls in progress when the service stops
constexpr absl::Duration kStreamsRecheck = absl::Seconds(1);

std::string WithPort(std::string_view listen, int port) {
  return StrCat(listen.substr(0, listen.rfind(':')), ":", port);
}

// Both doors and the threads behind them. Destroyed after the pools stopped and before the house.
struct Doors {
  WorkerPool calls{{}};
  WorkerPool intake{{.threads = 48, .queue_max = 1024}};
  MethodTable table;
  std::unique_ptr<FrontDesk> desk;
  std::atomic<bool> ready{false};
  std::unique_ptr<GrpcDoor> grpc;
  std::unique_ptr<HttpDoor> http;
  std::unique_ptr<Timers> timers;

  ~Doors() { Stop(); }
  void Stop() {
    ready = false;
    if (timers) timers->Stop();
    if (grpc) grpc->Stop(kGrace);
    if (http) http->Stop(kGrace);
    calls.Stop();
    intake.Stop();
  }
};

absl::Status OpenDoors(const ServeWish& wish, House& house, const Clock& clock, Log& log, Metrics& metrics,
                       Doors& doors) {
  house.RegisterMethods(doors.table);
  if (std::vector<std::string> missing = doors.table.Missing(); !missing.empty()) {
    log.Warning("methods.missing", {{"methods", absl::StrJoin(missing, " ")}});
  }
  doors.desk = std::make_unique<FrontDesk>(house.identities(), doors.calls, clock, log, metrics);
  ASSIGN_OR_RETURN(std::string certificate, ReadWholeFile(wish.folder.server()));
  ASSIGN_OR_RETURN(std::string key, ReadWholeFile(wish.folder.server_key()));
  ASSIGN_OR_RETURN(std::string ca, ReadWholeFile(wish.folder.ca()));
  ASSIGN_OR_RETURN(doors.grpc,
                   GrpcDoor::Start(doors.table, *doors.desk, {wish.config.listen_grpc, certificate, key, ca}));
  HttpDoorOptions http;
  http.listen = wish.config.listen_http;
  http.tls = wish.config.http_tls;
  http.certificate_pem = certificate;
  http.key_pem = key;
  ASSIGN_OR_RETURN(doors.http, HttpDoor::Start({doors.table, *doors.desk, doors.intake, metrics, house.intake(),
                                                [&doors, &house] { return doors.ready.load() && house.ledger().refusal().ok(); }},
                                               std::move(http)));
  doors.timers = std::make_unique<Timers>(clock, log);
  doors.timers->Every("streams.recheck", kStreamsRecheck, [&doors] {
    doors.desk->RecheckStreams();
    return absl::OkStatus();
  });
  doors.timers->Start();
  metrics.Probe("firebreak_calls_waiting", "Calls waiting for a worker.",
                [&doors] { return static_cast<double>(doors.calls.queued()); });
  metrics.Probe("firebreak_intake_waiting", "Posts of alerts waiting for a worker.",
                [&doors] { return static_cast<double>(doors.intake.queued()); });
  return absl::OkStatus();
}

absl::Status Announce(const ServeWish& wish, const House& house, const Doors& doors) {
  std::string grpc = WithPort(wish.config.listen_grpc, doors.grpc->port());
  std::string http =
      StrCat(wish.config.http_tls ? "https://" : "http://", WithPort(wish.config.listen_http, doors.http->port()));
  RETURN_IF_ERROR(MakeFolder(wish.folder.run(), 0700));
  RETURN_IF_ERROR(ReplaceFile(
      wish.folder.addresses(),
      StrCat("{\"grpc\":", QuoteJson(grpc), ",\"http\":", QuoteJson(http), ",\"pid\":", ::getpid(), "}\n"), 0600));
  if (const absl::Status refusal = house.ledger().refusal(); !refusal.ok()) {
    wish.announce(StrCat("firebreakd answers reads only: ", MessageOf(refusal)));
  }
  wish.announce(StrCat("firebreakd ready: grpc ", grpc, ", http ", http, ", data ", wish.folder.root));
  return absl::OkStatus();
}

}  // namespace

std::string LogOrigin(const Config& config) { return StrCat("firebreak.", config.name, "/audit"); }

absl::Status Serve(const ServeWish& wish, const Clock& clock, Random& random, Log& log, CrashPoints& crash_points) {
  ASSIGN_OR_RETURN(HouseKeys keys, LoadKeys(wish.folder));
  absl::StatusOr<std::unique_ptr<RocksStore>> store =
      OpenRocksStore({.path = wish.folder.store(), .create_if_missing = false});
  RETURN_IF_ERROR(store.status());
  Metrics metrics;
  HouseGround ground{(*store)->meta(), (*store)->chunks(), clock, random, log, metrics, crash_points};
  ASSIGN_OR_RETURN(std::unique_ptr<House> house,
                   House::Open(ground, std::move(keys), {LogOrigin(wish.config), FIREBREAK_VERSION, wish.folder.credentials(), wish.folder.hooks(),
                                                     MakeUpkeepOptions(wish.folder, wish.config, **store)}));
  RETURN_IF_ERROR(house->upkeep().guard()->CheckWitnesses());
  RETURN_IF_ERROR(MakeFolder(wish.folder.run(), 0700));
  const std::string playbooks = wish.config.playbooks.empty() ? wish.folder.playbooks() : wish.config.playbooks;
  // At 3 a.m. a service without its newest playbooks beats none: those stored before still run.
  if (absl::Status loaded = house->LoadPlaybooks(playbooks); !loaded.ok()) {
    log.Error("playbooks.refused", {{"folder", playbooks}, {"error", std::string(loaded.message())}});
  }
  Doors doors;
  RETURN_IF_ERROR(OpenDoors(wish, *house, clock, log, metrics, doors));
  RETURN_IF_ERROR(house->Start());
  doors.ready = true;
  RETURN_IF_ERROR(Announce(wish, *house, doors));
  wish.await_stop();
  log.Info("stopping", {});
  doors.Stop();
  house->Stop();
  log.Info("stopped", {});
  return absl::OkStatus();
}

}  // namespace firebreak
