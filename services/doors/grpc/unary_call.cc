#include "services/doors/grpc/unary_call.h"

#include <utility>

#include "firebreak/base/text.h"
#include "services/doors/grpc/wire.h"

namespace firebreak {

UnaryCall::UnaryCall(FrontDesk& desk, const Method& method, grpc::GenericCallbackServerContext& context)
    : desk_(desk), method_(method), credentials_(CredentialsOf(context)), deadline_(DeadlineOf(context)) {
  absl::Status refused = RefuseUnread(desk_, method_, credentials_);
  if (refused.ok()) {
    StartRead(&request_);
  } else {
    Finish(ToGrpc(refused));
  }
}

void UnaryCall::OnReadDone(bool ok) {
  if (!ok) {  // no message, one too large for the transport, or the client is gone
    absl::Status status = absl::InvalidArgumentError(StrCat(method_.name, ": no request arrived"));
    desk_.CountRefused(method_, "grpc", credentials_, status);
    Finish(ToGrpc(status));
    return;
  }
  if (request_.Length() > method_.limits.request_bytes_max) {
    absl::Status status = absl::ResourceExhaustedError(
        StrCat(method_.name, ": request of ", request_.Length(), " bytes, at most ", method_.limits.request_bytes_max));
    desk_.CountRefused(method_, "grpc", credentials_, status);
    Finish(ToGrpc(status));
    return;
  }
  desk_.CallUnary(
      method_, "grpc", credentials_, deadline_,
      [this](google::protobuf::Message& message) { return ReadMessage(request_, message); },
      [this](absl::StatusOr<MessagePtr> answer) { Answer(std::move(answer)); });
}

void UnaryCall::Answer(absl::StatusOr<MessagePtr> answer) {
  if (!answer.ok()) return Finish(ToGrpc(answer.status()));
  absl::StatusOr<grpc::ByteBuffer> bytes = WriteMessage(**answer);
  if (!bytes.ok()) return Finish(ToGrpc(bytes.status()));
  response_ = *std::move(bytes);
  StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
}

}  // namespace firebreak
