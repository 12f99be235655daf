// Status codes as the outside knows them: gRPC's names, Connect's names, HTTP's numbers.
#ifndef FIREBREAK_DOORS_CODE_NAMES_H_
#define FIREBREAK_DOORS_CODE_NAMES_H_

#include <string_view>

#include "absl/status/status.h"

namespace firebreak {

std::string_view CodeName(absl::StatusCode code);         // "NotFound", as go-grpc-prometheus labels it
std::string_view ConnectCodeName(absl::StatusCode code);  // "not_found" (connectrpc.com/docs/protocol)
int HttpStatusOf(absl::StatusCode code);                  // 404, by the table of the same page

// True for codes that mean we, not the caller, have something to repair.
bool IsOurFault(absl::StatusCode code);

}  // namespace firebreak

#endif  // FIREBREAK_DOORS_CODE_NAMES_H_
