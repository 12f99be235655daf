#include "services/doors/grpc/wire.h"

#include <string>
#include <utility>

#include "firebreak/base/text.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/security/auth_context.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/proto_buffer_writer.h"

namespace firebreak {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // Both enumerations are the canonical codes with the same numbers.
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()), std::string(status.message()));
}

absl::Status ReadMessage(grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  if (!bytes.Valid() || bytes.Length() == 0) {
    message.Clear();
    return absl::OkStatus();
  }
  grpc::Status status = grpc::GenericDeserialize<grpc::ProtoBufferReader, google::protobuf::Message>(&bytes, &message);
  if (!status.ok()) {
    return absl::InvalidArgumentError(StrCat("request is not a ", message.GetDescriptor()->full_name()));
  }
  return absl::OkStatus();
}

absl::StatusOr<grpc::ByteBuffer> WriteMessage(const google::protobuf::Message& message) {
  grpc::ByteBuffer bytes;
  bool own_buffer = false;
  grpc::Status status =
      grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(message, &bytes, &own_buffer);
  if (!status.ok()) return absl::InternalError(StrCat("answer cannot be written: ", status.error_message()));
  return bytes;
}

Credentials CredentialsOf(const grpc::GenericCallbackServerContext& context) {
  Credentials credentials;
  const auto& metadata = context.client_metadata();
  if (auto found = metadata.find("authorization"); found != metadata.end()) {
    credentials.authorization.assign(found->second.data(), found->second.size());
  }
  std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth != nullptr && auth->IsPeerAuthenticated()) {
    auto names = auth->FindPropertyValues("x509_common_name");
    auto certificates = auth->FindPropertyValues("x509_pem_cert");
    if (names.size() == 1 && certificates.size() == 1) {
      credentials.agent = AgentName(std::string(names[0].data(), names[0].size()));
      credentials.agent_certificate.assign(certificates[0].data(), certificates[0].size());
    }
  }
  credentials.peer = context.peer();
  return credentials;
}

absl::Status RefuseUnread(FrontDesk& desk, const Method& method, const Credentials& credentials) {
  if (method.permission == Permission::kOpen) return absl::OkStatus();
  absl::Status admitted = desk.Admit(credentials, method.permission, method.name).status();
  if (!admitted.ok()) desk.CountRefused(method, "grpc", credentials, admitted);
  return admitted;
}

absl::Time DeadlineOf(const grpc::GenericCallbackServerContext& context) {
  auto deadline = context.deadline();
  // gRPC says "never" with the largest value its clock can hold.
  if (deadline == std::chrono::system_clock::time_point::max()) return absl::InfiniteFuture();
  return absl::FromChrono(deadline);
}

}  // namespace firebreak
