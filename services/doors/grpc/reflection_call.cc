#include "services/doors/grpc/reflection_call.h"

#include <set>
#include <string>
#include <utility>

#include "firebreak/base/text.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "reflection.pb.h"
#include "services/doors/grpc/wire.h"

namespace firebreak {
namespace {

namespace reflection = grpc::reflection::v1alpha;

void SetError(absl::StatusCode code, std::string message, reflection::ServerReflectionResponse& response) {
  response.mutable_error_response()->set_error_code(static_cast<int>(code));
  response.mutable_error_response()->set_error_message(std::move(message));
}

// The file and everything it imports, each once.
void AddFile(const google::protobuf::FileDescriptor& file, std::set<std::string>& seen,
             reflection::FileDescriptorResponse& response) {
  if (!seen.insert(file.name()).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), seen, response);
}

reflection::ServerReflectionResponse Reflect(const MethodTable& table,
                                             const reflection::ServerReflectionRequest& request) {
  const google::protobuf::DescriptorPool& pool = *google::protobuf::DescriptorPool::generated_pool();
  reflection::ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  const google::protobuf::FileDescriptor* file = nullptr;
  switch (request.message_request_case()) {
    case reflection::ServerReflectionRequest::kListServices: {
      for (std::string& name : table.Services()) {
        response.mutable_list_services_response()->add_service()->set_name(std::move(name));
      }
      response.mutable_list_services_response()->add_service()->set_name("grpc.reflection.v1alpha.ServerReflection");
      return response;
    }
    case reflection::ServerReflectionRequest::kFileByFilename:
      file = pool.FindFileByName(request.file_by_filename());
      break;
    case reflection::ServerReflectionRequest::kFileContainingSymbol:
      file = pool.FindFileContainingSymbol(request.file_containing_symbol());
      break;
    case reflection::ServerReflectionRequest::kFileContainingExtension:
    case reflection::ServerReflectionRequest::kAllExtensionNumbersOfType:
      break;  // the API has no extensions
    case reflection::ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      SetError(absl::StatusCode::kInvalidArgument, "empty request", response);
      return response;
  }
  if (file == nullptr) {
    SetError(absl::StatusCode::kNotFound, "not found", response);
    return response;
  }
  std::set<std::string> seen;
  AddFile(*file, seen, *response.mutable_file_descriptor_response());
  return response;
}

}  // namespace

bool IsReflectionPath(std::string_view path) {
  return path == "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" ||
         path == "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
}

void ReflectionCall::OnReadDone(bool ok) {
  if (!ok) return Finish(grpc::Status::OK);
  reflection::ServerReflectionRequest request;
  absl::Status status = ReadMessage(request_, request);
  if (!status.ok()) return Finish(ToGrpc(status));
  absl::StatusOr<grpc::ByteBuffer> bytes = WriteMessage(Reflect(table_, request));
  if (!bytes.ok()) return Finish(ToGrpc(bytes.status()));
  response_ = *std::move(bytes);
  StartWrite(&response_);
}

void ReflectionCall::OnWriteDone(bool ok) {
  if (!ok) return Finish(grpc::Status::OK);
  request_.Clear();
  StartRead(&request_);
}

}  // namespace firebreak
