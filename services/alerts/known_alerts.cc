#include "services/alerts/known_alerts.h"

namespace firebreak {
namespace {

bool Fires(const KnownAlerts::Entry& entry) { return entry.facts.state == v1::ALERT_STATE_FIRING; }

}  // namespace

std::optional<AlertMove> KnownAlerts::Hear(const IncomingAlert& incoming, absl::Time now, absl::Duration late_window,
                                           uint64_t& incident) {
  Shard& shard = ShardOf(incoming.fingerprint);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.entries.find(incoming.fingerprint);
  if (it == shard.entries.end()) return std::nullopt;
  Entry& entry = it->second;
  incident = entry.incident;
  // A lease that is over is about to be swept: let the store decide between this post and the sweep.
  if (Fires(entry) && entry.lease.end <= now) return std::nullopt;
  const AlertMove move = ChooseMove(entry.facts, incoming, now, late_window);
  if (move == AlertMove::kNone && Fires(entry)) entry.lease = ExtendLease(entry.lease, incoming);
  return move;
}

void KnownAlerts::Learn(uint64_t fingerprint, const Entry& entry) {
  Shard& shard = ShardOf(fingerprint);
  absl::MutexLock lock(&shard.mutex);
  auto [it, added] = shard.entries.try_emplace(fingerprint);
  if (!added && it->second.revision > entry.revision) return;
  const bool fired = !added && Fires(it->second);
  it->second = entry;
  if (!fired && Fires(entry)) firing_.fetch_add(1, std::memory_order_relaxed);
  if (fired && !Fires(entry)) firing_.fetch_sub(1, std::memory_order_relaxed);
}

std::optional<KnownAlerts::Entry> KnownAlerts::Find(uint64_t fingerprint) const {
  const Shard& shard = ShardOf(fingerprint);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.entries.find(fingerprint);
  if (it == shard.entries.end()) return std::nullopt;
  return it->second;
}

std::vector<uint64_t> KnownAlerts::Overdue(absl::Time now) const {
  std::vector<uint64_t> overdue;
  for (const Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    for (const auto& [fingerprint, entry] : shard.entries) {
      if (Fires(entry) && entry.lease.end <= now) overdue.push_back(fingerprint);
    }
  }
  return overdue;
}

void KnownAlerts::Forget(absl::Time before) {
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    absl::erase_if(shard.entries, [&](const auto& item) {
      return !Fires(item.second) && item.second.facts.heard_at < before;
    });
  }
}

}  // namespace firebreak
