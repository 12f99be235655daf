#include "firebreak/doors/front_desk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/doors/methods/rate_limit.h"
#include "services/doors/methods/tally.h"
#include "services/doors/methods/watched_sink.h"

namespace firebreak {
namespace {

absl::Status PoolFull() {
  return absl::ResourceExhaustedError("too many calls are waiting (next: try again with a growing, random pause)");
}

}  // namespace

FrontDesk::FrontDesk(Identities identities, WorkerPool& pool, const Clock& clock, Log& log, Metrics& metrics,
                     FrontDeskOptions options)
    : identities_(std::move(identities)),
      pool_(pool),
      clock_(clock),
      log_(log),
      options_(options),
      tally_(std::make_unique<Tally>(metrics, log)),
      identity_limit_(std::make_unique<RateLimit>(options.calls_per_second, options.calls_burst)),
      open_limit_(std::make_unique<RateLimit>(options.open_calls_per_second, options.open_calls_burst)) {}

FrontDesk::~FrontDesk() = default;

absl::StatusOr<Caller> FrontDesk::Identify(const Credentials& credentials) const {
  if (!credentials.authorization.empty()) {
    std::string_view token = credentials.authorization;
    if (token.size() < 7 || !absl::EqualsIgnoreCase(ToAbsl(token.substr(0, 7)), "bearer ")) {
      return absl::UnauthenticatedError("authorization must read: Bearer fbt_<id>_<secret>");
    }
    return identities_.authenticate(token.substr(7));
  }
  if (!credentials.agent.empty()) {
    RETURN_IF_ERROR(identities_.check_agent(credentials.agent, credentials.agent_certificate));
    Caller caller;
    caller.identity = Identity(StrCat("agent/", credentials.agent.text()));
    caller.roles = {v1::ROLE_AGENT};
    caller.agent = credentials.agent;
    return caller;
  }
  return absl::UnauthenticatedError("no token and no client certificate (next: firebreak login)");
}

absl::StatusOr<Caller> FrontDesk::Admit(const Credentials& credentials, Permission permission,
                                        std::string_view what) const {
  ASSIGN_OR_RETURN(Caller caller, Identify(credentials));
  RETURN_IF_ERROR(CheckPermission(caller, permission, what));
  return caller;
}

absl::StatusOr<Caller> FrontDesk::AdmitToMethod(const Method& method, const Credentials& credentials) {
  if (method.permission == Permission::kOpen) {
    // Without the port: a new connection is not a new guest.
    std::string_view address = std::string_view(credentials.peer).substr(0, credentials.peer.rfind(':'));
    if (!open_limit_->Take(address, clock_.Now())) {
      return absl::ResourceExhaustedError(StrCat(method.name, ": too many attempts from ", address));
    }
    return Caller();
  }
  ASSIGN_OR_RETURN(Caller caller, Admit(credentials, method.permission, method.name));
  if (!identity_limit_->Take(caller.identity.text(), clock_.Now())) {
    return absl::ResourceExhaustedError(
        StrCat(caller.identity.text(), " calls too often: more than ", options_.calls_per_second, " calls per second"));
  }
  return caller;
}

absl::Time FrontDesk::DeadlineOf(absl::Time asked) const {
  absl::Time now = clock_.Now();
  if (asked == absl::InfiniteFuture()) return now + options_.deadline_default;
  return std::min(asked, now + options_.deadline_max);
}

void FrontDesk::CallUnary(const Method& method, std::string_view door, Credentials credentials, absl::Time deadline,
                          RequestReader read, UnaryDone done) {
  absl::Time began = clock_.Now();
  deadline = DeadlineOf(deadline);
  tally_->Started(method);
  auto job = [this, &method, door, credentials, began, deadline, read = std::move(read), done] {
    std::string identity;
    auto answer = [&]() -> absl::StatusOr<MessagePtr> {
      if (clock_.Now() >= deadline)
        return absl::DeadlineExceededError(StrCat(method.name, ": waited too long for a worker"));
      ASSIGN_OR_RETURN(Caller caller, AdmitToMethod(method, credentials));
      caller.deadline = deadline;
      identity = caller.identity.text();
      MessagePtr request(method.request->New());
      RETURN_IF_ERROR(read(*request));
      return method.unary(caller, *request);
    }();
    if (answer.ok()) tally_->Sent(method);
    tally_->Handled(method, answer.status(), {door, identity, credentials.peer, clock_.Now() - began});
    done(std::move(answer));
  };
  if (!pool_.TryPost(std::move(job), method.limits.pace)) {
    tally_->Handled(method, PoolFull(), {door, "", credentials.peer, clock_.Now() - began});
    done(PoolFull());
  }
}

void FrontDesk::OpenStream(const Method& method, std::string_view door, Credentials credentials, RequestReader read,
                           std::shared_ptr<MessageSink> sink, StreamOpened opened) {
  absl::Time began = clock_.Now();
  tally_->Started(method);
  auto job = [this, &method, door, credentials, began, read = std::move(read), sink = std::move(sink), opened] {
    auto watched = std::make_shared<WatchedSink>(*this, method, door, credentials, began, sink);
    std::string seated;
    auto subscription = [&]() -> absl::StatusOr<std::unique_ptr<Subscription>> {
      ASSIGN_OR_RETURN(Caller caller, AdmitToMethod(method, credentials));
      RETURN_IF_ERROR(SeatStream(caller.identity.text()));
      seated = caller.identity.text();
      watched->Identify(caller.identity.text());
      MessagePtr request(method.request->New());
      RETURN_IF_ERROR(read(*request));
      return method.stream(caller, *request, watched);
    }();
    if (!subscription.ok()) {
      if (!seated.empty()) UnseatStream(seated);
      watched->Count(subscription.status());
      opened(subscription.status());
      return;
    }
    Watch(watched);
    opened(std::make_unique<WatchedSubscription>(*std::move(subscription), watched, std::move(seated)));
  };
  if (!pool_.TryPost(std::move(job))) {
    tally_->Handled(method, PoolFull(), {door, "", credentials.peer, clock_.Now() - began});
    opened(PoolFull());
  }
}

absl::Status FrontDesk::SeatStream(const std::string& identity) {
  absl::MutexLock lock(&streams_mutex_);
  size_t& open = streams_[identity];
  if (open >= options_.streams_per_identity) {
    return absl::ResourceExhaustedError(StrCat(identity, " has ", open, " streams open, no more are given"));
  }
  ++open;
  return absl::OkStatus();
}

void FrontDesk::UnseatStream(const std::string& identity) {
  absl::MutexLock lock(&streams_mutex_);
  auto found = streams_.find(identity);
  if (--found->second == 0) streams_.erase(found);
}

void FrontDesk::Watch(const std::shared_ptr<WatchedSink>& stream) {
  absl::MutexLock lock(&streams_mutex_);
  if (watched_.size() >= sweep_at_) {
    std::erase_if(watched_, [](const std::weak_ptr<WatchedSink>& weak) { return weak.expired(); });
    sweep_at_ = 64 + 2 * watched_.size();
  }
  watched_.push_back(stream);
}

void FrontDesk::RecheckStreams() {
  std::vector<std::shared_ptr<WatchedSink>> open;
  {
    absl::MutexLock lock(&streams_mutex_);
    for (const std::weak_ptr<WatchedSink>& weak : watched_) {
      if (std::shared_ptr<WatchedSink> stream = weak.lock()) open.push_back(std::move(stream));
    }
  }
  for (const std::shared_ptr<WatchedSink>& stream : open) stream->Recheck();
}

void FrontDesk::CountRefused(const Method& method, std::string_view door, const Credentials& credentials,
                             const absl::Status& status) {
  tally_->Started(method);
  tally_->Handled(method, status, {door, "", credentials.peer, absl::ZeroDuration()});
}

}  // namespace firebreak
