// What playbook runs cost: steps per second durable with 1,000 runs of ten steps in flight, beside the ledger alone with as many writers
// and commits of the same shape, in turns; memory per waiting run; restart with 10,000 waiting runs; one decision of a run of 1,000
// steps. One JSON object per round on stdout, then one for the rest. Usage: bench_runs <empty folder> [rounds] [runs in flight] [waiting]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include "firebreak/base/check.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/process.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/playbooks/playbook_shelf.h"
#include "firebreak/runs/decide.h"
#include "firebreak/runs/outcome.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/runs/run_pump.h"
#include "firebreak/runs/run_scheduler.h"
#include "firebreak/storage/keys/ledger.h"
#include "firebreak/storage/keys/playbooks.h"
#include "firebreak/storage/keys/runs.h"
#include "firebreak/storage_rocksdb/rocks_store.h"

namespace firebreak {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kWorkers = 16;
constexpr int kSteps = 10;

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Processor time of all threads so far. On a machine that does other things too it says more than the clock.
double CpuMicros() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& time) { return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec); };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

struct Rate {
  double per_second = 0;
  double cpu_micros_each = 0;
  double per_write = 0;   // commits that one synced write of the store held, on average
};

// Synced writes of the store so far.
uint64_t WritesOf(const Ledger& ledger) { return LoadRecord(ledger.store(), LogHeadKey(), "log head")->commit(); }

// Until the store has sorted what was written before: it does so in the background, and whoever is measured next would pay for it.
void AwaitCalm() {
  absl::Mutex mutex;
  const bool never = false;
  absl::MutexLock lock(&mutex);
  for (int looks = 0; looks < 100; ++looks) {
    const double cpu = CpuMicros();
    mutex.AwaitWithTimeout(absl::Condition(&never), absl::Milliseconds(200));
    if (CpuMicros() - cpu < 2000) return;
  }
}

// Changes nothing, at once.
class InstantAction final : public Action {
 public:
  InstantAction() {
    spec_.name = "bench.change";
    spec_.action_class = ActionClass::kConverge;
    spec_.inputs = {{"text", "string", true, ""}};
    spec_.outputs = {{"epoch", "int", true, ""}};
  }
  const ActionSpec& spec() const override { return spec_; }
  absl::StatusOr<ActionResult> Perform(const ActionCall&) override {
    ActionDone done;
    (*done.outputs.mutable_fields())["epoch"].set_number_value(7);
    return ActionResult(std::move(done));
  }

 private:
  ActionSpec spec_;
};

void AddCall(v1::Playbook& playbook, int number) {
  v1::Step& step = *playbook.add_steps();
  step.set_name(StrCat("step_", number));
  step.mutable_do_()->set_action("bench.change");
  v1::Argument& argument = *step.mutable_do_()->add_with();
  argument.set_name("text");
  argument.mutable_literal()->set_string_value("what a step usually says");
}

v1::StoredPlaybook TenSteps(char fill, bool asks_first) {
  v1::StoredPlaybook stored;
  stored.set_stored_by("bench");
  v1::Playbook& playbook = *stored.mutable_playbook();
  playbook.set_name("ten");
  playbook.set_digest("sha256:" + std::string(64, fill));
  if (asks_first) {
    v1::Step& ask = *playbook.add_steps();
    ask.set_name("gate");
    ask.mutable_ask()->set_question("Go on?");
    ask.mutable_ask()->add_roles("responder");
    ask.mutable_ask()->set_need(1);
    *ask.mutable_timeout() = ToProto(absl::Hours(20));
  }
  for (int i = 0; i < kSteps; ++i) AddCall(playbook, i);
  return stored;
}

// Looks a thousand times a second, so that who is measured has the processors to itself.
void AwaitThat(const std::function<bool()>& holds) {
  absl::Mutex mutex;
  const bool never = false;
  absl::MutexLock lock(&mutex);
  while (!holds()) mutex.AwaitWithTimeout(absl::Condition(&never), absl::Milliseconds(1));
}

size_t RssBytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// Everything one process of the service would have for runs.
struct Service {
  explicit Service(Ledger& opened) : ledger(opened) {
    catalogue.Add(std::make_unique<InstantAction>());
    shelf = std::make_unique<PlaybookShelf>(ledger, clock, *log, catalogue.Specs());
    desk = std::make_unique<RunDesk>(ledger, clock, *log, *shelf, catalogue.Specs());
    pump = std::make_unique<RunPump>(ledger, clock, *log, catalogue);
  }
  void StartRuns(const std::string& digest, int count, std::vector<std::string>* ids) {
    std::vector<std::thread> threads;
    std::atomic<int> next = 0;
    absl::Mutex mutex;
    Caller caller;
    caller.identity = Identity("bench");
    for (int i = 0; i < 64; ++i) {
      threads.emplace_back([&] {
        while (next++ < count) {
          v1::StartRunRequest request;
          request.set_playbook(digest);
          const auto started = desk->StartRun(caller, request);
          FIREBREAK_CHECK(started.ok());
          absl::MutexLock lock(&mutex);
          if (ids != nullptr) ids->push_back(started->run().id());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::unique_ptr<RunScheduler> NewScheduler() {
    return std::make_unique<RunScheduler>(ledger, clock, *log, *pump, RunSchedulerOptions{kWorkers, absl::Seconds(2)});
  }

  Ledger& ledger;
  SystemClock clock;
  std::unique_ptr<Log> log = Log::Silent();
  ActionCatalogue catalogue;
  std::unique_ptr<PlaybookShelf> shelf;
  std::unique_ptr<RunDesk> desk;
  std::unique_ptr<RunPump> pump;
};

// Runs that have begun, driven to their ends: commits per second. Started before the clock starts.
Rate MeasureRuns(Service& service, const std::string& digest, int runs) {
  std::vector<std::string> ids;
  service.StartRuns(digest, runs, &ids);
  AwaitCalm();
  const auto scheduler = service.NewScheduler();
  const uint64_t writes = WritesOf(service.ledger);
  const double cpu = CpuMicros();
  const auto start = SteadyClock::now();
  FIREBREAK_CHECK(scheduler->Start().ok());
  AwaitThat([&] { return scheduler->active() == 0; });
  const double took = SecondsSince(start);
  const double cpu_took = CpuMicros() - cpu;
  scheduler->Stop();
  const auto last = service.desk->GetRun(Caller(), [&] {
    v1::GetRunRequest request;
    request.set_run(ids.back());
    return request;
  }());
  FIREBREAK_CHECK(last.ok() && last->run().state() == v1::RUN_STATE_SUCCEEDED && last->run().sequence() == kSteps + 1);
  const int steps = runs * kSteps;  // the first of n + 1 commits was the start
  return {steps / took, cpu_took / steps, static_cast<double>(steps) / static_cast<double>(WritesOf(service.ledger) - writes)};
}

v1::AuditEntry EntryLikeAStep(const char* action, uint64_t number, uint64_t sequence) {
  v1::AuditEntry entry;
  entry.set_actor("firebreak");
  entry.set_action(action);
  entry.add_subjects(StrCat("run/RUN-", number));
  entry.set_summary(StrCat("RUN-", number, " step step_", sequence % kSteps, ": bench.change"));
  for (const char* fact : {"step", "action", "effect", "playbook"}) (*entry.mutable_facts())[fact] = "0123456789abcdef";
  return entry;
}

// As many commits as the runs have steps, made as a step makes them, without a run: rely on one record as it was written last, write
// it and a journal record, two entries.
Rate MeasureLedger(Ledger& ledger, const v1::PlaybookRun& run, const store::v1::RunRecord& record, int count) {
  static std::atomic<uint64_t> runs = 0;
  AwaitCalm();
  std::atomic<int> begun = 0;
  std::vector<std::thread> threads;
  const uint64_t writes = WritesOf(ledger);
  const double cpu = CpuMicros();
  const auto start = SteadyClock::now();
  for (int i = 0; i < kWorkers; ++i) {
    threads.emplace_back([&] {
      uint64_t number = 0;
      Key<v1::PlaybookRun> key;
      std::shared_ptr<const Sighting> seen;
      for (uint64_t sequence = 0; begun++ < count; ++sequence) {
        if (sequence % kSteps == 0) {   // the next of as many runs as there are
          number = ++runs;
          key = KeyBuilder("bench").Number(number).Build<v1::PlaybookRun>();
          seen = nullptr;
        }
        const auto receipt = ledger.Transact([&](Draft& draft) -> absl::Status {
          if (seen != nullptr && draft.may_rely()) {
            draft.Rely(seen);
          } else {
            RETURN_IF_ERROR(draft.Find(key).status());
          }
          draft.Put(key, run);
          draft.Put(KeyBuilder("bench-journal").Number(number).Number(sequence).Build<store::v1::RunRecord>(), record);
          for (const char* action : {"step.done", "step.started"}) draft.Record(EntryLikeAStep(action, number, sequence));
          return absl::OkStatus();
        });
        FIREBREAK_CHECK(receipt.ok());
        seen = std::make_shared<const Sighting>(Sighting{receipt->revision, {{key.bytes, receipt->revision}}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return {count / SecondsSince(start), (CpuMicros() - cpu) / count, count / static_cast<double>(WritesOf(ledger) - writes)};
}

struct Decision {
  double warm_micros = 0;   // with the run's index kept
  double load_micros = 0;   // making the index of all its steps, and the first decision
};

Decision MeasureDecision() {
  constexpr int kMany = 1000;
  v1::Playbook playbook;
  for (int i = 0; i < kMany; ++i) AddCall(playbook, i);
  const InstantAction action;
  const std::vector<const ActionSpec*> specs = {&action.spec()};
  const Program program(playbook, specs);
  v1::PlaybookRun run;
  run.set_id("RUN-1");
  run.set_state(v1::RUN_STATE_RUNNING);
  LoadedRun loaded(program, run);
  ActionDone done;
  (*done.outputs.mutable_fields())["epoch"].set_number_value(7);
  const absl::Time now = absl::FromUnixSeconds(1767225600);
  double deciding = 0;
  int decisions = 0;
  for (int i = 0; i < kMany - 10; ++i) {
    for (int half = 0; half < 2; ++half) {
      const auto start = SteadyClock::now();
      Move move = Decide(loaded, {now, ""});
      if (i >= kMany / 2) {
        deciding += SecondsSince(start);
        ++decisions;
      }
      if (auto* record = std::get_if<Record>(&move)) {
        loaded.Take(record->event);
      } else {
        loaded.Take(*OutcomeEvent(loaded, std::get<Perform>(move).path, ActionResult(done), now));
      }
    }
  }
  Decision decision;
  decision.warm_micros = deciding / decisions * 1e6;
  const v1::PlaybookRun almost = loaded.run();
  const auto start = SteadyClock::now();
  constexpr int kTimes = 50;
  for (int i = 0; i < kTimes; ++i) {
    const LoadedRun again(program, almost);
    (void)Decide(again, {now, ""});
  }
  decision.load_micros = SecondsSince(start) / kTimes * 1e6;
  return decision;
}

struct Waiting {
  double ready_seconds = 0;
  double bytes_each = 0;
};

Waiting MeasureWaiting(Service& service, const std::string& digest, int runs) {
  service.StartRuns(digest, runs, nullptr);
  {
    // Once around before anything is measured, so that the store's own caches are as they will be.
    const auto scheduler = service.NewScheduler();
    FIREBREAK_CHECK(scheduler->Start().ok());
    AwaitThat([&] { return scheduler->drives() >= static_cast<uint64_t>(runs); });
  }
  Waiting waiting;
  const size_t before = RssBytes();
  const auto scheduler = service.NewScheduler();
  const auto start = SteadyClock::now();
  FIREBREAK_CHECK(scheduler->Start().ok());
  AwaitThat([&] { return scheduler->drives() >= static_cast<uint64_t>(runs); });
  waiting.ready_seconds = SecondsSince(start);
  waiting.bytes_each = (static_cast<double>(RssBytes()) - static_cast<double>(before)) / runs;
  FIREBREAK_CHECK(scheduler->active() == static_cast<size_t>(runs));
  return waiting;
}

int Main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: bench_runs <empty folder> [rounds] [runs in flight] [waiting runs]\n");
    return 2;
  }
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 3;
  const int in_flight = count > 3 ? std::atoi(arguments[3]) : 1000;
  const int waiting_runs = count > 4 ? std::atoi(arguments[4]) : 10000;
  const auto store = OpenRocksStore({.path = arguments[1]});
  FIREBREAK_CHECK(store.ok());
  const auto signer = Ed25519Key::Generate();
  FIREBREAK_CHECK(signer.ok());
  const SystemClock clock;
  const std::unique_ptr<Log> log = Log::Silent();
  const auto ledger = Ledger::Open((*store)->meta(), clock, *log, *signer, {.origin = "firebreak.bench/audit"});
  FIREBREAK_CHECK(ledger.ok());
  const v1::StoredPlaybook straight = TenSteps('a', false);
  const v1::StoredPlaybook asking = TenSteps('b', true);
  FIREBREAK_CHECK((*ledger)->Transact([&](Draft& draft) -> absl::Status {
    for (const v1::StoredPlaybook* stored : {&straight, &asking}) draft.Put(keys::Playbook(stored->playbook().digest()), *stored);
    v1::AuditEntry entry;
    entry.set_actor("bench");
    entry.set_action("bench.began");
    entry.set_summary("a benchmark began");
    draft.Record(std::move(entry));
    return absl::OkStatus();
  }).ok());
  Service service(**ledger);
  // A run in the middle of its life, for commits of the same size.
  MeasureRuns(service, straight.playbook().digest(), 1);
  v1::PlaybookRun run = *LoadRecord((*store)->meta(), keys::Run(RunId("RUN-1")), "run");
  run.mutable_steps()->DeleteSubrange(kSteps / 2, kSteps - kSteps / 2);
  const store::v1::RunRecord record = *LoadRecord((*store)->meta(), keys::RunRecord(RunId("RUN-1"), kSteps / 2), "record");
  for (int round = 0; round < rounds; ++round) {
    Rate alone;
    if (round % 2 == 0) alone = MeasureLedger(**ledger, run, record, in_flight * kSteps);
    const Rate steps = MeasureRuns(service, straight.playbook().digest(), in_flight);
    if (round % 2 != 0) alone = MeasureLedger(**ledger, run, record, in_flight * kSteps);
    std::printf("{\"steps_per_second\": %.1f, \"ledger_commits_per_second\": %.1f, \"step_cpu_us\": %.1f, \"commit_cpu_us\": %.1f, "
                "\"steps_per_write\": %.1f, \"commits_per_write\": %.1f, \"run_bytes\": %zu, \"record_bytes\": %zu}\n",
                steps.per_second, alone.per_second, steps.cpu_micros_each, alone.cpu_micros_each, steps.per_write, alone.per_write,
                run.ByteSizeLong(), record.ByteSizeLong());
    std::fflush(stdout);
  }
  const Decision decision = MeasureDecision();
  const Waiting waiting = MeasureWaiting(service, asking.playbook().digest(), waiting_runs);
  std::printf("{\"decision_us\": %.2f, \"index_and_decision_us\": %.1f, \"waiting_runs\": %d, \"ready_s\": %.3f, \"bytes_per_waiting_run\": %.0f}\n",
              decision.warm_micros, decision.load_micros, waiting_runs, waiting.ready_seconds, waiting.bytes_each);
  return 0;
}

}  // namespace
}  // namespace firebreak

int main(int count, char** arguments) {
  firebreak::PrepareProcess();   // both sides as the service runs
  return firebreak::Main(count, arguments);
}
