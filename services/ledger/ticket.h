// Ticket: one caller's wish on its way through the committer, living on the waiting caller's stack.
#ifndef FIREBREAK_SERVICES_LEDGER_TICKET_H_
#define FIREBREAK_SERVICES_LEDGER_TICKET_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/store/v1/ledger.pb.h"

namespace firebreak {

// What a draft adds to a change, computed before it queues.
struct DraftParts {
  std::vector<std::string> bodies;   // LeafBody of each entry
  size_t operations = 0;             // at most
  size_t bytes = 0;                  // at most
};

// kInvalidArgument when the draft breaks a limit of ledger.h, has no entry, or would not fit in one commit of the store.
absl::StatusOr<DraftParts> CheckDraft(const Draft& draft, const MetaStore::Limits& limits);

// Operations a group needs beside those of its drafts: the head and its expectation, and a full tile on every level.
inline constexpr size_t kGroupOperations = 2 + 8;
inline constexpr size_t kGroupBytes = size_t{128} << 10;

// Only the ledger writes these, and it does not note them as recently written.
inline bool IsLogKey(std::string_view key) { return key.starts_with("log."); }

// Lives until it is settled: the committer does not touch it after that.
struct Ticket {
  Draft* draft = nullptr;                                                // or, for a checkpoint, null; empty once accepted
  DraftParts parts;
  std::optional<absl::FunctionRef<absl::Status(Draft&)>> build;          // builds the draft again when it lost a race
  const store::v1::SignedCheckpoint* checkpoint = nullptr;
  absl::StatusOr<Receipt> result = absl::UnknownError("not settled");
  absl::Notification done;
  void (*then)(Ticket&, absl::StatusOr<Receipt>) = nullptr;   // if set, called instead of `done`; may end the ticket's life

  void Settle(absl::StatusOr<Receipt> with) {
    if (then != nullptr) return then(*this, std::move(with));
    result = std::move(with);
    done.Notify();
  }
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_TICKET_H_
