#include "firebreak/doors/code_names.h"

namespace firebreak {
namespace {

struct CodeRow {
  std::string_view grpc;
  std::string_view connect;
  int http;
  bool our_fault;
};

CodeRow RowOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return {"OK", "", 200, false};
    case absl::StatusCode::kCancelled:
      return {"Canceled", "canceled", 499, false};
    case absl::StatusCode::kInvalidArgument:
      return {"InvalidArgument", "invalid_argument", 400, false};
    case absl::StatusCode::kDeadlineExceeded:
      return {"DeadlineExceeded", "deadline_exceeded", 504, false};
    case absl::StatusCode::kNotFound:
      return {"NotFound", "not_found", 404, false};
    case absl::StatusCode::kAlreadyExists:
      return {"AlreadyExists", "already_exists", 409, false};
    case absl::StatusCode::kPermissionDenied:
      return {"PermissionDenied", "permission_denied", 403, false};
    case absl::StatusCode::kUnauthenticated:
      return {"Unauthenticated", "unauthenticated", 401, false};
    case absl::StatusCode::kResourceExhausted:
      return {"ResourceExhausted", "resource_exhausted", 429, false};
    case absl::StatusCode::kFailedPrecondition:
      return {"FailedPrecondition", "failed_precondition", 400, false};
    case absl::StatusCode::kAborted:
      return {"Aborted", "aborted", 409, false};
    case absl::StatusCode::kOutOfRange:
      return {"OutOfRange", "out_of_range", 400, false};
    case absl::StatusCode::kUnimplemented:
      return {"Unimplemented", "unimplemented", 501, false};
    case absl::StatusCode::kInternal:
      return {"Internal", "internal", 500, true};
    case absl::StatusCode::kUnavailable:
      return {"Unavailable", "unavailable", 503, true};
    case absl::StatusCode::kDataLoss:
      return {"DataLoss", "data_loss", 500, true};
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDoNotUseReservedForFutureExpansionUseDefaultInSwitchInstead_:
      break;
  }
  return {"Unknown", "unknown", 500, true};
}

}  // namespace

std::string_view CodeName(absl::StatusCode code) { return RowOf(code).grpc; }
std::string_view ConnectCodeName(absl::StatusCode code) { return RowOf(code).connect; }
int HttpStatusOf(absl::StatusCode code) { return RowOf(code).http; }
bool IsOurFault(absl::StatusCode code) { return RowOf(code).our_fault; }

}  // namespace firebreak
