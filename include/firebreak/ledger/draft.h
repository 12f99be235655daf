// Draft: one read-modify-write in the making. Every read leaves an expectation, so a Draft commits only if what it read
// still holds; use cases add their parts to one Draft and the Ledger commits all of it or none.
#ifndef FIREBREAK_LEDGER_DRAFT_H_
#define FIREBREAK_LEDGER_DRAFT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys.h"
#include "firebreak/storage/meta_store.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

// Not thread-safe; lives on one stack. `store` outlives it. Reads see the draft's own writes first.
class Draft {
 public:
  explicit Draft(const MetaStore& store) : store_(store) {}
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
  void Expect(std::string key, uint64_t revision) { reads_.emplace(std::move(key), revision); }

  // The next number (1, 2, 3 …) of a named sequence; taken only if the draft commits.
  absl::StatusOr<uint64_t> NextNumber(std::string_view sequence);

  // Goes to the audit log with this commit. index and time are set by the ledger. At least one entry per commit.
  void Record(v1::AuditEntry entry) { entries_.push_back(std::move(entry)); }

  const std::map<std::string, uint64_t>& reads() const { return reads_; }
  const std::map<std::string, std::optional<std::string>>& writes() const { return writes_; }
  const std::vector<v1::AuditEntry>& entries() const { return entries_; }
  const MetaStore& store() const { return store_; }

 private:
  absl::StatusOr<std::optional<std::string>> FindBytes(const std::string& key);
  void PutBytes(const std::string& key, std::string bytes) { writes_[key] = std::move(bytes); }

  const MetaStore& store_;
  std::map<std::string, uint64_t> reads_;                        // key -> revision seen first
  std::map<std::string, std::optional<std::string>> writes_;     // nullopt = delete
  std::vector<v1::AuditEntry> entries_;
};

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_DRAFT_H_
