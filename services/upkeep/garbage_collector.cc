#include "firebreak/upkeep/garbage_collector.h"

#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/snapshots.h"

namespace firebreak {
namespace {

constexpr size_t kPushesMax = 4096;
constexpr size_t kEndedAtOnce = 50;   // pushes one commit ends

std::string PushId(const std::string& key) {
  const std::string& prefix = keys::SnapshotPushes().bytes;
  return key.substr(prefix.size(), key.size() - prefix.size() - 1);
}

}  // namespace

GarbageCollector::GarbageCollector(Ledger& ledger, ChunkKeeper& chunks, const Clock& clock, Log& log, GarbageOptions options)
    : ledger_(ledger), chunks_(chunks), clock_(clock), log_(log), options_(std::move(options)) {}

GarbageCollector::~GarbageCollector() = default;

absl::StatusOr<absl::flat_hash_set<std::string>> GarbageCollector::OpenPushes() const {
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::SnapshotPushes(), "", kPushesMax));
  if (!page.next_after.empty()) return absl::ResourceExhaustedError(StrCat("more than ", kPushesMax, " pushes are open"));
  absl::flat_hash_set<std::string> ids;
  for (const auto& [key, session] : page.records) ids.insert(PushId(key));
  return ids;
}

absl::Status GarbageCollector::Open() {
  ASSIGN_OR_RETURN(absl::flat_hash_set<std::string> open, OpenPushes());
  absl::MutexLock lock(&mutex_);
  inherited_ = std::move(open);
  return absl::OkStatus();
}

absl::Status GarbageCollector::Take(std::string_view what) {
  absl::MutexLock lock(&mutex_);
  if (!busy_.empty()) {
    return WithNextStep(absl::FailedPreconditionError(StrCat(what, ": ", busy_, " is going on")), "try again when it is over");
  }
  busy_ = std::string(what);
  return absl::OkStatus();
}

void GarbageCollector::Release() {
  absl::MutexLock lock(&mutex_);
  busy_.clear();
}

absl::StatusOr<std::unique_ptr<GarbageCollector::Lease>> GarbageCollector::Block(std::string_view why) {
  RETURN_IF_ERROR(Take(why));
  return std::make_unique<Lease>(*this);
}

absl::Status GarbageCollector::EndPushes(const GarbageWish& wish, const std::vector<std::string>& ids, std::string_view why) {
  for (size_t begin = 0; begin < ids.size(); begin += kEndedAtOnce) {
    const size_t end = std::min(ids.size(), begin + kEndedAtOnce);
    auto build = [&](Draft& draft) -> absl::Status {
      for (size_t i = begin; i < end; ++i) draft.Delete(keys::SnapshotPush(ids[i]));
      v1::AuditEntry entry = MakeEntry(wish.actor, "push.ended", StrCat(end - begin, " pushes ended: ", why));
      for (size_t i = begin; i < end; ++i) AddSubject(entry, StrCat("push/", ids[i]));
      draft.Record(std::move(entry));
      return absl::OkStatus();
    };
    RETURN_IF_ERROR(ledger_.Transact(build).status());
  }
  return absl::OkStatus();
}

absl::Status GarbageCollector::CheckInherited(const GarbageWish& wish) {
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::SnapshotPushes(), "", kPushesMax));
  {
    // A push that is over and begun again under the same id is asked of this process only.
    absl::flat_hash_set<std::string> open;
    for (const auto& [key, session] : page.records) open.insert(PushId(key));
    absl::MutexLock lock(&mutex_);
    absl::erase_if(inherited_, [&](const std::string& id) { return !open.contains(id); });
  }
  const absl::Time expired_before = clock_.Now() - options_.push_lifetime;
  std::vector<std::string> expired;
  std::vector<std::string> abandoned;
  for (const auto& [key, session] : page.records) {
    const std::string id = PushId(key);
    const absl::Time touched = FromProto(session.touched_at());
    if (touched < expired_before) {
      expired.push_back(id);
      continue;
    }
    bool inherited = false;
    {
      absl::MutexLock lock(&mutex_);
      inherited = inherited_.contains(id);
    }
    if (!inherited) continue;
    if (wish.abandon_pushes) {
      abandoned.push_back(id);
      continue;
    }
    return WithNextStep(
        absl::FailedPreconditionError(StrCat("collect garbage: the push of ", session.request().name(), " by ", session.identity(),
                                             " was begun before this service started; what it was told then is not known any more")),
        StrCat("let it finish, wait until it expires at ", FormatRfc3339(touched + options_.push_lifetime), ", or give --abandon-pushes"));
  }
  if (wish.dry_run) return absl::OkStatus();
  RETURN_IF_ERROR(EndPushes(wish, expired, "expired"));
  return EndPushes(wish, abandoned, "abandoned by a garbage collection");
}

absl::StatusOr<std::unique_ptr<GarbageCollector::Run>> GarbageCollector::Begin(const GarbageWish& wish) {
  ASSIGN_OR_RETURN(std::unique_ptr<Lease> lease, Block("a garbage collection"));
  RETURN_IF_ERROR(CheckInherited(wish));
  RETURN_IF_ERROR(chunks_.BeginCollection([this] { return OpenPushes(); }));
  return std::make_unique<Run>(*this, wish, std::move(lease));
}

absl::StatusOr<v1::GarbageReport> GarbageCollector::Collect(const GarbageWish& wish) {
  ASSIGN_OR_RETURN(std::unique_ptr<Run> run, Begin(wish));
  while (true) {
    absl::StatusOr<bool> done = run->Step();
    if (!done.ok()) return Annotate(done.status(), "collect garbage");
    if (*done) return run->report();
  }
}

}  // namespace firebreak
