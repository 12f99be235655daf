// Offering bytes back: chunks that are damaged in the control plane's store and lie here in a release that was staged.
#ifndef FIREBREAK_CLIENTS_AGENT_OFFER_H_
#define FIREBREAK_CLIENTS_AGENT_OFFER_H_

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/channel/control_port.h"
#include "firebreak/transfer/snapshot_port.h"

namespace firebreak {

// A snapshot and the folder that holds its files.
using HeldSnapshot = std::pair<Digest, std::filesystem::path>;

// Looks for the wanted chunks (raw digests) where the snapshots' lists of files say they are, hashes what lies there, and sends what
// is right. A snapshot whose list cannot be read is passed over. Answers how many chunks the control plane took.
absl::StatusOr<uint64_t> OfferWanted(SnapshotPort& snapshots, ControlPort& control, const std::set<std::string>& wanted,
                                     const std::vector<HeldSnapshot>& held);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_AGENT_OFFER_H_
