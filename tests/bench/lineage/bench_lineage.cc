// How long the blast radius takes over a store of many snapshots: half of them made, directly or not, from one dataset, the rest in
// families of ten, with 200 deployments and 1,000 agents. One JSON object on stdout. Usage:
// bench_lineage <empty folder> [snapshots] [questions per figure]
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "firebreak/base/check.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/lineage/lineage_desk.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/fleet.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage_rocksdb/rocks_store.h"

namespace firebreak {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kPerDraft = 12;
constexpr size_t kFamily = 10;
constexpr int kWriters = 16;
constexpr int kDeployments = 200;
constexpr int kAgentsEach = 5;
constexpr char kAllKey[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
constexpr char kFewKey[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

double Millis(SteadyClock::time_point since) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - since).count();
}

template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "bench_lineage: %s\n", value.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(value);
}

std::string NameOf(size_t i) { return StrCat("n", i); }
std::string DigestText(size_t i) { return Sha256(NameOf(i)).text(); }

// Node 0 is the dataset; up to half each was made from an earlier one of the half; behind it families of ten.
std::vector<v1::Snapshot> Generate(size_t count) {
  std::mt19937 random(1);
  std::vector<v1::Snapshot> all(count);
  const size_t half = count / 2;
  for (size_t i = 0; i < count; ++i) {
    v1::Snapshot& snapshot = all[i];
    const bool root = i == 0 || (i > half && (i - half) % kFamily == 1);
    snapshot.set_digest(DigestText(i));
    snapshot.set_kind(root ? v1::SNAPSHOT_KIND_DATASET : v1::SNAPSHOT_KIND_MODEL);
    snapshot.set_name(NameOf(i));
    snapshot.set_version(1);
    snapshot.set_size_bytes(1 << 20);
    snapshot.mutable_signature()->set_key_id(i % 1000 == 999 ? kFewKey : kAllKey);
    if (root) continue;
    const size_t first = i <= half ? 0 : half + ((i - half - 1) / kFamily) * kFamily + 1;
    const size_t parent = first + random() % (i - first);
    v1::LineageEdge& edge = *snapshot.add_lineage();
    edge.set_relation(parent == first ? v1::LINEAGE_RELATION_TRAINED_ON : v1::LINEAGE_RELATION_FINE_TUNED_FROM);
    edge.set_parent_digest(DigestText(parent));
    edge.set_parent_name(SnapshotName(all[parent]));
  }
  return all;
}

v1::AuditEntry Entry(const std::string& subject) {
  v1::AuditEntry entry;
  entry.set_actor("bench");
  entry.set_action("snapshot.pushed");
  entry.set_summary("written by the benchmark");
  entry.add_subjects(subject);
  return entry;
}

absl::Status Put(Draft& draft, const v1::Snapshot& snapshot) {
  const std::string_view kind = KindText(snapshot.kind());
  draft.Put(keys::SnapshotByDigest(snapshot.digest()), snapshot);
  draft.Put(keys::SnapshotVersion(kind, snapshot.name(), 1), snapshot);
  store::v1::SnapshotSeries series;
  series.set_newest_version(1);
  series.set_name(SnapshotName(snapshot.kind(), snapshot.name(), 0));
  draft.Put(keys::SnapshotSeries(kind, snapshot.name()), series);
  for (const v1::LineageEdge& edge : snapshot.lineage()) {
    v1::LineageEdge child = edge;
    child.set_parent_digest(snapshot.digest());
    child.set_parent_name(SnapshotName(snapshot));
    draft.Put(keys::SnapshotChild(edge.parent_digest(), snapshot.digest(), static_cast<uint64_t>(edge.relation())), child);
  }
  store::v1::StoredSignature signature;
  *signature.mutable_summary() = snapshot.signature();
  draft.Put(keys::SnapshotSignature(snapshot.digest(), snapshot.signature().key_id()), signature);
  store::v1::SignedRef ref;
  ref.set_name(SnapshotName(snapshot));
  ref.set_digest(snapshot.digest());
  draft.Put(keys::SnapshotSignedBy(snapshot.signature().key_id(), snapshot.digest()), ref);
  return absl::OkStatus();
}

void Fill(Ledger& ledger, const std::vector<v1::Snapshot>& all) {
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (size_t from = static_cast<size_t>(w) * kPerDraft; from < all.size(); from += kPerDraft * kWriters) {
        Must(ledger.Transact([&](Draft& draft) {
          for (size_t i = from; i < std::min(all.size(), from + kPerDraft); ++i) RETURN_IF_ERROR(Put(draft, all[i]));
          draft.Record(Entry("bench/fill"));
          return absl::OkStatus();
        }));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
}

void Deploy(Ledger& ledger, const std::vector<v1::Snapshot>& all, int number, std::mt19937& random) {
  v1::Deployment deployment;
  deployment.set_name(StrCat("d", number));
  for (int i = 0; i < 5; ++i) {
    size_t at = random() % all.size();
    while (all[at].kind() != v1::SNAPSHOT_KIND_MODEL) at = random() % all.size();
    v1::Release& release = *deployment.add_history()->mutable_release();
    release.set_digest(StrCat("sha256:r", at));
    release.set_model_digest(all[at].digest());
    release.set_model_name(SnapshotName(all[at]));
    *deployment.mutable_wanted() = release;
  }
  Must(ledger.Transact([&](Draft& draft) {
    draft.Put(DeploymentKey(DeploymentName(deployment.name())), deployment);
    for (int i = 0; i < kAgentsEach; ++i) {
      store::v1::AgentProof proof;
      proof.set_agent(StrCat("d", number, "a", i));
      proof.mutable_proof()->set_release_digest(deployment.wanted().digest());
      draft.Put(AgentProofKey(DeploymentName(deployment.name()), AgentName(proof.agent())), proof);
    }
    draft.Record(Entry(StrCat("deployment/", deployment.name())));
    return absl::OkStatus();
  }));
}

// This thread's own time on a processor: what the work costs where the machine is not ours alone.
double CpuMillis() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// p50 and p99 of `questions` calls in milliseconds, by the clock and on the processor.
std::string Measure(std::string_view name, int questions, const std::function<void(int)>& ask) {
  std::vector<double> millis, cpu;
  for (int i = 0; i < questions; ++i) {
    const auto began = SteadyClock::now();
    const double cpu_began = CpuMillis();
    ask(i);
    cpu.push_back(CpuMillis() - cpu_began);
    millis.push_back(Millis(began));
  }
  std::sort(millis.begin(), millis.end());
  std::sort(cpu.begin(), cpu.end());
  char text[200];
  std::snprintf(text, sizeof text, "\"%.*s\":{\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"cpu_p50_ms\":%.3f,\"cpu_p99_ms\":%.3f}",
                static_cast<int>(name.size()), name.data(), millis[millis.size() / 2], millis[millis.size() * 99 / 100],
                cpu[cpu.size() / 2], cpu[cpu.size() * 99 / 100]);
  return text;
}

int Run(const std::string& folder, size_t count, int questions) {
  const SystemClock clock;
  const auto log = Log::Silent();
  const auto store = Must(OpenRocksStore({.path = folder}));
  const Ed25519Key signer = Must(Ed25519Key::Generate());
  const auto ledger = Must(Ledger::Open(store->meta(), clock, *log, signer, {.origin = "firebreak.bench/audit"}));
  const std::vector<v1::Snapshot> all = Generate(count);
  Fill(*ledger, all);
  std::mt19937 random(2);
  for (int i = 0; i < kDeployments; ++i) Deploy(*ledger, all, i, random);

  SnapshotVault vault(*ledger, store->chunks(), clock, *log);
  LineageDesk desk(*ledger, vault, clock);
  const Caller caller{Identity("bench"), {v1::ROLE_ADMIN}, absl::InfiniteFuture(), AgentName()};
  const auto blast = [&](const std::string& of) {
    v1::BlastRadiusRequest request;
    request.set_of(of);
    return Must(desk.BlastRadius(caller, request));
  };
  const double cpu_began = CpuMillis();
  const auto began = SteadyClock::now();
  const v1::BlastRadiusResponse first = blast(all[0].digest());
  const double build = Millis(began);
  const double build_cpu = CpuMillis() - cpu_began;
  std::string out = StrCat("{\"snapshots\":", count, ",\"reached\":", first.models_total() + first.datasets_total(),
                           ",\"releases\":", first.releases_total(), ",\"agents\":", first.agents_total());
  char built[96];
  std::snprintf(built, sizeof built, ",\"build_ms\":%.1f,\"build_cpu_ms\":%.1f", build, build_cpu);
  out += built;
  const auto family = [&](int i) { return all[count / 2 + 1 + static_cast<size_t>(i) % (count / 2 / kFamily) * kFamily].digest(); };
  StrAppend(&out, ",", Measure("small", questions, [&](int i) { blast(family(i)); }));
  StrAppend(&out, ",", Measure("huge", questions, [&](int) { blast(all[0].digest()); }));
  StrAppend(&out, ",", Measure("key_small", questions, [&](int) { blast(kFewKey); }));
  StrAppend(&out, ",", Measure("key_huge", questions, [&](int) { blast(kAllKey); }));
  StrAppend(&out, ",", Measure("after_a_decision", questions, [&](int i) {
    Deploy(*ledger, all, i % kDeployments, random);
    blast(family(i));
  }));
  StrAppend(&out, ",", Measure("gate_lineage", questions, [&](int i) {
    Must(vault.Resolve(all[count / 2 - static_cast<size_t>(i) % (count / 4)].digest()));
  }));
  std::printf("%s}\n", out.c_str());
  return 0;
}

}  // namespace
}  // namespace firebreak

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: bench_lineage <empty folder> [snapshots] [questions per figure]\n", stderr);
    return 2;
  }
  const size_t snapshots = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
  const int questions = argc > 3 ? std::atoi(argv[3]) : 200;
  return firebreak::Run(argv[1], std::max<size_t>(snapshots, 100), std::max(questions, 1));
}
