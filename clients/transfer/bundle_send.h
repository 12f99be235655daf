// Sends a signature bundle with the commit: inside it when it is short, as chunks before it when it is long.
#ifndef FIREBREAK_CLIENTS_TRANSFER_BUNDLE_SEND_H_
#define FIREBREAK_CLIENTS_TRANSFER_BUNDLE_SEND_H_

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "firebreak/transfer/snapshot_port.h"
#include "firebreak/transfer/transfer.h"

namespace firebreak {

// Sends what is long and names it, or all of it, in `commit`, which has the push's id. `next` answers the bundle piece by piece,
// nothing at its end.
absl::Status SendBundle(SnapshotPort& port, const RetryPolicy& retry,
                        absl::FunctionRef<absl::StatusOr<std::string_view>()> next, v1::CommitPushRequest& commit);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_BUNDLE_SEND_H_
