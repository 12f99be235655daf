// AgentHub: the open streams of every follower. Level-triggered: a follower gets the newest decision at once and each newer one,
// never a queue of old ones. One thread serves them all.
#ifndef FIREBREAK_FLEET_AGENT_HUB_H_
#define FIREBREAK_FLEET_AGENT_HUB_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/log.h"
#include "firebreak/base/stream.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/v1/fleet.pb.h"

namespace firebreak {

struct AgentHubOptions {
  absl::Duration heartbeat = absl::Seconds(5);
  // An agent seen this long ago, or at all since the hub started this long ago, still counts as one to wait for: a restarted
  // control plane must not believe that nobody is there.
  absl::Duration grace = absl::Seconds(15);
  size_t followers_max = 4096;
  size_t watchers_max = 1024;   // of them, those that are no agents: who only watches must not keep an agent out
  // Newest signed ledger checkpoint, carried by heartbeats (Ledger::SignCheckpoint). May be empty.
  std::function<absl::StatusOr<std::string>()> checkpoint;
  // Raw digests of chunks that are damaged in the store, carried by agents' heartbeats, the first 64. May be empty.
  std::function<std::vector<std::string>()> wanted_chunks = {};
};

// Thread-safe. `ledger`, `clock` and `log` outlive it; it outlives every Subscription it gave (doors stop first).
class AgentHub {
 public:
  AgentHub(Ledger& ledger, const Clock& clock, Log& log, AgentHubOptions options);
  ~AgentHub();   // closes every stream with kUnavailable, then joins the thread
  AgentHub(const AgentHub&) = delete;
  AgentHub& operator=(const AgentHub&) = delete;

  // `agent` is empty for a follower that is no agent. The newest decision is sent before this returns when its epoch is above
  // `after`; at equal epoch a heartbeat tells the follower that it is up to date. kResourceExhausted past followers_max,
  // or past watchers_max when `agent` is empty.
  absl::StatusOr<std::unique_ptr<Subscription>> Follow(const DeploymentName& deployment, const AgentName& agent, Epoch after,
                                                       std::shared_ptr<Sink<v1::FollowEvent>> sink);

  // The agent was heard of now (a proof arrived).
  void Saw(const AgentName& agent);
  bool Connected(const AgentName& agent) const;
  // Connected, or seen (or possibly still reconnecting) within the grace period.
  bool Expected(const AgentName& agent) const;
  // InfinitePast when it was not seen since the hub started.
  absl::Time LastSeen(const AgentName& agent) const;
  // Ends the agent's streams (it was removed).
  void Drop(const AgentName& agent, const absl::Status& why);
  size_t followers() const;

 private:
  struct Follower;
  class Seat;
  void Run();
  // Sends what followers have not had: of the `moved` deployments, or of all and a heartbeat.
  void Serve(const std::set<std::string>& moved, bool heartbeat);
  std::optional<v1::IssuedDecision> FindNewest(const DeploymentName& deployment) const;
  void Leave(uint64_t id);

  // Constant after construction.
  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  const AgentHubOptions options_;
  const absl::Time started_;

  mutable absl::Mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Follower>> followers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> connected_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Time> last_seen_ ABSL_GUARDED_BY(mutex_);
  size_t watchers_ ABSL_GUARDED_BY(mutex_) = 0;           // followers that are no agents
  std::set<std::string> moved_ ABSL_GUARDED_BY(mutex_);   // deployments with a decision not yet sent
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<Ledger::Watch> watch_;
  std::thread thread_;
};

}  // namespace firebreak

#endif  // FIREBREAK_FLEET_AGENT_HUB_H_
