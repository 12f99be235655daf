// What pushing and pulling share: progress, retries, and how many bytes are in flight.
#ifndef FIREBREAK_TRANSFER_TRANSFER_H_
#define FIREBREAK_TRANSFER_TRANSFER_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/time/time.h"

namespace firebreak {

enum class TransferPhase { kScanning, kTransferring, kCommitting, kDone };

struct TransferProgress {
  TransferPhase phase = TransferPhase::kScanning;
  uint64_t files_done = 0;
  uint64_t files_total = 0;
  uint64_t bytes_done = 0;          // read and hashed (push), written and verified (pull)
  uint64_t bytes_total = 0;
  uint64_t bytes_moved = 0;         // that really crossed the port; the rest was already there
};

// Called on the thread that called PushFolder/PullSnapshot, at most once per file or chunk group; must be quick.
using ProgressCallback = std::function<void(const TransferProgress&)>;

// kUnavailable and kResourceExhausted are tried again, waiting first_wait, twice that … at most wait_max between attempts.
struct RetryPolicy {
  int attempts_max = 6;
  absl::Duration first_wait = absl::Milliseconds(200);
  absl::Duration wait_max = absl::Seconds(10);
  std::function<void(absl::Duration)> sleep;   // how to wait; unset = do not try again
};

struct TransferLimits {
  int threads = 3;                               // chunk hashing and RPCs
  size_t groups_in_flight = 6;                   // waiting or on their way, each at most group_bytes
  size_t group_bytes = size_t{3} << 20;
};

}  // namespace firebreak

#endif  // FIREBREAK_TRANSFER_TRANSFER_H_
