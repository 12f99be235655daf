// One call over a port that may be cut: asked again while its answer says that asking again can help.
#ifndef FIREBREAK_CLIENTS_TRANSFER_RETRY_H_
#define FIREBREAK_CLIENTS_TRANSFER_RETRY_H_

#include <algorithm>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "firebreak/base/status.h"
#include "firebreak/transfer/transfer.h"

namespace firebreak {

inline bool WorthRetrying(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) || absl::IsDeadlineExceeded(status);
}

// Every call of the service is safe to repeat, so an unknown outcome is simply asked again.
template <typename Call>
auto Retry(const RetryPolicy& policy, std::string_view what, Call call) -> decltype(call()) {
  absl::Duration wait = policy.first_wait;
  for (int attempt = 1;; ++attempt) {
    auto answer = call();
    if (answer.ok()) return answer;
    if (!WorthRetrying(answer.status()) || attempt >= policy.attempts_max || !policy.sleep) {
      return Annotate(answer.status(), what);
    }
    policy.sleep(wait);
    wait = std::min(wait * 2, policy.wait_max);
  }
}

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_RETRY_H_
