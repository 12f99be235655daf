// ActionDesk::SweepRequests: the Idempotency-Keys that are old enough to be forgotten.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "firebreak/actions/action_desk.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/actions.h"

namespace firebreak {
namespace {

constexpr size_t kSweepPageRows = 500;
constexpr size_t kSweptAtOnce = 50;   // deletions in one commit

bool MayBeForgotten(const store::v1::ActionRequest& record, absl::Time before) {
  if (record.once() && !record.done()) return false;   // in doubt until a person has looked
  return FromProto(record.done() ? record.ended_at() : record.asked_at()) < before;
}

absl::Status Forget(Ledger& ledger, const std::vector<std::string>& keys, absl::Time before) {
  return ledger.Transact([&](Draft& draft) -> absl::Status {
    size_t forgotten = 0;
    for (const std::string& key : keys) {
      const Key<store::v1::ActionRequest> typed{key};
      ASSIGN_OR_RETURN(const std::optional<store::v1::ActionRequest> record, draft.Find(typed));
      if (!record || !MayBeForgotten(*record, before)) continue;
      draft.Delete(typed);
      ++forgotten;
    }
    if (forgotten == 0) return absl::OkStatus();
    v1::AuditEntry entry = MakeEntry(Identity("firebreak"), "action.requests_forgotten",
                                     StrCat(forgotten, " idempotency keys of before ", FormatRfc3339(before), " are forgotten"));
    (*entry.mutable_facts())["requests"] = StrCat(forgotten);
    draft.Record(std::move(entry));
    return absl::OkStatus();
  }).status();
}

}  // namespace

absl::Status ActionDesk::SweepRequests() {
  const absl::Time before = clock_.Now() - options_.requests_kept;
  std::vector<std::string> old;
  for (size_t looked_at = 0; looked_at < options_.sweep_rows;) {
    ASSIGN_OR_RETURN(const RecordPage<store::v1::ActionRequest> page,
                     ListRecords(ledger_.store(), keys::ActionRequests(), sweep_after_,
                                 std::min(kSweepPageRows, options_.sweep_rows - looked_at)));
    looked_at += std::max<size_t>(page.records.size(), 1);
    for (const auto& [key, record] : page.records) {
      if (!MayBeForgotten(record, before)) continue;
      old.push_back(key);
      if (old.size() < kSweptAtOnce) continue;
      RETURN_IF_ERROR(Forget(ledger_, old, before));
      old.clear();
    }
    sweep_after_ = page.next_after;
    if (sweep_after_.empty()) break;
  }
  return old.empty() ? absl::OkStatus() : Forget(ledger_, old, before);
}

}  // namespace firebreak
