// Contexts: which service, which CA, whose token. Kept in one YAML file that holds paths, never secrets.
#ifndef FIREBREAK_CLIENTS_CLI_CONTEXTS_H_
#define FIREBREAK_CLIENTS_CLI_CONTEXTS_H_

#include <filesystem>
#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace firebreak::cli {

struct Context {
  std::string server;       // host:port
  std::string ca_file;      // absolute path
  std::string token_file;   // absolute path, mode 0600
};

struct ContextFile {
  std::string current;
  std::map<std::string, Context> contexts;
};

// $FIREBREAK_CONFIG, else $XDG_CONFIG_HOME/firebreak/config.yaml, else ~/.config/firebreak/config.yaml.
std::filesystem::path ContextPath();

// A file that does not exist reads as empty. kInvalidArgument names file and line.
absl::StatusOr<ContextFile> LoadContexts(const std::filesystem::path& path);

// Replaces the file atomically, mode 0600; makes its folder.
absl::Status SaveContexts(const std::filesystem::path& path, const ContextFile& file);

// Whole small file (at most 1 MiB). kNotFound when there is none, kFailedPrecondition when it may not be read,
// kInvalidArgument when it is a folder or too large; each names it.
absl::StatusOr<std::string> ReadSmallFile(const std::filesystem::path& path);
// The same with another limit, a multiple of 1 MiB.
absl::StatusOr<std::string> ReadFileUpTo(const std::filesystem::path& path, size_t bytes_max);
// A signature bundle may list more than a hundred thousand files.
inline constexpr size_t kBundleFileBytesMax = size_t{64} << 20;

// kAlreadyExists when something stands at `path`, kFailedPrecondition when nothing can be written there. Asked before the
// service makes a secret that exists only once.
absl::Status CheckNewFile(const std::filesystem::path& path);

// Written beside and renamed over, so nobody sees half a file. `secret` = mode 0600.
enum class FileMode { kOrdinary, kSecret };
absl::Status WriteWholeFile(const std::filesystem::path& path, std::string_view content, FileMode mode);

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_CONTEXTS_H_
