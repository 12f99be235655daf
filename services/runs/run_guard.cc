#include "firebreak/runs/run_guard.h"

#include <optional>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/runs/program.h"
#include "firebreak/storage/keys/runs.h"

namespace firebreak {
namespace {

v1::AuditEntry Overridden(const LockWish& wish, const std::string& run) {
  v1::AuditEntry entry;
  entry.set_actor(wish.decided_by.text());
  entry.set_action("run.overridden");
  entry.add_subjects(StrCat("run/", run));
  entry.add_subjects(StrCat("deployment/", wish.deployment.text()));
  entry.set_summary(StrCat(wish.decided_by.text(), " decides about ", wish.deployment.text(), " although ", run, " has it in its hands"));
  (*entry.mutable_facts())["reason"] = wish.reason.substr(0, 256);
  return entry;
}

absl::Status CheckRun(Draft& draft, const LockWish& wish, const store::v1::RunLock& lock, const std::string& key) {
  if (lock.run() == wish.run.text()) {
    if (wish.fence == 0 || wish.fence == lock.fence()) return absl::OkStatus();
    return absl::AbortedError(StrCat(wish.run.text(), " holds fence ", wish.fence, " of ", key, ", which is at ", lock.fence()));
  }
  if (!lock.run().empty()) {
    return absl::FailedPreconditionError(
        StrCat(key, " is in the hands of ", lock.run(), ", not of ", wish.run.text(), " (next: firebreak run show ", lock.run(), ")"));
  }
  // Free: fine for a run that never had it, not for one that had it and has ended.
  ASSIGN_OR_RETURN(const std::optional<v1::PlaybookRun> run, draft.Find(keys::Run(wish.run)));
  if (run && run->lock_key() == key && HasEnded(*run))
    return absl::AbortedError(StrCat(wish.run.text(), " has ended and no longer holds ", key));
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDeploymentLock(Draft& draft, const LockWish& wish) {
  if (wish.makes_safer) return absl::OkStatus();
  const std::string key = StrCat("deployment/", wish.deployment.text());
  ASSIGN_OR_RETURN(const std::optional<store::v1::RunLock> lock, draft.Find(keys::RunLock(key)));
  if (!lock) return absl::OkStatus();
  if (!wish.run.empty()) return CheckRun(draft, wish, *lock, key);
  if (lock->run().empty()) return absl::OkStatus();
  if (!wish.override_run) {
    return absl::FailedPreconditionError(
        StrCat(key, " is in the hands of ", lock->run(), " (next: firebreak run show ", lock->run(),
               "; cancel it, or decide all the same with --override-run --reason \"why\")"));
  }
  draft.Record(Overridden(wish, lock->run()));
  return absl::OkStatus();
}

}  // namespace firebreak
