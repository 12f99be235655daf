// Commits per second of the ledger with 1, 32 and 256 writers beside the disk's own append + fdatasync, taken in turns. Every
// commit is one record of 400 bytes and one audit entry; "like_alerts_32" reads and writes what the commit of one new alert
// does (three reads, one of a record that is not there; two records; one entry about two subjects). One JSON object per round
// on stdout. With --serve the same alert-like commits are made by 32 writers on behalf of HTTP connections, one each, read and
// answered with as little work as HTTP allows: what is left of the ledger's rate when a load generator asks for it. Usage:
// bench_ledger <empty folder> [rounds] [seconds per figure]
// bench_ledger <empty folder> --serve          prints its port; ends with its standard input
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "firebreak/base/check.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/process.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/storage/keys.h"
#include "firebreak/storage_rocksdb/rocks_store.h"
#include "serve.h"

namespace firebreak {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Measured {
  double per_second = 0;
  double p50_micros = 0;
  double p99_micros = 0;
};

// `operation` called by `threads` threads for `seconds`.
Measured Measure(int threads, double seconds, const std::function<void()>& operation) {
  std::vector<std::vector<double>> micros(static_cast<size_t>(threads));
  const auto start = SteadyClock::now();
  std::vector<std::thread> workers;
  for (std::vector<double>& mine : micros) {
    workers.emplace_back([&] {
      for (auto began = start; std::chrono::duration<double>(began - start).count() < seconds;) {
        operation();
        const auto ended = SteadyClock::now();
        mine.push_back(std::chrono::duration<double, std::micro>(ended - began).count());
        began = ended;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  const std::chrono::duration<double> took = SteadyClock::now() - start;
  std::vector<double> all;
  for (const std::vector<double>& mine : micros) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  return {static_cast<double>(all.size()) / took.count(), all[all.size() / 2], all[all.size() * 99 / 100]};
}

Measured MeasureRaw(const std::string& folder, double seconds) {
  const std::string path = folder + "/raw";
  const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  FIREBREAK_CHECK(file >= 0);
  const std::string record(512, 'r');
  const Measured measured = Measure(1, seconds, [&] {
    FIREBREAK_CHECK(write(file, record.data(), record.size()) == static_cast<ssize_t>(record.size()));
    FIREBREAK_CHECK(fdatasync(file) == 0);
  });
  close(file);
  unlink(path.c_str());
  return measured;
}

Measured MeasureCommits(Ledger& ledger, int writers, double seconds) {
  static std::atomic<uint64_t> next = 0;
  v1::AuditEntry record;
  record.set_summary(std::string(400, 'v'));
  return Measure(writers, seconds, [&] {
    const uint64_t number = ++next;
    const absl::StatusOr<Receipt> receipt = ledger.Transact([&](Draft& draft) {
      draft.Put(KeyBuilder("bench").Number(number).Build<v1::AuditEntry>(), record);
      v1::AuditEntry entry;
      entry.set_actor("bench");
      entry.set_action("bench.written");
      entry.add_subjects(StrCat("bench/", number));
      entry.set_summary("a benchmark wrote one record");
      draft.Record(std::move(entry));
      return absl::OkStatus();
    });
    FIREBREAK_CHECK(receipt.ok());
  });
}

void CommitLikeAnAlert(Ledger& ledger) {
  static std::atomic<uint64_t> next = 0;
  static const v1::AuditEntry alert = [] {
    v1::AuditEntry record;
    record.set_summary(std::string(400, 'a'));
    return record;
  }();
  const auto key = [](std::string_view table, uint64_t number) {
    return KeyBuilder(table).Number(number).Build<v1::AuditEntry>();
  };
  const uint64_t number = ++next;
  const uint64_t incident = number % 20;
  const absl::StatusOr<Receipt> receipt = ledger.Transact([&](Draft& draft) -> absl::Status {
    RETURN_IF_ERROR(draft.Find(key("alert", number)).status());
    RETURN_IF_ERROR(draft.Find(key("pointer", incident)).status());
    RETURN_IF_ERROR(draft.Find(key("incident", incident)).status());
    draft.Put(key("alert", number), alert);
    v1::AuditEntry mark;
    mark.set_summary(std::string(12, 'm'));
    draft.Put(key("mark", number), mark);
    v1::AuditEntry entry;
    entry.set_actor("prometheus");
    entry.set_action("alert.raised");
    entry.add_subjects(StrCat("incident/INC-", incident));
    entry.add_subjects(StrCat("alert/", 1'000'000'000'000'000 + number));
    entry.set_summary(StrCat("LatencyHigh fires (INC-", incident, ")"));
    (*entry.mutable_facts())["alerts"] = "1";
    (*entry.mutable_facts())["intake"] = "alertmanager-v2";
    draft.Record(std::move(entry));
    return absl::OkStatus();
  });
  FIREBREAK_CHECK(receipt.ok());
}

// The incidents that alert-like commits read.
void OpenIncidents(Ledger& ledger) {
  for (uint64_t incident = 0; incident < 20; ++incident) {
    FIREBREAK_CHECK(ledger.Transact([&](Draft& draft) {
      v1::AuditEntry record;
      record.set_summary(std::string(200, 'i'));
      for (std::string_view table : {"pointer", "incident"}) {
        draft.Put(KeyBuilder(table).Number(incident).Build<v1::AuditEntry>(), record);
      }
      record.set_actor("bench");
      record.set_action("incident.opened");
      draft.Record(record);
      return absl::OkStatus();
    }).ok());
  }
}

std::string Json(const char* name, const Measured& measured) {
  char text[160];
  std::snprintf(text, sizeof(text), "\"%s\": {\"per_second\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f}", name,
                measured.per_second, measured.p50_micros, measured.p99_micros);
  return text;
}

int Main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: bench_ledger <empty folder> [rounds] [seconds per figure] | --serve\n");
    return 2;
  }
  const std::string folder = arguments[1];
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 1;
  const double seconds = count > 3 ? std::atof(arguments[3]) : 2;
  const auto store = OpenRocksStore({.path = folder});
  FIREBREAK_CHECK(store.ok());
  const auto signer = Ed25519Key::Generate();
  FIREBREAK_CHECK(signer.ok());
  const SystemClock clock;
  const std::unique_ptr<Log> log = Log::Silent();
  const auto ledger = Ledger::Open((*store)->meta(), clock, *log, *signer, {.origin = "firebreak.bench/audit"});
  FIREBREAK_CHECK(ledger.ok());
  OpenIncidents(**ledger);
  if (count > 2 && std::string_view(arguments[2]) == "--serve") {
    bench::ServeConnections([&] { CommitLikeAnAlert(**ledger); });
    return 0;
  }
  for (int round = 0; round < rounds; ++round) {
    std::string line = "{" + Json("raw", MeasureRaw(folder, seconds));
    line += ", " + Json("writers_1", MeasureCommits(**ledger, 1, seconds));
    line += ", " + Json("writers_32", MeasureCommits(**ledger, 32, seconds));
    line += ", " + Json("like_alerts_32", Measure(32, seconds, [&] { CommitLikeAnAlert(**ledger); }));
    line += ", " + Json("writers_256", MeasureCommits(**ledger, 256, seconds)) + "}";
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace firebreak

int main(int count, char** arguments) {
  firebreak::PrepareProcess();   // as the service has it
  return firebreak::Main(count, arguments);
}
