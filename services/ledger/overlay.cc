#include "overlay.h"

#include <algorithm>

#include "firebreak/base/status.h"

namespace firebreak {

absl::StatusOr<std::optional<Stored>> Overlay::Get(std::string_view key) const {
  if (auto written = writes_.find(key); written != writes_.end()) {
    if (!written->second) return std::optional<Stored>();
    return std::optional<Stored>(Stored{*written->second, kPendingRevision});
  }
  return base_.Get(key);
}

absl::StatusOr<std::vector<KeyValue>> Overlay::List(std::string_view prefix, std::string_view after, size_t limit) const {
  // Every write of ours can hide at most one row of the base.
  const size_t hidden_max = writes_.size();
  const size_t wanted = limit > std::numeric_limits<size_t>::max() - hidden_max ? limit : limit + hidden_max;
  ASSIGN_OR_RETURN(std::vector<KeyValue> rows, base_.List(prefix, after, wanted));
  const bool base_ended = rows.size() < wanted;
  // Past the last row the base showed, ours would come too early; without an end there is nothing to know about.
  const std::string horizon = base_ended ? std::string() : rows.back().key;
  std::erase_if(rows, [&](const KeyValue& row) { return writes_.contains(row.key); });
  for (auto it = writes_.lower_bound(std::max(prefix, after)); it != writes_.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    if (it->first <= after && !after.empty()) continue;
    if (!base_ended && it->first > horizon) break;
    if (it->second) rows.push_back(KeyValue{it->first, *it->second, kPendingRevision});
  }
  std::sort(rows.begin(), rows.end(), [](const KeyValue& a, const KeyValue& b) { return a.key < b.key; });
  if (rows.size() > limit) rows.resize(limit);
  return rows;
}

absl::StatusOr<uint64_t> Overlay::Commit(const Change&) {
  return absl::FailedPreconditionError("a group in the making cannot be committed to");
}

}  // namespace firebreak
