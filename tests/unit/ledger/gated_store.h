// A store whose commits wait until the test lets them: what queues meanwhile must become one group.
#ifndef FIREBREAK_TESTS_UNIT_LEDGER_GATED_STORE_H_
#define FIREBREAK_TESTS_UNIT_LEDGER_GATED_STORE_H_

#include "absl/synchronization/mutex.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak::testing {

class GatedStore final : public MetaStore {
 public:
  explicit GatedStore(MetaStore& inner) : inner_(inner) {}

  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override { return inner_.Get(key); }
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after, size_t limit) const override {
    return inner_.List(prefix, after, limit);
  }
  absl::StatusOr<uint64_t> Commit(const Change& change) override {
    absl::MutexLock lock(&mutex_);
    ++commits_;
    mutex_.Await(absl::Condition(&open_));
    return inner_.Commit(change);
  }
  Limits limits() const override { return inner_.limits(); }

  // Blocks until a commit has reached the store.
  void AwaitCommit() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(+[](GatedStore* self) { return self->commits_ > 0; }, this));
  }
  void Open() {
    absl::MutexLock lock(&mutex_);
    open_ = true;
  }
  // Counts callers that have begun.
  void Arrive() {
    absl::MutexLock lock(&arrivals_mutex_);
    ++arrivals_;
  }
  void AwaitArrivals(size_t count) {
    absl::MutexLock lock(&arrivals_mutex_);
    wanted_ = count;
    arrivals_mutex_.Await(absl::Condition(+[](GatedStore* self) { return self->arrivals_ >= self->wanted_; }, this));
  }
  size_t commits() {
    absl::MutexLock lock(&mutex_);
    return commits_;
  }

 private:
  MetaStore& inner_;
  absl::Mutex mutex_;
  bool open_ = false;
  size_t commits_ = 0;
  absl::Mutex arrivals_mutex_;
  size_t arrivals_ = 0;
  size_t wanted_ = 0;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_LEDGER_GATED_STORE_H_
