// One unary call with a deadline, its answer as StatusOr. Inside clients/channel only.
#ifndef FIREBREAK_CLIENTS_CHANNEL_CALL_H_
#define FIREBREAK_CLIENTS_CHANNEL_CALL_H_

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/channel/channel.h"

namespace firebreak {

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                              const Request& request, absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return response;
}

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_CHANNEL_CALL_H_
