// The desks of upkeep over memory stores, with small snapshots pushed through the vault's handlers. DEPS: upkeep snapshots
// transfer ledger storage_memory.
#ifndef FIREBREAK_TESTS_SUPPORT_UPKEEP_FIXTURE_H_
#define FIREBREAK_TESTS_SUPPORT_UPKEEP_FIXTURE_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"
#include "firebreak/upkeep/chunk_keeper.h"
#include "firebreak/upkeep/damage_desk.h"
#include "firebreak/upkeep/deletion_desk.h"
#include "firebreak/upkeep/garbage_collector.h"
#include "firebreak/upkeep/hold_desk.h"
#include "tests/support/vault_fixture.h"

namespace firebreak::testing {

// One process's worth of objects; a restart makes new ones on the same stores.
struct UpkeepProcess {
  UpkeepProcess(Ledger& ledger, ChunkStore& disk, const Clock& clock, Log& log)
      : keeper(disk, clock, {.pin_filter_bytes = 4096}),
        vault(ledger, keeper, clock, log),
        holds(ledger, vault, clock),
        deletions(ledger, vault, holds, clock),
        damage(ledger, keeper, vault, clock, log, nullptr),
        collector(ledger, keeper, clock, log,
                  {.why_kept = [this](Draft& draft, const std::string& digest) { return deletions.WhyKept(draft, digest); }}) {
    FIREBREAK_CHECK(collector.Open().ok());
    FIREBREAK_CHECK(damage.Open().ok());
  }
  ChunkKeeper keeper;
  SnapshotVault vault;
  HoldDesk holds;
  DeletionDesk deletions;
  DamageDesk damage;
  GarbageCollector collector;
};

struct UpkeepFixture {
  LedgerFixture base;
  MemoryChunkStore disk;
  EcPrivateKey key = NewKey();
  Caller caller{Identity("alice"), {v1::ROLE_ADMIN}, absl::InfiniteFuture(), AgentName()};
  ScratchFolder scratch;
  int folders = 0;
  std::unique_ptr<UpkeepProcess> now = Start();

  UpkeepFixture() {
    v1::TrustSignerRequest request;
    request.set_name("release");
    request.set_public_key_pem(key.public_key().pem());
    FIREBREAK_CHECK(now->vault.TrustSigner(caller, request).ok());
  }
  std::unique_ptr<UpkeepProcess> Start() { return std::make_unique<UpkeepProcess>(*base.ledger, disk, base.clock, *base.log); }
  void Restart() {
    now.reset();
    now = Start();
  }

  PushOptions Options(const Files& files, const std::string& name, v1::SnapshotKind kind = v1::SNAPSHOT_KIND_MODEL) {
    PushOptions options;
    options.folder = std::filesystem::path(scratch.path()) / absl::StrCat("f", ++folders);
    std::filesystem::create_directories(options.folder);
    WriteFiles(options.folder, files);
    options.kind = kind;
    options.name = name;
    options.signing_key = key;
    options.limits.threads = 1;
    return options;
  }
  absl::StatusOr<PushResult> PushOnly(const PushOptions& options) {
    VaultPort port(now->vault, caller);
    return PushFolder(port, options);
  }
  v1::Snapshot Push(const std::string& name, const Files& files, const std::vector<std::string>& parents = {},
                    v1::SnapshotKind kind = v1::SNAPSHOT_KIND_MODEL) {
    PushOptions options = Options(files, name, kind);
    for (const std::string& parent : parents) {
      v1::LineageEdge edge;
      edge.set_relation(v1::LINEAGE_RELATION_TRAINED_ON);
      edge.set_parent_name(parent);
      options.lineage.push_back(edge);
    }
    auto result = PushOnly(options);
    if (!result.ok()) CheckFailed(result.status().ToString().c_str(), __FILE__, __LINE__);
    return result->snapshot;
  }
  absl::Status Delete(const std::string& name) {
    v1::DeleteSnapshotRequest request;
    request.set_snapshot(name);
    request.set_reason("not needed");
    return now->deletions.DeleteSnapshot(caller, request).status();
  }
  absl::StatusOr<v1::GarbageReport> Collect(bool dry_run = false) {
    base.clock.Advance(absl::Minutes(1));   // past the settle time
    return now->collector.Collect({.actor = Identity("alice"), .reason = "test", .dry_run = dry_run});
  }

  // What the records name, and of that what the disk lacks.
  std::set<std::string> Named() {
    std::set<std::string> named;
    auto add = [&](const std::string& raw) { named.insert(raw); };
    auto manifests = ListRecords(base.store, keys::SnapshotManifests(), "", 10'000);
    for (const auto& [row, manifest] : manifests->records) {
      for (const store::v1::PageRef& page : manifest.pages()) {
        add(page.digest());
        v1::ManifestPage files;
        auto bytes = disk.Get(Digest::FromRaw(page.digest()));
        if (bytes.ok()) files.ParseFromString(*bytes);
        for (const v1::FileEntry& file : files.files()) {
          for (const v1::ChunkRef& chunk : file.chunks()) add(chunk.digest());
        }
      }
    }
    auto signatures = ListRecords(base.store, keys::AllSnapshotSignatures(), "", 10'000);
    for (const auto& [row, signature] : signatures->records) {
      for (const v1::ChunkRef& chunk : signature.bundle_chunks()) add(chunk.digest());
    }
    return named;
  }
  std::vector<std::string> Lost() {
    std::vector<std::string> lost;
    for (const std::string& raw : Named()) {
      if (!disk.Get(Digest::FromRaw(raw)).ok()) lost.push_back(ToHex(raw));
    }
    return lost;
  }
  bool Recorded(const std::string& action) {
    auto page = ListEntries(base.store, 0, 10'000);
    for (const v1::AuditEntry& entry : page->entries) {
      if (entry.action() == action) return true;
    }
    return false;
  }
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SUPPORT_UPKEEP_FIXTURE_H_
