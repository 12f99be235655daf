// Between gRPC's types and ours: statuses, metadata, messages as byte buffers.
#ifndef FIREBREAK_SERVICES_DOORS_GRPC_WIRE_H_
#define FIREBREAK_SERVICES_DOORS_GRPC_WIRE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/doors/front_desk.h"
#include "google/protobuf/message.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"

namespace firebreak {

grpc::Status ToGrpc(const absl::Status& status);

// kInvalidArgument when the bytes are not a message of this type.
absl::Status ReadMessage(grpc::ByteBuffer& bytes, google::protobuf::Message& message);
absl::StatusOr<grpc::ByteBuffer> WriteMessage(const google::protobuf::Message& message);

Credentials CredentialsOf(const grpc::GenericCallbackServerContext& context);

// Whether the request may be read at all: nobody unknown makes us hold megabytes. OK for the open method, whose callers are
// held to the server's memory limit alone. A refusal is counted. May block on the store for a moment.
absl::Status RefuseUnread(FrontDesk& desk, const Method& method, const Credentials& credentials);

// InfiniteFuture when the client set none.
absl::Time DeadlineOf(const grpc::GenericCallbackServerContext& context);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_GRPC_WIRE_H_
