#include "group.h"

#include <algorithm>

#include "firebreak/base/clock.h"
#include "firebreak/base/status.h"
#include "firebreak/storage/keys/ledger.h"
#include "leaf.h"

namespace firebreak {

Group::Group(const MetaStore& store, const RecentWrites& recent, const TreeEdge& edge, absl::Time time, KeepEntries keep)
    : limits_(store.limits()), recent_(recent), time_(time), time_text_(LeafTimeText(time)), keep_(keep), overlay_(store), edge_(edge) {}

bool Group::Fits(const DraftParts& parts) const {
  if (tickets_.empty()) return true;   // CheckDraft saw to it that one draft alone always fits
  return operations_ + parts.operations <= limits_.operations_max &&
         bytes_ + parts.bytes <= std::min(limits_.bytes_max, kBytesMax);
}

bool Group::Add(Ticket& ticket) {
  if (ticket.checkpoint != nullptr) {
    const std::string bytes = ticket.checkpoint->SerializeAsString();
    const DraftParts parts{.bodies = {}, .operations = 1, .bytes = bytes.size()};
    if (!Fits(parts)) return false;
    operations_ += parts.operations;
    bytes_ += parts.bytes;
    overlay_.Write(LogCheckpointKey().bytes, bytes);
    writes_something_ = true;
    tickets_.push_back({&ticket, Receipt{}, true});
    return true;
  }
  if (!Fits(ticket.parts)) return false;
  absl::StatusOr<std::string> conflict = FindConflict(*ticket.draft);
  if (!conflict.ok()) {
    Refuse(ticket, conflict.status());
  } else if (conflict->empty()) {
    Accept(ticket, *ticket.draft, std::move(ticket.parts));
  } else if (ticket.build) {
    return Rebuild(ticket);
  } else {
    Refuse(ticket, absl::AbortedError(StrCat("a record of table ", *conflict, " has changed since it was read")));
  }
  return true;
}

absl::StatusOr<std::string> Group::FindConflict(const Draft& draft) const {
  const auto table_of = [](const std::string& key) { return key.substr(0, key.find('\0')); };
  for (const auto& [key, revision] : draft.reads()) {
    ASSIGN_OR_RETURN(const bool holds, Holds(key, revision, draft.as_of()));
    if (!holds) return table_of(key);
  }
  for (const auto& sighting : draft.sightings()) {
    for (const auto& [key, revision] : sighting->reads) {
      ASSIGN_OR_RETURN(const bool holds, Holds(key, revision, sighting->as_of));
      if (!holds) return table_of(key);
    }
  }
  return std::string();
}

absl::StatusOr<bool> Group::Holds(std::string_view key, uint64_t revision, uint64_t as_of) const {
  if (as_of == Draft::kNothingMoves) return true;
  const uint64_t hash = RecentWrites::HashOf(key);
  if (written_.contains(hash) && overlay_.writes().contains(key)) return false;   // by a draft of this group
  // Without a revision to go by the store is asked; and the log's own writes are not noted.
  const bool known = as_of != 0 && recent_.Covers(as_of) && !IsLogKey(key);
  if (known && !recent_.MayBeWrittenAfter(as_of, hash)) return true;
  ASSIGN_OR_RETURN(std::optional<Stored> stored, overlay_.Get(key));
  return (stored ? stored->revision : 0) == revision;
}

// On this thread nothing can change under the draft, so one more attempt is enough however contended a key is; retrying on
// the caller's thread would let only one of n callers through per commit.
bool Group::Rebuild(Ticket& ticket) {
  Draft draft(overlay_, Draft::kNothingMoves);
  if (absl::Status built = (*ticket.build)(draft); !built.ok()) {
    Refuse(ticket, built);
    return true;
  }
  if (draft.writes().empty() && draft.entries().empty()) {
    tickets_.push_back({&ticket, Receipt{}, false});
    return true;
  }
  absl::StatusOr<DraftParts> parts = CheckDraft(draft, limits_);
  if (!parts.ok()) {
    Refuse(ticket, parts.status());
    return true;
  }
  if (!Fits(*parts)) return false;
  absl::StatusOr<std::string> conflict = FindConflict(draft);   // an expectation carried in from outside may still fail
  if (!conflict.ok()) {
    Refuse(ticket, conflict.status());
  } else if (!conflict->empty()) {
    Refuse(ticket, absl::AbortedError(StrCat("a record of table ", *conflict, " has changed since it was read")));
  } else {
    Accept(ticket, draft, *std::move(parts));
  }
  return true;
}

void Group::Accept(Ticket& ticket, Draft& draft, DraftParts parts) {
  for (auto& [key, value] : draft.TakeWrites()) {
    overlay_.Write(key, std::move(value));
    written_.insert(RecentWrites::HashOf(key));
  }
  const uint64_t first_index = edge_.size();
  std::vector<v1::AuditEntry> entries = draft.TakeEntries();
  for (size_t i = 0; i < entries.size(); ++i) {
    v1::AuditEntry& entry = entries[i];
    const uint64_t index = edge_.size();
    store::v1::LogLeaf leaf;
    leaf.set_json(MakeLeaf(index, time_text_, parts.bodies[i]));
    edge_.Append(LeafHash(leaf.json()), &full_tiles_);
    log_puts_.emplace_back(LogLeafKey(index).bytes, leaf.SerializeAsString());
    const auto& subjects = entry.subjects();
    for (auto subject = subjects.begin(); subject != subjects.end(); ++subject) {
      if (std::find(subjects.begin(), subject, *subject) != subject) continue;   // named twice
      log_puts_.emplace_back(SubjectKey(*subject, index).bytes, std::string());
    }
    if (keep_ == KeepEntries::kYes) {
      v1::AuditEntry& kept = entries_.emplace_back(std::move(entry));
      kept.set_index(index);
      *kept.mutable_time() = ToProto(time_);
    }
  }
  operations_ += parts.operations;
  bytes_ += parts.bytes;
  writes_something_ = true;
  tickets_.push_back({&ticket, Receipt{.revision = 0, .first_index = first_index}, true});
}

Change Group::TakeChange(uint64_t head_revision, uint64_t commit) {
  Change change;
  // The one expectation the store must check: nobody else has written since. All others were checked here.
  change.expects.push_back({LogHeadKey().bytes, head_revision});
  change.puts = std::move(log_puts_);
  for (Tile& tile : full_tiles_) {
    store::v1::LogTile record;
    record.set_hashes(std::move(tile.hashes));
    change.puts.emplace_back(LogTileKey(tile.level, tile.number).bytes, record.SerializeAsString());
  }
  store::v1::LogHead head;
  head.set_size(edge_.size());
  head.set_root(edge_.Root());
  *head.mutable_last_time() = ToProto(time_);
  head.set_commit(commit);
  change.puts.emplace_back(LogHeadKey().bytes, head.SerializeAsString());
  for (auto& [key, value] : overlay_.TakeWrites()) {
    if (value) {
      change.puts.emplace_back(key, std::move(*value));
    } else {
      change.deletes.push_back(key);
    }
  }
  return change;
}

void Group::SettleAll(const absl::StatusOr<uint64_t>& revision) {
  for (Outcome& outcome : tickets_) {
    if (!revision.ok()) {
      outcome.ticket->Settle(revision.status());
      continue;
    }
    if (outcome.written) outcome.result->revision = *revision;
    outcome.ticket->Settle(std::move(outcome.result));
  }
  tickets_.clear();
}

}  // namespace firebreak
