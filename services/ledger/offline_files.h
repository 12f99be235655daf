// What the writer and the verifier of an audit export must agree on.
#ifndef FIREBREAK_SERVICES_LEDGER_OFFLINE_FILES_H_
#define FIREBREAK_SERVICES_LEDGER_OFFLINE_FILES_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/ledger/note.h"

namespace firebreak {

inline constexpr std::string_view kCheckpointFile = "checkpoint";
inline constexpr std::string_view kReadmeFile = "README.txt";

// Explains the folder to whoever finds it; a function of log and key, so that it can be verified like everything else.
std::string ExportReadme(const Checkpoint& checkpoint, std::string_view vkey);

// kNotFound names the missing file; kDataLoss one that is larger than `bytes_max`.
absl::StatusOr<std::string> ReadExportFile(const std::filesystem::path& dir, std::string_view name, size_t bytes_max);

// Makes the folders it needs. kAlreadyExists is never the answer: the writer starts with an empty folder.
absl::Status WriteExportFile(const std::filesystem::path& dir, std::string_view name, std::string_view bytes);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_OFFLINE_FILES_H_
