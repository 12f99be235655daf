// StreamCall and StreamQueue: one server stream. Senders put messages into the queue from any thread and never wait;
// gRPC takes one at a time; a reader more than 256 messages behind is let go.
#ifndef FIREBREAK_SERVICES_DOORS_GRPC_STREAM_CALL_H_
#define FIREBREAK_SERVICES_DOORS_GRPC_STREAM_CALL_H_

#include <cstddef>
#include <deque>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "firebreak/doors/front_desk.h"
#include "grpcpp/generic/async_generic_service.h"

namespace firebreak {

// Thread-safe. May outlive its call: a sender that comes too late is told so.
class StreamQueue final : public MessageSink {
 public:
  static constexpr size_t kMessagesMax = 256;

  explicit StreamQueue(grpc::ServerGenericBidiReactor& call) : call_(&call) {}

  bool Send(const google::protobuf::Message& message) override;
  void Close(absl::Status status) override;  // OK: what is queued goes out first; an error goes out at once

  void Written(bool ok);  // gRPC took the message in flight

 private:
  void EndLocked(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  grpc::ServerGenericBidiReactor* call_ ABSL_GUARDED_BY(mutex_);   // nullptr once finished
  std::deque<grpc::ByteBuffer> messages_ ABSL_GUARDED_BY(mutex_);  // the first is in flight while writing_
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Deletes itself when gRPC is done with it.
class StreamCall final : public grpc::ServerGenericBidiReactor {
 public:
  StreamCall(FrontDesk& desk, const Method& method, grpc::GenericCallbackServerContext& context);

  const std::shared_ptr<StreamQueue>& queue() const { return queue_; }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override { queue_->Written(ok); }
  void OnCancel() override;
  void OnDone() override;

 private:
  // The subscription, which may arrive after the call is over; shared with the pool's thread that brings it.
  struct Seat {
    absl::Mutex mutex;
    std::unique_ptr<Subscription> subscription ABSL_GUARDED_BY(mutex);
    bool left ABSL_GUARDED_BY(mutex) = false;
  };
  static void Leave(Seat& seat);

  FrontDesk& desk_;
  const Method& method_;
  const Credentials credentials_;
  const std::shared_ptr<StreamQueue> queue_;
  const std::shared_ptr<Seat> seat_;
  grpc::ByteBuffer request_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_GRPC_STREAM_CALL_H_
