#include "firebreak/snapshots/subject_feed.h"

#include <algorithm>

#include "firebreak/base/status.h"
#include "firebreak/ledger/entries.h"

namespace firebreak {
namespace {
constexpr size_t kEntriesPage = 500;
}  // namespace

SubjectFeed::SubjectFeed(Ledger& ledger, std::string prefix) : ledger_(ledger), prefix_(std::move(prefix)) {
  watch_ = ledger_.AddWatcher([this](const std::vector<v1::AuditEntry>& entries) { Note(entries); });
}

SubjectFeed::~SubjectFeed() { watch_.reset(); }   // before what it writes to goes

void SubjectFeed::Keep(const v1::AuditEntry& entry) {
  if (all_) return;
  const size_t cut = prefix_.find('/') + 1;
  for (const std::string& subject : entry.subjects()) {
    if (subject.compare(0, prefix_.size(), prefix_) == 0) subjects_.insert(subject.substr(cut));
  }
  if (subjects_.size() <= kKeptMax) return;
  all_ = true;
  subjects_.clear();
}

void SubjectFeed::Note(const std::vector<v1::AuditEntry>& entries) {
  absl::MutexLock lock(&mutex_);
  for (const v1::AuditEntry& entry : entries) Keep(entry);
  // Entries before these that nobody told us of are read from the log when somebody asks.
  if (entries.front().index() <= covered_) covered_ = std::max(covered_, entries.back().index() + 1);
}

absl::StatusOr<SubjectFeed::Touched> SubjectFeed::Take() {
  const uint64_t size = ledger_.size();
  uint64_t from = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (all_) covered_ = std::max(covered_, size);
    from = covered_;
  }
  while (from < size) {
    ASSIGN_OR_RETURN(EntryPage page, ListEntries(ledger_.store(), from, std::min<size_t>(kEntriesPage, size - from)));
    if (page.entries.empty()) return absl::DataLossError("the audit log ends before its size");
    from = page.entries.back().index() + 1;
    Note(page.entries);
  }
  absl::MutexLock lock(&mutex_);
  Touched touched;
  touched.all = std::exchange(all_, false);
  touched.subjects.assign(subjects_.begin(), subjects_.end());
  subjects_.clear();
  return touched;
}

}  // namespace firebreak
