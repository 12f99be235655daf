// Overlay: a store as it will be when the group in the making has been committed. Drafts are checked against it, and a draft
// that lost a race is built again on it.
#ifndef FIREBREAK_SERVICES_LEDGER_OVERLAY_H_
#define FIREBREAK_SERVICES_LEDGER_OVERLAY_H_

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "firebreak/storage/meta_store.h"

namespace firebreak {

// Revision of what is written in the group but not yet in the store.
inline constexpr uint64_t kPendingRevision = std::numeric_limits<uint64_t>::max();

// Used by the committer's thread alone. `base` outlives it.
class Overlay final : public MetaStore {
 public:
  using Writes = std::map<std::string, std::optional<std::string>, std::less<>>;   // nullopt = delete

  explicit Overlay(const MetaStore& base) : base_(base) {}

  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override;
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after, size_t limit) const override;
  absl::StatusOr<uint64_t> Commit(const Change& change) override;   // always refused
  Limits limits() const override { return base_.limits(); }

  void Write(const std::string& key, std::optional<std::string> value) { writes_.insert_or_assign(key, std::move(value)); }
  const Writes& writes() const { return writes_; }
  Writes TakeWrites() { return std::move(writes_); }

 private:
  const MetaStore& base_;
  Writes writes_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_OVERLAY_H_
