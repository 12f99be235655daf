#include "services/doors/grpc/stream_call.h"

#include <utility>

#include "firebreak/base/text.h"
#include "services/doors/grpc/wire.h"

namespace firebreak {

bool StreamQueue::Send(const google::protobuf::Message& message) {
  absl::StatusOr<grpc::ByteBuffer> bytes = WriteMessage(message);
  absl::MutexLock lock(&mutex_);
  if (ended_) return false;
  if (!bytes.ok()) {
    EndLocked(bytes.status());
    return false;
  }
  if (messages_.size() >= kMessagesMax) {
    EndLocked(absl::ResourceExhaustedError(
        StrCat("reader is ", kMessagesMax, " messages behind (next: resume after the last one received)")));
    return false;
  }
  messages_.push_back(*std::move(bytes));
  if (!writing_) {
    writing_ = true;
    call_->StartWrite(&messages_.front());
  }
  return true;
}

void StreamQueue::Close(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  if (!ended_) EndLocked(std::move(status));
}

void StreamQueue::EndLocked(absl::Status status) {
  ended_ = true;
  if (status.ok() && writing_) return;  // Written finishes after the last message
  while (messages_.size() > (writing_ ? 1u : 0u)) messages_.pop_back();
  FinishLocked(status);
}

void StreamQueue::FinishLocked(const absl::Status& status) {
  if (call_ == nullptr) return;
  std::exchange(call_, nullptr)->Finish(ToGrpc(status));
}

void StreamQueue::Written(bool ok) {
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  messages_.pop_front();
  if (call_ == nullptr) return;
  if (!ok) {
    ended_ = true;
    messages_.clear();
    return FinishLocked(absl::CancelledError("the client is gone"));
  }
  if (!messages_.empty()) {
    writing_ = true;
    call_->StartWrite(&messages_.front());
  } else if (ended_) {
    FinishLocked(absl::OkStatus());
  }
}

StreamCall::StreamCall(FrontDesk& desk, const Method& method, grpc::GenericCallbackServerContext& context)
    : desk_(desk),
      method_(method),
      credentials_(CredentialsOf(context)),
      queue_(std::make_shared<StreamQueue>(*this)),
      seat_(std::make_shared<Seat>()) {
  absl::Status refused = RefuseUnread(desk_, method_, credentials_);
  if (refused.ok()) {
    StartRead(&request_);
  } else {
    queue_->Close(std::move(refused));
  }
}

void StreamCall::OnReadDone(bool ok) {
  absl::Status status;
  if (!ok) status = absl::InvalidArgumentError(StrCat(method_.name, ": no request arrived"));
  if (ok && request_.Length() > method_.limits.request_bytes_max) {
    status = absl::ResourceExhaustedError(StrCat(method_.name, ": request is too large"));
  }
  if (!status.ok()) {
    desk_.CountRefused(method_, "grpc", credentials_, status);
    queue_->Close(status);
    return;
  }
  // Nothing here points to this object: it may be gone when the pool gets to it.
  auto request = std::make_shared<grpc::ByteBuffer>(std::move(request_));
  desk_.OpenStream(
      method_, "grpc", credentials_,
      [request](google::protobuf::Message& message) { return ReadMessage(*request, message); }, queue_,
      [queue = queue_, seat = seat_](absl::StatusOr<std::unique_ptr<Subscription>> opened) {
        if (!opened.ok()) return queue->Close(opened.status());
        std::unique_ptr<Subscription> too_late;
        absl::MutexLock lock(&seat->mutex);
        (seat->left ? too_late : seat->subscription) = *std::move(opened);
      });
}

void StreamCall::Leave(Seat& seat) {
  std::unique_ptr<Subscription> leaving;  // destroyed without the lock
  absl::MutexLock lock(&seat.mutex);
  seat.left = true;
  leaving = std::move(seat.subscription);
}

void StreamCall::OnCancel() { queue_->Close(absl::CancelledError("the client is gone")); }

void StreamCall::OnDone() {
  Leave(*seat_);
  delete this;
}

}  // namespace firebreak
