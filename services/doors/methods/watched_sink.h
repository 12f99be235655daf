// WatchedSink, WatchedSubscription: an open stream as the front desk sees it. Messages are counted, the end is counted
// once, and a token revoked while the stream is open closes it.
#ifndef FIREBREAK_SERVICES_DOORS_METHODS_WATCHED_SINK_H_
#define FIREBREAK_SERVICES_DOORS_METHODS_WATCHED_SINK_H_

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "firebreak/doors/front_desk.h"
#include "services/doors/methods/tally.h"

namespace firebreak {

// Thread-safe.
class FrontDesk::WatchedSink final : public MessageSink {
 public:
  WatchedSink(FrontDesk& desk, const Method& method, std::string_view door, Credentials credentials, absl::Time began,
              std::shared_ptr<MessageSink> sink)
      : desk_(desk),
        method_(method),
        door_(door),
        credentials_(std::move(credentials)),
        began_(began),
        sink_(std::move(sink)) {}

  bool Send(const google::protobuf::Message& message) override {
    if (ended_.load(std::memory_order_acquire) || !sink_->Send(message)) return false;
    desk_.tally_->Sent(method_);
    return true;
  }

  void Close(absl::Status status) override {
    if (ended_.exchange(true, std::memory_order_acq_rel)) return;
    Count(status);
    sink_->Close(std::move(status));
  }

  // Closes the stream when its caller may not have it any more.
  void Recheck() {
    absl::Status admitted = desk_.Admit(credentials_, method_.permission, method_.name).status();
    if (absl::IsUnauthenticated(admitted) || absl::IsPermissionDenied(admitted)) Close(std::move(admitted));
  }

  FrontDesk& desk() { return desk_; }

  void Identify(std::string identity) {
    absl::MutexLock lock(&mutex_);
    identity_ = std::move(identity);
  }

  // The first end counts.
  void Count(const absl::Status& status) {
    if (counted_.exchange(true)) return;
    std::string identity;
    {
      absl::MutexLock lock(&mutex_);
      identity = identity_;
    }
    desk_.tally_->Handled(method_, status, {door_, identity, credentials_.peer, desk_.clock_.Now() - began_});
  }

 private:
  FrontDesk& desk_;
  const Method& method_;
  const std::string_view door_;
  const Credentials credentials_;
  const absl::Time began_;
  const std::shared_ptr<MessageSink> sink_;
  std::atomic<bool> counted_{false};
  std::atomic<bool> ended_{false};
  absl::Mutex mutex_;
  std::string identity_ ABSL_GUARDED_BY(mutex_);
};

class FrontDesk::WatchedSubscription final : public Subscription {
 public:
  WatchedSubscription(std::unique_ptr<Subscription> subscription, std::shared_ptr<WatchedSink> sink, std::string seated)
      : subscription_(std::move(subscription)), sink_(std::move(sink)), seated_(std::move(seated)) {}
  ~WatchedSubscription() override {
    subscription_.reset();
    sink_->Count(absl::CancelledError("the client is gone"));
    sink_->desk().UnseatStream(seated_);
  }

 private:
  std::unique_ptr<Subscription> subscription_;
  const std::shared_ptr<WatchedSink> sink_;
  const std::string seated_;  // whose place it takes
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_METHODS_WATCHED_SINK_H_
