#include "watchers.h"

#include <utility>

namespace firebreak {

class Watchers::Registration final : public Ledger::Watch {
 public:
  Registration(std::shared_ptr<Watchers> watchers, uint64_t id) : watchers_(std::move(watchers)), id_(id) {}
  ~Registration() override { watchers_->Remove(id_); }

 private:
  const std::shared_ptr<Watchers> watchers_;
  const uint64_t id_;
};

std::unique_ptr<Ledger::Watch> Watchers::Add(Ledger::Watcher watcher) {
  absl::MutexLock lock(&mutex_);
  const uint64_t id = next_id_++;
  watchers_.emplace(id, std::move(watcher));
  return std::make_unique<Registration>(shared_from_this(), id);
}

bool Watchers::empty() const {
  absl::MutexLock lock(&mutex_);
  return watchers_.empty();
}

void Watchers::Tell(const std::vector<v1::AuditEntry>& entries) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, watcher] : watchers_) watcher(entries);
}

void Watchers::Remove(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  watchers_.erase(id);
}

}  // namespace firebreak
