#include "firebreak/fleet/agent_hub.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/fleet.h"

namespace firebreak {
namespace {

constexpr std::string_view kDeploymentSubject = "deployment/";
constexpr size_t kWantedMax = 64;   // chunks one heartbeat names

}  // namespace

// Sends happen under the follower's own mutex, so that its subscription's end is a clean cut and epochs never go backwards.
struct AgentHub::Follower {
  DeploymentName deployment;
  AgentName agent;
  std::shared_ptr<Sink<v1::FollowEvent>> sink;
  absl::Mutex mutex;
  uint64_t epoch ABSL_GUARDED_BY(mutex) = 0;   // newest one it has
  bool over ABSL_GUARDED_BY(mutex) = false;

  void Send(const std::optional<v1::IssuedDecision>& newest, bool heartbeat, std::string_view checkpoint, absl::Time now,
            const std::vector<std::string>& wanted = {}) {
    absl::MutexLock lock(&mutex);
    const bool fresh = newest && newest->decision().epoch() > epoch;
    if (over || (!fresh && !heartbeat)) return;
    v1::FollowEvent event;
    if (fresh) *event.mutable_decision() = *newest;
    *event.mutable_server_time() = ToProto(now);
    event.set_checkpoint(std::string(checkpoint));
    for (const std::string& digest : wanted) event.add_wanted_chunks(digest);
    if (fresh) epoch = newest->decision().epoch();
    over = !sink->Send(std::move(event));
  }

  void End(const absl::Status& why) {
    absl::MutexLock lock(&mutex);
    if (!over) sink->Close(why);
    over = true;
  }
};

class AgentHub::Seat final : public Subscription {
 public:
  Seat(AgentHub& hub, uint64_t id, std::shared_ptr<Follower> follower)
      : hub_(hub), id_(id), follower_(std::move(follower)) {}
  ~Seat() override {
    {
      absl::MutexLock lock(&follower_->mutex);
      follower_->over = true;
    }
    hub_.Leave(id_);
  }

 private:
  AgentHub& hub_;
  const uint64_t id_;
  const std::shared_ptr<Follower> follower_;
};

AgentHub::AgentHub(Ledger& ledger, const Clock& clock, Log& log, AgentHubOptions options)
    : ledger_(ledger), clock_(clock), log_(log), options_(std::move(options)), started_(clock.Now()) {
  watch_ = ledger_.AddWatcher([this](const std::vector<v1::AuditEntry>& entries) {
    for (const v1::AuditEntry& entry : entries) {
      if (entry.action() != "decision.issued" && entry.action() != "decision.adopted") continue;
      absl::MutexLock lock(&mutex_);
      for (absl::string_view subject : entry.subjects()) {
        if (absl::ConsumePrefix(&subject, ToAbsl(kDeploymentSubject))) moved_.insert(std::string(subject));
      }
    }
  });
  thread_ = std::thread([this] { Run(); });
}

AgentHub::~AgentHub() {
  watch_.reset();
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
  std::map<uint64_t, std::shared_ptr<Follower>> followers;
  {
    absl::MutexLock lock(&mutex_);
    followers.swap(followers_);
  }
  for (auto& [id, follower] : followers) follower->End(absl::UnavailableError("the control plane is stopping; dial again"));
}

absl::StatusOr<std::unique_ptr<Subscription>> AgentHub::Follow(const DeploymentName& deployment, const AgentName& agent,
                                                               Epoch after, std::shared_ptr<Sink<v1::FollowEvent>> sink) {
  auto follower = std::make_shared<Follower>();
  follower->deployment = deployment;
  follower->agent = agent;
  follower->sink = std::move(sink);
  {
    absl::MutexLock lock(&follower->mutex);
    follower->epoch = after.value;
  }
  uint64_t id = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::UnavailableError("the control plane is stopping; dial again");
    if (followers_.size() >= options_.followers_max || (agent.empty() && watchers_ >= options_.watchers_max)) {
      return absl::ResourceExhaustedError(
          absl::StrCat("follow ", deployment.text(), ": ", followers_.size(), " followers are connected, no more are taken"));
    }
    id = next_id_++;
    followers_[id] = follower;
    if (agent.empty()) {
      ++watchers_;
    } else {
      ++connected_[agent.text()];
      last_seen_[agent.text()] = clock_.Now();
    }
  }
  auto seat = std::make_unique<Seat>(*this, id, follower);
  // Registered first, read second: a decision committed in between comes by one way or the other, and once.
  const std::optional<v1::IssuedDecision> newest = FindNewest(deployment);
  if (after.value > (newest ? newest->decision().epoch() : 0)) {
    // Followers never forget a decision: this control plane did, as one restored from an old backup does.
    log_.Error("fleet.follower-is-ahead", {{"deployment", deployment.text()},
                                           {"agent", agent.text()},
                                           {"follower_epoch", absl::StrCat(after.value)},
                                           {"our_epoch", absl::StrCat(newest ? newest->decision().epoch() : 0)}});
  }
  follower->Send(newest, /*heartbeat=*/true, "", clock_.Now());
  return seat;
}

void AgentHub::Saw(const AgentName& agent) {
  absl::MutexLock lock(&mutex_);
  last_seen_[agent.text()] = clock_.Now();
}

bool AgentHub::Connected(const AgentName& agent) const {
  absl::MutexLock lock(&mutex_);
  return connected_.contains(agent.text());
}

bool AgentHub::Expected(const AgentName& agent) const {
  absl::MutexLock lock(&mutex_);
  if (connected_.contains(agent.text())) return true;
  const auto seen = last_seen_.find(agent.text());
  return clock_.Now() - (seen == last_seen_.end() ? started_ : seen->second) < options_.grace;
}

absl::Time AgentHub::LastSeen(const AgentName& agent) const {
  absl::MutexLock lock(&mutex_);
  if (connected_.contains(agent.text())) return clock_.Now();
  const auto seen = last_seen_.find(agent.text());
  return seen == last_seen_.end() ? absl::InfinitePast() : seen->second;
}

void AgentHub::Drop(const AgentName& agent, const absl::Status& why) {
  std::vector<std::shared_ptr<Follower>> dropped;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, follower] : followers_) {
      if (follower->agent == agent) dropped.push_back(follower);
    }
  }
  for (const std::shared_ptr<Follower>& follower : dropped) follower->End(why);
}

size_t AgentHub::followers() const {
  absl::MutexLock lock(&mutex_);
  return followers_.size();
}

void AgentHub::Leave(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  const std::string& agent = found->second->agent.text();
  if (agent.empty()) {
    --watchers_;
  } else {
    last_seen_[agent] = clock_.Now();
    if (--connected_[agent] == 0) connected_.erase(agent);
  }
  followers_.erase(found);
}

void AgentHub::Run() {
  absl::Time next_beat = clock_.Now() + options_.heartbeat;
  while (true) {
    std::set<std::string> moved;
    bool beat = false;
    {
      absl::MutexLock lock(&mutex_);
      const auto due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !moved_.empty(); };
      clock_.AwaitUntil(mutex_, absl::Condition(&due), next_beat);
      if (stopping_) return;
      moved.swap(moved_);
      beat = clock_.Now() >= next_beat;
    }
    if (beat) next_beat = clock_.Now() + options_.heartbeat;
    Serve(moved, beat);
  }
}

void AgentHub::Serve(const std::set<std::string>& moved, bool heartbeat) {
  std::vector<std::shared_ptr<Follower>> served;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, follower] : followers_) {
      if (heartbeat || moved.contains(follower->deployment.text())) served.push_back(follower);
    }
  }
  if (served.empty()) return;
  std::string checkpoint;
  if (heartbeat && options_.checkpoint) {
    absl::StatusOr<std::string> signed_note = options_.checkpoint();
    if (signed_note.ok()) {
      checkpoint = *std::move(signed_note);
    } else {
      log_.Warning("fleet.checkpoint-missing", {{"error", signed_note.status().ToString()}});
    }
  }
  std::vector<std::string> wanted;
  if (heartbeat && options_.wanted_chunks) wanted = options_.wanted_chunks();
  if (wanted.size() > kWantedMax) wanted.resize(kWantedMax);
  const std::vector<std::string> nothing;
  std::map<std::string, std::optional<v1::IssuedDecision>> newest;
  for (const std::shared_ptr<Follower>& follower : served) {
    auto [place, first] = newest.try_emplace(follower->deployment.text());
    if (first) place->second = FindNewest(follower->deployment);
    follower->Send(place->second, heartbeat, checkpoint, clock_.Now(), follower->agent.empty() ? nothing : wanted);
  }
}

std::optional<v1::IssuedDecision> AgentHub::FindNewest(const DeploymentName& deployment) const {
  const auto find = [&]() -> absl::StatusOr<std::optional<v1::IssuedDecision>> {
    ASSIGN_OR_RETURN(const std::optional<v1::Deployment> record, FindRecord(ledger_.store(), DeploymentKey(deployment)));
    if (!record || record->epoch() == 0) return std::optional<v1::IssuedDecision>();
    return FindRecord(ledger_.store(), DecisionKey(deployment, Epoch{record->epoch()}));
  };
  absl::StatusOr<std::optional<v1::IssuedDecision>> found = find();
  if (found.ok()) return *std::move(found);
  log_.Error("fleet.decision-unreadable", {{"deployment", deployment.text()}, {"error", found.status().ToString()}});
  return std::nullopt;
}

}  // namespace firebreak
