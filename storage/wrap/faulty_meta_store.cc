#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/storage_wrap/faults.h"

namespace firebreak {
namespace {

absl::Status Stopped() { return absl::UnavailableError("store stopped by the fault plan"); }

}  // namespace

absl::Status FaultyMetaStore::CheckAlive() const {
  absl::MutexLock lock(&mutex_);
  return stopped_ ? Stopped() : absl::OkStatus();
}

absl::StatusOr<std::optional<Stored>> FaultyMetaStore::Get(std::string_view key) const {
  RETURN_IF_ERROR(CheckAlive());
  return inner_.Get(key);
}

absl::StatusOr<std::vector<KeyValue>> FaultyMetaStore::List(std::string_view prefix, std::string_view after,
                                                            size_t limit) const {
  RETURN_IF_ERROR(CheckAlive());
  return inner_.List(prefix, after, limit);
}

absl::StatusOr<uint64_t> FaultyMetaStore::Commit(const Change& change) {
  RETURN_IF_ERROR(CheckAlive());
  std::function<void(uint64_t, const Change&)> hook;
  {
    absl::MutexLock lock(&mutex_);
    hook = hook_;
  }
  // The hook may still plan this commit's fate, so it hears the number before the fate is drawn.
  if (hook) hook(plan_.count() + 1, change);
  const FaultPlan::Fate fate = plan_.Next();
  RETURN_IF_ERROR(CheckAlive());
  switch (fate.fault) {
    case Fault::kLost:
      return absl::UnavailableError(StrCat("commit ", fate.n, ": outcome unknown (planned)"));
    case Fault::kDiskFull:
      return absl::ResourceExhaustedError(StrCat("commit ", fate.n, ": disk full (planned)"));
    case Fault::kStopBefore:
      Stop();
      return Stopped();
    case Fault::kNone:
    case Fault::kDoneButUnavailable:
    case Fault::kStopAfter:
      break;
  }
  absl::StatusOr<uint64_t> revision = inner_.Commit(change);
  if (revision.ok()) {
    absl::MutexLock lock(&mutex_);
    ++committed_;
  }
  if (fate.fault == Fault::kStopAfter) {
    Stop();
    return Stopped();
  }
  if (revision.ok() && fate.fault == Fault::kDoneButUnavailable) {
    return absl::UnavailableError(StrCat("commit ", fate.n, ": outcome unknown (planned)"));
  }
  return revision;
}

void FaultyMetaStore::OnCommit(std::function<void(uint64_t, const Change&)> hook) {
  absl::MutexLock lock(&mutex_);
  hook_ = std::move(hook);
}

void FaultyMetaStore::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

void FaultyMetaStore::Restart() {
  absl::MutexLock lock(&mutex_);
  stopped_ = false;
}

bool FaultyMetaStore::stopped() const {
  absl::MutexLock lock(&mutex_);
  return stopped_;
}

uint64_t FaultyMetaStore::committed() const {
  absl::MutexLock lock(&mutex_);
  return committed_;
}

}  // namespace firebreak
