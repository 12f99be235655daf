#include "services/firebreakd/house/upkeep_room.h"

#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/upkeep.h"

namespace firebreak {
namespace {

using P = Permission;

constexpr absl::Duration kScrubPeriod = absl::Seconds(1);
constexpr absl::Duration kSettlePeriod = absl::Seconds(1);
constexpr absl::Duration kWitnessPeriod = absl::Seconds(2);

}  // namespace

UpkeepRoom::UpkeepRoom(Ledger& ledger, ChunkStore& chunks, const Clock& clock, Log& log, UpkeepOptions options)
    : ledger_(ledger), clock_(clock), log_(log), options_(std::move(options)), keeper_(chunks, clock) {}

UpkeepRoom::~UpkeepRoom() { Stop(); }

absl::Status UpkeepRoom::Open(SnapshotVault& vault, DamageDesk::DeploymentsServing serving) {
  holds_ = std::make_unique<HoldDesk>(ledger_, vault, clock_);
  deletions_ = std::make_unique<DeletionDesk>(ledger_, vault, *holds_, clock_);
  damage_ = std::make_unique<DamageDesk>(ledger_, keeper_, vault, clock_, log_, std::move(serving));
  GarbageOptions garbage;
  garbage.why_kept = [this](Draft& draft, const std::string& digest) { return deletions_->WhyKept(draft, digest); };
  // Rewriting files reads what is in them: damage would end it half way and stop the engine's writes.
  if (options_.reclaim) {
    garbage.reclaim = [this]() -> absl::Status {
      if (keeper_.damaged() > 0) return absl::FailedPreconditionError("chunks are damaged; heal them first");
      return options_.reclaim();
    };
  }
  collector_ = std::make_unique<GarbageCollector>(ledger_, keeper_, clock_, log_, std::move(garbage));
  scrubber_ = std::make_unique<Scrubber>(ledger_, keeper_, *damage_, clock_, options_.scrub);
  quotas_ = std::make_unique<QuotaDesk>(ledger_, clock_);
  vault.SetPushLimit([this](const PushLoad& load) { return quotas_->CheckPush(load); });
  desk_ = std::make_unique<UpkeepDesk>(UpkeepDeskParts{ledger_, keeper_, vault, *collector_, *damage_, *scrubber_, clock_, log_},
                                       options_.ground);
  if (options_.presented.read) {
    guard_ = std::make_unique<RollbackGuard>(ledger_, clock_, log_, options_.witnesses, options_.presented);
  }
  RETURN_IF_ERROR(collector_->Open());
  RETURN_IF_ERROR(damage_->Open());
  return scrubber_->Open();
}

void UpkeepRoom::RegisterMethods(MethodTable& table) {
  table.Unary("/firebreak.v1.Upkeep/DeleteSnapshot", P::kMaintain, *deletions_, &DeletionDesk::DeleteSnapshot);
  table.Unary("/firebreak.v1.Upkeep/UndeleteSnapshot", P::kMaintain, *deletions_, &DeletionDesk::UndeleteSnapshot);
  table.Unary("/firebreak.v1.Upkeep/ListDeletedSnapshots", P::kRead, *deletions_, &DeletionDesk::ListDeletedSnapshots);
  table.Unary("/firebreak.v1.Upkeep/CollectGarbage", P::kMaintain, *desk_, &UpkeepDesk::CollectGarbage);
  table.Unary("/firebreak.v1.Upkeep/GetStore", P::kRead, *desk_, &UpkeepDesk::GetStore);
  table.Stream("/firebreak.v1.Upkeep/CheckStore", P::kMaintain, *desk_, &UpkeepDesk::CheckStore);
  table.Unary("/firebreak.v1.Upkeep/ListDamage", P::kRead, *damage_, &DamageDesk::ListDamage);
  table.Unary("/firebreak.v1.Upkeep/PlaceHold", P::kRespond, *holds_, &HoldDesk::PlaceHold);
  table.Unary("/firebreak.v1.Upkeep/LiftHold", P::kLiftQuarantine, *holds_, &HoldDesk::LiftHold);
  table.Unary("/firebreak.v1.Upkeep/ListHolds", P::kRead, *holds_, &HoldDesk::ListHolds);
  table.Unary("/firebreak.v1.Upkeep/SetQuota", P::kMaintain, *quotas_, &QuotaDesk::SetQuota);
  table.Unary("/firebreak.v1.Upkeep/ListQuotas", P::kRead, *quotas_, &QuotaDesk::ListQuotas);
  table.Unary("/firebreak.v1.Upkeep/CreateBackup", P::kMaintain, *desk_, &UpkeepDesk::CreateBackup);
  table.Unary("/firebreak.v1.Upkeep/ListBackups", P::kRead, *desk_, &UpkeepDesk::ListBackups);
  table.Unary("/firebreak.v1.Upkeep/OfferChunks", P::kActAsAgent, *damage_, &DamageDesk::OfferChunks, kContentLimits);
}

void UpkeepRoom::WireMetrics(Metrics& metrics) {
  metrics.Probe("firebreak_store_damaged_chunks", "Stored chunks known to be damaged.",
                [this] { return static_cast<double>(keeper_.damaged()); });
  metrics.Probe("firebreak_store_scrub_age_seconds", "Since every chunk was last read and found as it should be.",
                [this] { return absl::ToDoubleSeconds(scrubber_->age()); });
  metrics.Probe("firebreak_records_refused", "1 while the records are refused as older than what was seen outside.",
                [this] { return ledger_.refusal().ok() ? 0.0 : 1.0; });
  const auto last_run = [this]() -> v1::GarbageReport {
    auto run = FindRecord(ledger_.store(), keys::LastGarbageRun());
    return run.ok() && run->has_value() ? (*run)->report() : v1::GarbageReport();
  };
  metrics.Probe("firebreak_garbage_last_run_timestamp_seconds", "When garbage was last collected; 0 = never.", [last_run] {
    const v1::GarbageReport report = last_run();
    return report.has_finished_at() ? absl::ToDoubleSeconds(FromProto(report.finished_at()) - absl::UnixEpoch()) : 0.0;
  });
  metrics.Probe("firebreak_garbage_last_run_deleted_bytes", "What the last garbage collection deleted.",
                [last_run] { return static_cast<double>(last_run().bytes_deleted()); });
}

void UpkeepRoom::Start() {
  witness_ = std::make_unique<Timers>(clock_, log_);
  if (guard_) witness_->Every("witness.write", kWitnessPeriod, [this] { return guard_->WriteWitnesses(); });
  witness_->Start();
  slow_ = std::make_unique<Timers>(clock_, log_);
  slow_->Every("store.scrub", kScrubPeriod, [this] { return scrubber_->Turn(); });
  slow_->Every("store.settle", kSettlePeriod, [this] { return damage_->Settle(); });
  if (options_.gc_every > absl::ZeroDuration()) {
    slow_->Every("store.gc", options_.gc_every, [this] {
      return collector_->Collect({.actor = Identity("firebreak"), .reason = "scheduled"}).status();
    });
  }
  slow_->Start();
  started_ = true;
}

void UpkeepRoom::Stop() {
  if (!started_) return;
  started_ = false;
  slow_->Stop();
  witness_->Stop();
  const absl::Status saved = scrubber_->Save();
  if (!saved.ok()) log_.Warning("scrub.not_saved", {{"error", std::string(saved.message())}});
  if (!guard_) return;
  const absl::Status written = guard_->WriteWitnesses();
  if (!written.ok()) log_.Warning("witness.not_written", {{"error", std::string(written.message())}});
}

}  // namespace firebreak
