// ServingIndex: what every deployment wants, served and proves, in memory and small, so that asking which of them a bad dataset
// reaches costs no read of their records.
#ifndef FIREBREAK_LINEAGE_SERVING_INDEX_H_
#define FIREBREAK_LINEAGE_SERVING_INDEX_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/subject_feed.h"
#include "firebreak/v1/fleet.pb.h"

namespace firebreak {

struct ServedRelease {
  std::string digest;
  struct Part {
    std::string name;       // model/fraud@7
    std::string snapshot;   // sha256:…
  };
  std::vector<Part> parts;  // the model first
};

struct ServedDeployment {
  std::string environment;
  bool contained = false;
  std::vector<ServedRelease> releases;   // each once; the wanted one first when there is one
  bool wants_one = false;
  struct Agent {
    std::string name;
    std::string release;                 // digest it proved to serve last; empty when it serves none
  };
  std::vector<Agent> agents;
};

// Thread-safe. `ledger` outlives it.
class ServingIndex {
 public:
  using Deployments = std::map<std::string, ServedDeployment>;
  explicit ServingIndex(Ledger& ledger) : ledger_(ledger) {}

  // Calls `use` once; it must not commit and not call Read. Shows every commit that was done when it was asked for.
  absl::Status Read(absl::FunctionRef<absl::Status(const Deployments&)> use);

 private:
  absl::Status CatchUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ReadAgain(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<ServedDeployment> Describe(const v1::Deployment& deployment) const;

  Ledger& ledger_;
  absl::Mutex mutex_;
  std::unique_ptr<SubjectFeed> feed_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Deployments> deployments_ ABSL_GUARDED_BY(mutex_);   // null while it has to be built
};

// The parts of a release, the model first.
ServedRelease PartsOf(const v1::Release& release);

}  // namespace firebreak

#endif  // FIREBREAK_LINEAGE_SERVING_INDEX_H_
