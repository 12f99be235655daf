// A ledger over the memory store with a clock the test moves: what most tests of use cases stand on.
#ifndef FIREBREAK_TESTS_SUPPORT_LEDGER_FIXTURE_H_
#define FIREBREAK_TESTS_SUPPORT_LEDGER_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "firebreak/base/check.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/storage_memory/memory_meta_store.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak::testing {

// An entry that passes the ledger's checks.
inline v1::AuditEntry TestEntry(std::string action = "test.happened", std::vector<std::string> subjects = {}) {
  v1::AuditEntry entry;
  entry.set_actor("tester");
  entry.set_action(std::move(action));
  for (std::string& subject : subjects) entry.add_subjects(std::move(subject));
  entry.set_summary("a test did something");
  return entry;
}

// DEPS: ledger storage_memory. The clock starts at 2026-01-01T00:00:00Z.
struct LedgerFixture {
  MemoryMetaStore store;
  ManualClock clock{absl::FromUnixSeconds(1767225600)};
  std::unique_ptr<Log> log = Log::Silent();
  Ed25519Key signer = MakeKey();
  std::unique_ptr<Ledger> ledger = Open(store);

  // A ledger over a store of the test's own (a faulty wrapper around `store`, say).
  std::unique_ptr<Ledger> Open(MetaStore& over) {
    auto opened = Ledger::Open(over, clock, *log, signer, {.origin = "firebreak.test/audit"});
    FIREBREAK_CHECK(opened.ok());
    return *std::move(opened);
  }

  // Stops the ledger and opens a new one on the same store, as a restart does.
  void Restart() {
    ledger.reset();
    ledger = Open(store);
  }

 private:
  static Ed25519Key MakeKey() {
    auto key = Ed25519Key::Generate();
    FIREBREAK_CHECK(key.ok());
    return *std::move(key);
  }
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SUPPORT_LEDGER_FIXTURE_H_
