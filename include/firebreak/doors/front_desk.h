// FrontDesk: what every call passes, whichever door it came through: who is it, may they, not too fast, not too late,
// run the handler on the pool, count it, log it if it failed. Doors only turn bytes into messages and back.
#ifndef FIREBREAK_DOORS_FRONT_DESK_H_
#define FIREBREAK_DOORS_FRONT_DESK_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/stream.h"
#include "firebreak/doors/method_table.h"
#include "firebreak/doors/worker_pool.h"
#include "firebreak/metrics/metrics.h"

namespace firebreak {

// What a door knows of the other side before anybody was asked.
struct Credentials {
  std::string authorization;  // the header as it came: "Bearer fbt_…", or empty
  AgentName agent;            // common name of a client certificate that verified against our CA, or empty
  std::string peer;           // address, for logs and limits
  std::string agent_certificate = {};  // that certificate, PEM
};

// Looks identities up; both may block on the store for a moment and are called on any thread.
struct Identities {
  std::function<absl::StatusOr<Caller>(std::string_view token)> authenticate;
  // OK when the agent is enrolled with this certificate's key and was not removed; otherwise kUnauthenticated or
  // kPermissionDenied says why. A certificate outlives its enrolment: the name alone proves nothing.
  std::function<absl::Status(const AgentName&, std::string_view certificate_pem)> check_agent;
};

struct FrontDeskOptions {
  double calls_per_second = 5000;  // per identity; a script gone wild, not a busy fleet
  double calls_burst = 10000;
  double open_calls_per_second = 5;  // per address, for the method that needs no identity
  double open_calls_burst = 50;
  absl::Duration deadline_default = absl::Seconds(60);  // for calls that bring none
  absl::Duration deadline_max = absl::Minutes(10);
  // Every open stream is told of commits by the one thread that makes them, so one reader may not open thousands.
  size_t streams_per_identity = 256;
};

// Thread-safe. Everything given to it outlives it, and the pool is stopped before it is destroyed.
class FrontDesk {
 public:
  // Fills the message from the bytes that came; run on the pool.
  using RequestReader = std::function<absl::Status(google::protobuf::Message&)>;
  using UnaryDone = std::function<void(absl::StatusOr<MessagePtr>)>;
  using StreamOpened = std::function<void(absl::StatusOr<std::unique_ptr<Subscription>>)>;

  FrontDesk(Identities identities, WorkerPool& pool, const Clock& clock, Log& log, Metrics& metrics,
            FrontDeskOptions options = {});
  ~FrontDesk();

  // `done` is called exactly once, on a pool thread, or on this one when the pool is full (kResourceExhausted).
  // `deadline` InfiniteFuture = the default. A call whose deadline passed while it waited is not run.
  void CallUnary(const Method& method, std::string_view door, Credentials credentials, absl::Time deadline,
                 RequestReader read, UnaryDone done);

  // As above. The door keeps the Subscription until the client is gone, and destroys it on no thread that holds a lock
  // the sink's Send takes. The sink may get messages before `opened` was called. Close is called at most once.
  void OpenStream(const Method& method, std::string_view door, Credentials credentials, RequestReader read,
                  std::shared_ptr<MessageSink> sink, StreamOpened opened);

  // Ends the streams of those who may not have them any more: a revoked token, an agent that was removed. For a timer.
  void RecheckStreams();

  // The same gate for what is not an rpc (alert intake, metrics): who is it, and may they. Not rate limited. May block
  // on the store for a moment when the token was not seen lately.
  absl::StatusOr<Caller> Admit(const Credentials& credentials, Permission permission, std::string_view what) const;

  // Counts and logs a call that did not go through CallUnary, such as one refused before its bytes were read.
  void CountRefused(const Method& method, std::string_view door, const Credentials& credentials,
                    const absl::Status& status);

  Log& log() const { return log_; }
  const Clock& clock() const { return clock_; }

 private:
  class RateLimit;
  class Tally;
  class WatchedSink;
  class WatchedSubscription;

  absl::StatusOr<Caller> Identify(const Credentials& credentials) const;
  absl::StatusOr<Caller> AdmitToMethod(const Method& method, const Credentials& credentials);
  absl::Time DeadlineOf(absl::Time asked) const;
  absl::Status SeatStream(const std::string& identity);
  void UnseatStream(const std::string& identity);
  void Watch(const std::shared_ptr<WatchedSink>& stream);

  const Identities identities_;
  WorkerPool& pool_;
  const Clock& clock_;
  Log& log_;
  const FrontDeskOptions options_;
  std::unique_ptr<Tally> tally_;
  std::unique_ptr<RateLimit> identity_limit_;
  std::unique_ptr<RateLimit> open_limit_;
  absl::Mutex streams_mutex_;
  absl::flat_hash_map<std::string, size_t> streams_ ABSL_GUARDED_BY(streams_mutex_);  // open now, by identity
  std::vector<std::weak_ptr<WatchedSink>> watched_ ABSL_GUARDED_BY(streams_mutex_);
  size_t sweep_at_ ABSL_GUARDED_BY(streams_mutex_) = 64;
};

}  // namespace firebreak

#endif  // FIREBREAK_DOORS_FRONT_DESK_H_
