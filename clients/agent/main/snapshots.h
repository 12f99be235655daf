// How the agent's slot reaches snapshots: pulls through the transfer library, hashes as it does.
#ifndef FIREBREAK_CLIENTS_AGENT_MAIN_SNAPSHOTS_H_
#define FIREBREAK_CLIENTS_AGENT_MAIN_SNAPSHOTS_H_

#include <filesystem>
#include <functional>

#include "absl/status/statusor.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/ids.h"
#include "firebreak/transfer/snapshot_port.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// SlotPorts::fetch over `port`. Both outlive the answer.
std::function<absl::Status(const Digest&, const std::filesystem::path&, const std::function<bool()>&)> FetchFrom(
    SnapshotPort& port, const Clock& clock);

// SlotPorts::hash.
absl::StatusOr<Digest> HashSnapshotFolder(const std::filesystem::path& folder, v1::SnapshotKind kind);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_AGENT_MAIN_SNAPSHOTS_H_
