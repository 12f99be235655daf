// ReflectionCall: answers the server reflection protocol from the linked descriptors and the method table's services.
#ifndef FIREBREAK_SERVICES_DOORS_GRPC_REFLECTION_CALL_H_
#define FIREBREAK_SERVICES_DOORS_GRPC_REFLECTION_CALL_H_

#include <string_view>

#include "firebreak/doors/method_table.h"
#include "grpcpp/generic/async_generic_service.h"

namespace firebreak {

// True for the paths of both versions of the protocol, which are the same on the wire.
bool IsReflectionPath(std::string_view path);

// Deletes itself when gRPC is done with it. The schema is no secret, so nobody needs to be known to read it.
class ReflectionCall final : public grpc::ServerGenericBidiReactor {
 public:
  explicit ReflectionCall(const MethodTable& table) : table_(table) { StartRead(&request_); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  const MethodTable& table_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_GRPC_REFLECTION_CALL_H_
