#include "firebreak/storage_wrap/faults.h"

namespace firebreak {

void FaultPlan::FailAt(uint64_t n, Fault fault) {
  absl::MutexLock lock(&mutex_);
  fates_[n] = fault;
}

void FaultPlan::FailRandomly(uint64_t seed, FaultOdds odds) {
  absl::MutexLock lock(&mutex_);
  random_.emplace(seed);
  odds_ = odds;
}

void FaultPlan::Heal() {
  absl::MutexLock lock(&mutex_);
  fates_.clear();
  random_.reset();
}

FaultPlan::Fate FaultPlan::Next() {
  absl::MutexLock lock(&mutex_);
  Fate fate{.n = ++count_};
  double dice = 1;
  if (random_) dice = std::uniform_real_distribution<double>(0, 1)(*random_);
  if (auto planned = fates_.find(fate.n); planned != fates_.end()) {
    fate.fault = planned->second;
  } else if (dice < odds_.lost) {
    fate.fault = Fault::kLost;
  } else if (dice < odds_.lost + odds_.done_but_unavailable) {
    fate.fault = Fault::kDoneButUnavailable;
  } else if (dice < odds_.lost + odds_.done_but_unavailable + odds_.disk_full) {
    fate.fault = Fault::kDiskFull;
  }
  return fate;
}

uint64_t FaultPlan::count() const {
  absl::MutexLock lock(&mutex_);
  return count_;
}

}  // namespace firebreak
