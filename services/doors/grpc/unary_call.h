// UnaryCall: one unary call from its first byte to its status.
#ifndef FIREBREAK_SERVICES_DOORS_GRPC_UNARY_CALL_H_
#define FIREBREAK_SERVICES_DOORS_GRPC_UNARY_CALL_H_

#include "firebreak/doors/front_desk.h"
#include "grpcpp/generic/async_generic_service.h"

namespace firebreak {

// Deletes itself when gRPC is done with it; Finish is called exactly once, so it outlives the handler.
class UnaryCall final : public grpc::ServerGenericBidiReactor {
 public:
  UnaryCall(FrontDesk& desk, const Method& method, grpc::GenericCallbackServerContext& context);

  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void Answer(absl::StatusOr<MessagePtr> answer);

  FrontDesk& desk_;
  const Method& method_;
  const Credentials credentials_;
  const absl::Time deadline_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_GRPC_UNARY_CALL_H_
