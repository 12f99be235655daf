// QuietJoins: what the last alerts of a storm found out about the incident they belong to. Joining an incident that is in
// hands only reads, and reads the same for every alert; with this the next ones need not read it again. The ledger finds out
// at the commit whether it still holds.
#ifndef FIREBREAK_SERVICES_INCIDENTS_QUIET_JOINS_H_
#define FIREBREAK_SERVICES_INCIDENTS_QUIET_JOINS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/incidents/correlation.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/ledger/draft.h"

namespace firebreak {

// Thread-safe.
class IncidentDesk::QuietJoins {
 public:
  struct Known {
    Correlation joined;
    std::shared_ptr<const Sighting> sighting;
  };

  // Of signals that mean the same here: same key, deployment and severity.
  static std::string NameOf(const CorrelationKey& key, const IncidentSignal& signal) {
    std::string name;
    name.reserve(key.model.size() + key.environment.size() + key.kind.size() + key.deployment.size() +
                 signal.deployment.size() + 8);
    for (const std::string* part : {&key.model, &key.environment, &key.kind, &key.deployment, &signal.deployment}) {
      name.append(*part).push_back('\0');
    }
    name.push_back(static_cast<char>('0' + signal.severity % 10));
    return name;
  }

  // nullptr when it is not known, or was seen so long before `as_of` that looking again is cheaper than checking.
  std::shared_ptr<const Known> Find(const std::string& name, uint64_t as_of) const {
    absl::ReaderMutexLock lock(&mutex_);
    const auto found = known_.find(name);
    if (found == known_.end() || as_of > found->second->sighting->as_of + kCommitsMax) return nullptr;
    return found->second;
  }
  void Learn(const std::string& name, Known known) {
    absl::MutexLock lock(&mutex_);
    if (known_.size() >= kKnownMax) known_.clear();
    known_.insert_or_assign(name, std::make_shared<const Known>(std::move(known)));
  }
  void Forget(const std::string& name) {
    absl::MutexLock lock(&mutex_);
    known_.erase(name);
  }

 private:
  static constexpr uint64_t kCommitsMax = 64;
  static constexpr size_t kKnownMax = 4096;

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<const Known>> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_INCIDENTS_QUIET_JOINS_H_
