// Group: many callers' drafts becoming one Change. Drafts are checked in order against the store and the drafts before them.
#ifndef FIREBREAK_SERVICES_LEDGER_GROUP_H_
#define FIREBREAK_SERVICES_LEDGER_GROUP_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/ledger/tiles.h"
#include "firebreak/storage/meta_store.h"
#include "overlay.h"
#include "recent_writes.h"
#include "ticket.h"

namespace firebreak {

// Used by the committer's thread alone, for one commit. `store`, `recent` and the tickets outlive it.
class Group {
 public:
  // `time` is stamped on every entry. Entries are kept for watchers only if somebody watches.
  enum class KeepEntries { kNo, kYes };
  Group(const MetaStore& store, const RecentWrites& recent, const TreeEdge& edge, absl::Time time, KeepEntries keep);

  // False when the ticket does not fit any more: it opens the next group. Whatever becomes of the ticket is settled by
  // SettleAll, because even a refusal may rest on drafts of this group.
  bool Add(Ticket& ticket);

  bool full() const { return tickets_.size() >= kTicketsMax; }
  // Nothing to write: every ticket was refused or had nothing to do.
  bool nothing_to_write() const { return !writes_something_; }

  Change TakeChange(uint64_t head_revision, uint64_t commit);

  // Once, after the commit: with the revision it got, or with the error every ticket of the group is answered.
  void SettleAll(const absl::StatusOr<uint64_t>& revision);

  const TreeEdge& edge() const { return edge_; }
  absl::Time time() const { return time_; }
  const std::vector<v1::AuditEntry>& entries() const { return entries_; }
  // RecentWrites::HashOf every key the drafts write.
  const absl::flat_hash_set<uint64_t>& written() const { return written_; }

 private:
  // What a ticket gets if the commit succeeds.
  struct Outcome {
    Ticket* ticket;
    absl::StatusOr<Receipt> result;
    bool written;
  };

  static constexpr size_t kTicketsMax = 1024;
  static constexpr size_t kBytesMax = size_t{8} << 20;   // bounds how long one commit holds up the next

  bool Fits(const DraftParts& parts) const;
  // The table of the first key the draft read that has changed since; empty when there is none.
  absl::StatusOr<std::string> FindConflict(const Draft& draft) const;
  // Whether `key`, read at `revision` when all commits up to `as_of` were visible, is what was read.
  absl::StatusOr<bool> Holds(std::string_view key, uint64_t revision, uint64_t as_of) const;
  bool Rebuild(Ticket& ticket);
  void Accept(Ticket& ticket, Draft& draft, DraftParts parts);
  void Refuse(Ticket& ticket, absl::Status why) { tickets_.push_back({&ticket, std::move(why), false}); }

  const MetaStore::Limits limits_;
  const RecentWrites& recent_;
  const absl::Time time_;
  const std::string time_text_;
  const KeepEntries keep_;
  Overlay overlay_;
  TreeEdge edge_;
  std::vector<Tile> full_tiles_;
  std::vector<std::pair<std::string, std::string>> log_puts_;
  std::vector<v1::AuditEntry> entries_;
  absl::flat_hash_set<uint64_t> written_;
  std::vector<Outcome> tickets_;
  size_t operations_ = kGroupOperations;
  size_t bytes_ = kGroupBytes;
  bool writes_something_ = false;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_GROUP_H_
