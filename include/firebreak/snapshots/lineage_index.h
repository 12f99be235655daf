// LineageIndex: the LineageGraph of everything stored, built from the store at the first question, or by Warm, and kept equal to it: an
// answer shows every commit that was done when it was asked for.
#ifndef FIREBREAK_SNAPSHOTS_LINEAGE_INDEX_H_
#define FIREBREAK_SNAPSHOTS_LINEAGE_INDEX_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/lineage_graph.h"
#include "firebreak/snapshots/subject_feed.h"

namespace firebreak {

// Thread-safe. `ledger` outlives it.
class LineageIndex {
 public:
  explicit LineageIndex(Ledger& ledger) : ledger_(ledger) {}

  // Calls `use` once with the graph, which stays as it is until `use` returns. `use` must not commit and not call Read.
  // Errors: the store's, or those of `use`. The first call reads every snapshot's record (about a second for 100,000).
  absl::Status Read(absl::FunctionRef<absl::Status(const LineageGraph&)> use);

  // Reads everything now, so that the first question need not. kCancelled soon after `give_up` is set; the next question then
  // starts anew.
  absl::Status Warm(const std::atomic<bool>& give_up);

 private:
  absl::Status CatchUp(const std::atomic<bool>& give_up) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ReadSigners(LineageGraph& graph, const std::atomic<bool>& give_up) const;
  absl::Status Build(const std::atomic<bool>& give_up) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ReadAgain(const std::string& digest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Ledger& ledger_;
  absl::Mutex mutex_;
  std::unique_ptr<SubjectFeed> feed_ ABSL_GUARDED_BY(mutex_);        // from the first question on
  std::unique_ptr<LineageGraph> graph_ ABSL_GUARDED_BY(mutex_);      // null while it has to be built
};

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_LINEAGE_INDEX_H_
