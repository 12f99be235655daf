// The data folder: what is where in it, and how its files are read and written.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_DATA_FOLDER_H_
#define FIREBREAK_SERVICES_FIREBREAKD_DATA_FOLDER_H_

#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/firebreakd/config.h"
#include "services/firebreakd/house/house.h"

namespace firebreak {

// All paths are inside `root`.
struct DataFolder {
  std::string root;
  std::string config() const { return root + "/config.yaml"; }  // written last by init: its presence means complete
  std::string ca() const { return root + "/ca.pem"; }           // give it to clients
  std::string server() const { return root + "/server.pem"; }
  std::string decision_public() const { return root + "/decision.pub.pem"; }
  std::string admin_token() const { return root + "/admin-token"; }
  std::string keys() const { return root + "/keys"; }
  std::string ca_key() const { return keys() + "/ca.key"; }
  std::string server_key() const { return keys() + "/server.key"; }
  std::string decision_key() const { return keys() + "/decision.key"; }
  std::string ledger_key() const { return keys() + "/ledger.key"; }
  std::string sealing_key() const { return keys() + "/sealing.key"; }
  std::string playbooks() const { return root + "/playbooks"; }
  std::string credentials() const { return root + "/credentials"; }  // of destinations, one file each, 0600
  std::string hooks() const { return root + "/hooks.json"; }  // places playbooks may call; absent = none
  std::string store() const { return root + "/store"; }
  std::string run() const { return root + "/run"; }
  std::string witness() const { return root + "/witness"; }                       // the newest signed checkpoint
  std::string presented() const { return root + "/witness.presented"; }           // one that an agent showed and that does not fit
  std::string cut() const { return run() + "/cut"; }                              // of a backup that is being made
  std::string addresses() const { return run() + "/addresses.json"; }
};

// Whole file. kNotFound, kPermissionDenied and others name the path.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

// New file with this mode, durable when it returns OK; kAlreadyExists when there is one.
absl::Status WriteNewFile(const std::string& path, std::string_view bytes, mode_t mode);
// Takes the place of what was there, all or nothing.
absl::Status ReplaceFile(const std::string& path, std::string_view bytes, mode_t mode);
absl::Status MakeFolder(const std::string& path, mode_t mode);

// kFailedPrecondition with the next step when `folder` was never, or not completely, initialised.
absl::StatusOr<Config> LoadConfig(const DataFolder& folder);
absl::StatusOr<HouseKeys> LoadKeys(const DataFolder& folder);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_DATA_FOLDER_H_
