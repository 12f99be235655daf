#include "firebreak/upkeep/quota_desk.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"

namespace firebreak {
namespace {

constexpr size_t kRows = 1000;
constexpr size_t kQuotasMax = 256;
constexpr size_t kPatternBytesMax = 128;
constexpr size_t kPushesRemembered = 1024;
constexpr uint64_t kLookEveryBytes = uint64_t{16} << 20;   // of a push; adding up all versions for every call would cost more

std::string NameOf(v1::SnapshotKind kind, const std::string& name) { return SnapshotName(kind, name, 0); }

absl::Status Over(const v1::Quota& quota, const std::string& name, uint64_t bytes) {
  if (quota.versions_max() > 0 && quota.versions_used() >= quota.versions_max()) {
    return WithNextStep(absl::ResourceExhaustedError(StrCat("push of ", name, ": quota ", quota.pattern(), " allows ", quota.versions_max(),
                                                            " versions and holds ", quota.versions_used())),
                        "delete versions nobody needs (firebreak snapshot delete), or raise it (firebreak store quota set)");
  }
  if (quota.bytes_max() > 0 && quota.bytes_used() + bytes > quota.bytes_max()) {
    return WithNextStep(absl::ResourceExhaustedError(StrCat("push of ", name, ": quota ", quota.pattern(), " allows ", quota.bytes_max(),
                                                            " bytes and holds ", quota.bytes_used(), "; this push brings ", bytes)),
                        "delete versions nobody needs (firebreak snapshot delete), or raise it (firebreak store quota set)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckQuotaPattern(std::string_view pattern) {
  const size_t star = pattern.find('*');
  const bool plain = std::all_of(pattern.begin(), pattern.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '/' || c == '*';
  });
  if (pattern.empty() || pattern.size() > kPatternBytesMax || !plain || (star != std::string_view::npos && star + 1 != pattern.size())) {
    return absl::InvalidArgumentError(
        StrCat("quota ", pattern.substr(0, kPatternBytesMax), ": give * (everything), model/*, model/fraud-* or dataset/claims"));
  }
  return absl::OkStatus();
}

bool QuotaCovers(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

absl::Status QuotaDesk::Measure(v1::Quota& quota) const {
  quota.set_bytes_used(0);
  quota.set_versions_used(0);
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::SnapshotVersions(), after, kRows));
    for (const auto& [key, snapshot] : page.records) {
      if (!QuotaCovers(quota.pattern(), NameOf(snapshot.kind(), snapshot.name()))) continue;
      quota.set_bytes_used(quota.bytes_used() + snapshot.size_bytes());
      quota.set_versions_used(quota.versions_used() + 1);
    }
    after = page.next_after;
  } while (!after.empty());
  return absl::OkStatus();
}

absl::Status QuotaDesk::CheckPush(const PushLoad& load) {
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::Quotas(), "", kQuotasMax));
  if (page.records.empty()) return absl::OkStatus();
  uint64_t bytes = load.bytes;
  {
    absl::MutexLock lock(&mutex_);
    if (load.committing) {
      sent_.erase(load.push_id);
    } else {
      if (sent_.size() >= kPushesRemembered && !sent_.contains(load.push_id)) sent_.clear();   // the commit asks again
      uint64_t& sent = sent_[load.push_id];
      const bool looked = sent > 0 && sent / kLookEveryBytes == (sent + load.bytes) / kLookEveryBytes;
      bytes = sent += load.bytes;
      if (looked) return absl::OkStatus();
    }
  }
  const std::string name = NameOf(load.kind, load.name);
  for (auto& [key, quota] : page.records) {
    if (!QuotaCovers(quota.pattern(), name)) continue;
    RETURN_IF_ERROR(Measure(quota));
    RETURN_IF_ERROR(Over(quota, name, bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::SetQuotaResponse> QuotaDesk::SetQuota(const Caller& caller, const v1::SetQuotaRequest& request) {
  RETURN_IF_ERROR(CheckQuotaPattern(request.pattern()));
  RETURN_IF_ERROR(CheckReason(request.reason()));
  const bool removing = request.bytes_max() == 0 && request.versions_max() == 0;
  v1::Quota quota;
  quota.set_pattern(request.pattern());
  quota.set_bytes_max(request.bytes_max());
  quota.set_versions_max(request.versions_max());
  quota.set_set_by(caller.identity.text());
  auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(auto before, draft.Find(keys::Quota(request.pattern())));
    if (removing && !before) return absl::NotFoundError(StrCat("quota ", request.pattern(), " does not exist"));
    if (!before) {
      ASSIGN_OR_RETURN(auto page, ListRecords(draft.store(), keys::Quotas(), "", kQuotasMax));
      if (page.records.size() >= kQuotasMax) return absl::ResourceExhaustedError(StrCat("there are ", kQuotasMax, " quotas already"));
    }
    *quota.mutable_set_at() = ToProto(clock_.Now());
    if (removing) {
      draft.Delete(keys::Quota(request.pattern()));
    } else {
      draft.Put(keys::Quota(request.pattern()), quota);
    }
    v1::AuditEntry entry = MakeEntry(
        caller.identity, removing ? "quota.removed" : "quota.set",
        removing ? StrCat("quota ", request.pattern(), " removed: ", request.reason())
                 : StrCat("quota ", request.pattern(), " set to ", request.bytes_max(), " bytes and ", request.versions_max(),
                          " versions (0 = no limit): ", request.reason()));
    AddSubject(entry, StrCat("quota/", request.pattern()));
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  RETURN_IF_ERROR(Measure(quota));
  v1::SetQuotaResponse response;
  *response.mutable_quota() = std::move(quota);
  return response;
}

absl::StatusOr<v1::ListQuotasResponse> QuotaDesk::ListQuotas(const Caller&, const v1::ListQuotasRequest&) const {
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::Quotas(), "", kQuotasMax));
  v1::ListQuotasResponse response;
  for (auto& [key, quota] : page.records) {
    RETURN_IF_ERROR(Measure(quota));
    *response.add_quotas() = std::move(quota);
  }
  return response;
}

}  // namespace firebreak
