// ProgramLibrary: playbooks by digest, made ready once and kept while they are in use. What a digest names never changes, so
// nothing in it is ever out of date.
#ifndef FIREBREAK_RUNS_PROGRAM_LIBRARY_H_
#define FIREBREAK_RUNS_PROGRAM_LIBRARY_H_

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/runs/program.h"
#include "firebreak/storage/meta_store.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

inline constexpr size_t kProgramsKeptMax = 64;

// Thread-safe. `store` and the specs outlive it.
class ProgramLibrary {
 public:
  // Asked for whenever a playbook is made ready: actions may be added until the first one is.
  using Actions = std::function<std::vector<const ActionSpec*>()>;

  ProgramLibrary(const MetaStore& store, Actions actions);
  ProgramLibrary(const MetaStore& store, std::vector<const ActionSpec*> actions)
      : ProgramLibrary(store, [actions = std::move(actions)] { return actions; }) {}

  // With every playbook it runs, at any depth. kNotFound, kDataLoss and kFailedPrecondition are about the playbook and will not
  // pass; kUnavailable is the store's.
  absl::StatusOr<std::shared_ptr<const Program>> Load(const std::string& digest) const;
  // The same for a playbook that was just read.
  absl::StatusOr<std::shared_ptr<const Program>> Make(const v1::Playbook& playbook) const;

 private:
  using Kept = std::list<std::pair<std::string, std::shared_ptr<const Program>>>;   // newest use first

  std::shared_ptr<const Program> FindKept(const std::string& digest) const;
  absl::Status AddChildren(const v1::Playbook& playbook, int depth, Program::Children& children) const;

  const MetaStore& store_;
  const Actions actions_;
  mutable absl::Mutex mutex_;
  mutable Kept kept_ ABSL_GUARDED_BY(mutex_);
  mutable absl::flat_hash_map<std::string, Kept::iterator> places_ ABSL_GUARDED_BY(mutex_);
};

// Whether no later attempt can make it readable.
bool IsOfPlaybookForGood(const absl::Status& status);

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_PROGRAM_LIBRARY_H_
