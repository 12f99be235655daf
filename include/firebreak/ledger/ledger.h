// Ledger: the only way to change state. One committer thread checks drafts in order, appends their audit entries to a Merkle
// log (RFC 6962 hashing) and writes many callers' drafts in one synced batch: state and audit entry are one commit or none.
#ifndef FIREBREAK_LEDGER_LEDGER_H_
#define FIREBREAK_LEDGER_LEDGER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/crash_points.h"
#include "firebreak/base/log.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/storage/meta_store.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

// What one draft may hold; also what keeps an audit entry readable.
inline constexpr size_t kDraftWritesMax = 100;
inline constexpr size_t kDraftReadsMax = 1000;
inline constexpr size_t kDraftBytesMax = size_t{1} << 20;
inline constexpr size_t kDraftEntriesMax = 16;
inline constexpr size_t kEntryBytesMax = 4096;

struct Receipt {
  uint64_t revision = 0;
  uint64_t first_index = 0;   // log index of the draft's first entry; the others follow
};

struct LedgerOptions {
  std::string origin;                 // name of the log, firebreak.<host>/audit
  size_t queue_max = 4096;            // drafts waiting; past it Commit answers kResourceExhausted
  int transact_attempts_max = 16;
  // For tests of recovery, may be null: before-<action> and after-<action> around the commit of an entry with that action.
  const CrashPoints* crash_points = nullptr;
};

// Thread-safe. `store`, `clock`, `log` and `signer` outlive it.
class Ledger {
 public:
  // Recomputes the frontier and refuses (kDataLoss) when the last signed checkpoint is not a prefix of the log found.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(MetaStore& store, const Clock& clock, Log& log,
                                                      const Ed25519Key& signer, LedgerOptions options);
  ~Ledger();   // commits what is queued, then stops

  // Blocks until durable. kAborted: something read has changed (load again, decide again). kUnavailable: outcome unknown.
  // Limits per draft (above): past them, without an entry, or with one that lacks actor or action: kInvalidArgument.
  // kResourceExhausted: the queue or the disk is full, nothing was written. A draft without writes is only recorded.
  // The draft is spent, whatever comes of it.
  absl::StatusOr<Receipt> Commit(Draft& draft);

  // Builds a draft and commits it; builds again when what it read has changed, at most transact_attempts_max times. `build`
  // may run more than once, also on the committer's thread while the caller waits: it must only touch the draft (and what
  // the waiting caller owns), read through the draft, never commit, and never wait for a lock that is held over a Commit.
  // Start every run afresh: clear captured results first. Its error is returned as it is; nothing is written then. A draft
  // that neither writes nor records is nothing to do: OK with revision 0.
  absl::StatusOr<Receipt> Transact(absl::FunctionRef<absl::Status(Draft&)> build);

  // Transact for callers who must not wait: `build` runs here once and on the committer's thread when a race was lost, and
  // what it refers to lives until `done`. `done` is called exactly once, before the ledger is gone: on the committer's
  // thread, where it must neither block nor commit, or here when nothing was queued.
  using Done = std::function<void(absl::StatusOr<Receipt>)>;
  void TransactThen(std::function<absl::Status(Draft&)> build, Done done);

  // Called on the committer thread after each commit, entries in index order; must not block or commit. Hints only: a
  // watcher that was not there reads the log. The watch ends when the answer is destroyed: the destructor waits for a call
  // that is running, so the watcher itself must not destroy it.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  using Watcher = std::function<void(const std::vector<v1::AuditEntry>&)>;
  [[nodiscard]] std::unique_ptr<Watch> AddWatcher(Watcher watcher);

  // From now on every commit and every new checkpoint answers `why`; reads go on. OK ends the refusal. For a log that
  // turned out to be older than, or another than, the one the outside has seen: see upkeep/rollback_guard.h.
  void Refuse(absl::Status why);
  absl::Status refusal() const;   // OK when commits are taken

  const MetaStore& store() const;
  uint64_t size() const;   // entries committed
  // Root over the first `size` entries, 32 raw bytes. kInvalidArgument past size().
  absl::StatusOr<std::string> Root(uint64_t size) const;

  // Newest checkpoint as a signed note (C2SP tlog-checkpoint); signs one now if entries were added since.
  absl::StatusOr<std::string> SignCheckpoint();
  // The same over the first `size` entries, for a reader that started on an older checkpoint. kInvalidArgument past size().
  absl::StatusOr<std::string> SignCheckpointAt(uint64_t size);
  std::string verifier_key() const;   // vkey

  // Proofs from stored tiles, O(log size) reads; sizes past size() are kInvalidArgument. See ledger/merkle.h.
  absl::StatusOr<std::vector<std::string>> ProveInclusion(uint64_t index, uint64_t size) const;
  absl::StatusOr<std::vector<std::string>> ProveConsistency(uint64_t old_size, uint64_t new_size) const;

  // RPC-shaped reads are in ledger/audit_desk.h, reads of entries in ledger/entries.h.

 private:
  class Core;
  explicit Ledger(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_LEDGER_H_
