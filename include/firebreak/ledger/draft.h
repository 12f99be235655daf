// Draft: one read-modify-write in the making. Every read leaves an expectation, so a Draft commits only if what it read
// still holds; use cases add their parts to one Draft and the Ledger commits all of it or none.
#ifndef FIREBREAK_LEDGER_DRAFT_H_
#define FIREBREAK_LEDGER_DRAFT_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys.h"
#include "firebreak/storage/meta_store.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

// What somebody read when every commit up to revision `as_of` was visible: what a draft may lean on instead of reading it
// again. Whether it still holds is found out when the draft is committed.
struct Sighting {
  uint64_t as_of = 0;
  std::vector<std::pair<std::string, uint64_t>> reads;   // key, revision (0 = absent)
};

// Not thread-safe; lives on one stack. `store` outlives it. Reads see the draft's own writes first.
class Draft {
 public:
  // Nothing can change under the draft: it is built by the ledger's own writer.
  static constexpr uint64_t kNothingMoves = std::numeric_limits<uint64_t>::max();

  // `as_of`: a revision whose commits all reads of the draft will see; 0 when that is not known. It only saves work: with it
  // the ledger need not look at every key again.
  explicit Draft(const MetaStore& store, uint64_t as_of = 0) : store_(store), as_of_(as_of) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  // Absent = std::nullopt. kDataLoss when the stored bytes do not parse.
  template <typename Message>
  absl::StatusOr<std::optional<Message>> Find(const Key<Message>& key) {
    ASSIGN_OR_RETURN(std::optional<std::string> bytes, FindBytes(key.bytes));
    if (!bytes) return std::optional<Message>();
    Message message;
    if (!message.ParseFromString(*bytes)) return UnreadableRecord(key.bytes);
    return std::optional<Message>(std::move(message));
  }

  // kNotFound says "<what> does not exist".
  template <typename Message>
  absl::StatusOr<Message> Load(const Key<Message>& key, std::string_view what) {
    ASSIGN_OR_RETURN(std::optional<Message> message, Find(key));
    if (!message) return absl::NotFoundError(StrCat(what, " does not exist"));
    return *std::move(message);
  }

  // The last write of a key counts.
  template <typename Message>
  void Put(const Key<Message>& key, const Message& message) {
    PutBytes(key.bytes, message.SerializeAsString());
  }
  template <typename Message>
  void Delete(const Key<Message>& key) {
    writes_[key.bytes] = std::nullopt;
  }

  // Only commit while `key` has not changed since it was read elsewhere at `revision` (0 = absent).
  void Expect(std::string key, uint64_t revision) {
    reads_.emplace(std::move(key), revision);
    as_of_ = 0;   // nobody knows when that was seen
  }

  // Whether Rely is of use: false while a draft that lost a race is built again, for what it relied on may be the reason.
  bool may_rely() const { return as_of_ != 0 && as_of_ != kNothingMoves; }
  // As if the draft had read what the sighting holds.
  void Rely(std::shared_ptr<const Sighting> sighting) { sightings_.push_back(std::move(sighting)); }
  // What this draft itself has read so far, for others to rely on.
  Sighting sighting() const { return {as_of_, {reads_.begin(), reads_.end()}}; }

  // The next number (1, 2, 3 …) of a named sequence; taken only if the draft commits.
  absl::StatusOr<uint64_t> NextNumber(std::string_view sequence);

  // Goes to the audit log with this commit. index and time are set by the ledger. At least one entry per commit.
  void Record(v1::AuditEntry entry) { entries_.push_back(std::move(entry)); }

  const std::map<std::string, uint64_t>& reads() const { return reads_; }
  const std::map<std::string, std::optional<std::string>>& writes() const { return writes_; }
  const std::vector<v1::AuditEntry>& entries() const { return entries_; }
  const std::vector<std::shared_ptr<const Sighting>>& sightings() const { return sightings_; }
  uint64_t as_of() const { return as_of_; }

  // For the ledger, which is done with a draft it has accepted.
  std::map<std::string, std::optional<std::string>> TakeWrites() { return std::move(writes_); }
  std::vector<v1::AuditEntry> TakeEntries() { return std::move(entries_); }

  const MetaStore& store() const { return store_; }

 private:
  absl::StatusOr<std::optional<std::string>> FindBytes(const std::string& key);
  void PutBytes(const std::string& key, std::string bytes) { writes_[key] = std::move(bytes); }

  const MetaStore& store_;
  uint64_t as_of_;
  std::map<std::string, uint64_t> reads_;                        // key -> revision seen first
  std::vector<std::shared_ptr<const Sighting>> sightings_;
  std::map<std::string, std::optional<std::string>> writes_;     // nullopt = delete
  std::vector<v1::AuditEntry> entries_;
};

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_DRAFT_H_
