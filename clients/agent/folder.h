// AgentFolder: the agent's part of the disk.
//   state.pb            last decision accepted (store.v1.AgentState), synced before it is acted on
//   status.pb           for `firebreak-agent status`
//   current             symlink to releases/<hex> or contained, switched by rename
//   releases/<hex>/     one staged release: model/ config/ datasets/<hex>/ RELEASE.json
//   contained/          CONTAINED.json, and `safe` -> the operator's safe folder, if there is one
//   agent.key agent.crt ca.pem decision_key.pem agent.yaml
#ifndef FIREBREAK_CLIENTS_AGENT_FOLDER_H_
#define FIREBREAK_CLIENTS_AGENT_FOLDER_H_

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/store/v1/fleet.pb.h"
#include "firebreak/v1/fleet.pb.h"

namespace firebreak {

// Atomic and durable: a temporary file beside it, synced, renamed, the folder synced. `mode` is of a new file.
absl::Status WriteFileSynced(const std::filesystem::path& path, std::string_view bytes, int mode = 0644);
// kNotFound when there is none; kResourceExhausted past 16 MiB.
absl::StatusOr<std::string> ReadWholeFile(const std::filesystem::path& path);

// Not thread-safe (one worker uses it).
class AgentFolder {
 public:
  explicit AgentFolder(std::filesystem::path root) : root_(std::move(root)) {}

  // Makes releases/ and contained/ ahead of need, so that a containment has nothing left to create.
  absl::Status Prepare(const std::filesystem::path& safe_folder);

  absl::StatusOr<store::v1::AgentState> LoadState() const;   // empty when there is none; kDataLoss when it cannot be read
  absl::Status SaveState(const store::v1::AgentState& state) const;
  absl::Status SaveStatus(const store::v1::AgentStatusFile& status) const;   // atomic, not synced
  absl::StatusOr<store::v1::AgentStatusFile> LoadStatus() const;
  // The newest signed ledger checkpoint seen, durable; kNotFound when there is none. For the thread that follows.
  absl::Status SaveCheckpoint(std::string_view note) const;
  absl::StatusOr<std::string> LoadCheckpoint() const;

  // As a target (converge.h).
  std::string CurrentTarget() const;
  absl::Status SwitchTo(std::string_view target) const;
  absl::Status MarkContained(const v1::Decision& decision) const;

  std::filesystem::path ReleaseFolder(const Digest& release) const;
  // Where parts are brought together before the release appears as a whole.
  std::filesystem::path StagingFolder(const Digest& release) const;
  bool Staged(const Digest& release) const;
  absl::Status FinishStaging(const v1::Release& release, const Digest& digest) const;
  // It no longer counts as staged; the files stay until it was staged again, since a server may have them open.
  absl::Status Unstage(const Digest& release) const;
  // Removes every staged or half-staged release that is neither in `keep` nor current.
  void Prune(const std::set<std::string>& keep) const;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path current() const { return root_ / "current"; }

 private:
  const std::filesystem::path root_;
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_AGENT_FOLDER_H_
