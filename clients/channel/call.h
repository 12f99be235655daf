// One unary call with a deadline, its answer as StatusOr. Inside clients/channel only.
#ifndef FIREBREAK_CLIENTS_CHANNEL_CALL_H_
#define FIREBREAK_CLIENTS_CHANNEL_CALL_H_

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/channel/channel.h"

namespace firebreak {

// From now; gRPC reads its own clock.
inline gpr_timespec InTime(absl::Duration timeout) {
  return gpr_time_from_millis(absl::ToInt64Milliseconds(timeout), GPR_TIMESPAN);
}

// gRPC moves a connection on only while somebody waits for it: a call that fails at once leaves a handshake lying for
// seconds. So whoever is about to call waits here first, at most `patience`; the call then says why there is no connection.
inline void AwaitConnection(grpc::Channel& channel, absl::Duration patience = absl::Seconds(3)) {
  if (channel.GetState(true) != GRPC_CHANNEL_READY) channel.WaitForConnected(InTime(patience));
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(grpc::Channel& channel, Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                              const Request& request, absl::Duration timeout) {
  AwaitConnection(channel);
  grpc::ClientContext context;
  context.set_deadline(InTime(timeout));
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return response;
}

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_CHANNEL_CALL_H_
