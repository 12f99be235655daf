// A process that may die at any boundary, and the store as such a process sees it.
#ifndef FIREBREAK_TESTS_SIM_RUNS_MORTAL_STORE_H_
#define FIREBREAK_TESTS_SIM_RUNS_MORTAL_STORE_H_

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak::testing {

// Counts every moment a process can die between: before and after each commit and each effect. Thread-safe.
class Boundaries {
 public:
  explicit Boundaries(std::set<int> crashes) : crashes_(std::move(crashes)) {}
  // True when the process dies here; everything it tries from then on fails, until Restart.
  bool Pass() {
    absl::MutexLock lock(&mutex_);
    if (dead_) return true;
    if (crashes_.count(count_++) > 0) {
      dead_ = true;
      ++died_;
    }
    return dead_;
  }
  bool dead() const {
    absl::MutexLock lock(&mutex_);
    return dead_;
  }
  void Restart() {
    absl::MutexLock lock(&mutex_);
    dead_ = false;
  }
  int count() const {
    absl::MutexLock lock(&mutex_);
    return count_;
  }
  int died() const {
    absl::MutexLock lock(&mutex_);
    return died_;
  }

 private:
  mutable absl::Mutex mutex_;
  const std::set<int> crashes_;
  int count_ = 0;
  int died_ = 0;
  bool dead_ = false;
};

// The store as a process sees it that may die around any commit, or whose commits' replies get lost now and then.
class MortalStore final : public MetaStore {
 public:
  enum class Plant { kNone, kAcknowledgesEarly, kForgetsJournal };
  MortalStore(MetaStore& under, Boundaries& boundaries, Plant plant = Plant::kNone)
      : under_(under), boundaries_(boundaries), plant_(plant) {}

  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override {
    if (boundaries_.dead()) return Dead();
    Flush();
    return under_.Get(key);
  }
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after,
                                             size_t limit) const override {
    if (boundaries_.dead()) return Dead();
    Flush();
    return under_.List(prefix, after, limit);
  }
  absl::StatusOr<uint64_t> Commit(const Change& change) override {
    if (boundaries_.Pass()) return Dead();
    Change written = change;
    if (plant_ == Plant::kForgetsJournal) {
      std::erase_if(written.puts, [](const auto& put) {
        return put.first.starts_with(std::string_view("run-journal\0", 12)) && put.first.back() % 4 == 0;
      });
    }
    Flush();
    if (plant_ == Plant::kAcknowledgesEarly && last_revision_ > 0) {  // written only when somebody looks again
      held_ = std::move(written);
      return ++last_revision_;
    }
    absl::StatusOr<uint64_t> revision = under_.Commit(written);
    if (revision.ok()) last_revision_ = *revision;
    if (boundaries_.Pass()) return Dead();
    if (lose_reply_ && lose_reply_()) return absl::UnavailableError("the reply was lost");
    return revision;
  }
  Limits limits() const override { return under_.limits(); }
  void LoseRepliesWhen(std::function<bool()> lose) { lose_reply_ = std::move(lose); }

 private:
  static absl::Status Dead() { return absl::UnavailableError("this process is dead"); }

  void Flush() const {
    if (!held_) return;
    (void)under_.Commit(*held_);
    held_.reset();
  }

  MetaStore& under_;
  Boundaries& boundaries_;
  const Plant plant_;
  uint64_t last_revision_ = 0;
  mutable std::optional<Change> held_;
  std::function<bool()> lose_reply_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SIM_RUNS_MORTAL_STORE_H_
