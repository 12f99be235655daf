#include "clients/cli/contexts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "yaml-cpp/yaml.h"

namespace firebreak::cli {
namespace {

constexpr size_t kSmallFileBytesMax = size_t{1} << 20;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string TextOf(const YAML::Node& node, const char* key) {
  return node[key] ? node[key].as<std::string>("") : "";
}

}  // namespace

std::filesystem::path ContextPath() {
  if (std::string path = Environment("FIREBREAK_CONFIG"); !path.empty()) return path;
  if (std::string base = Environment("XDG_CONFIG_HOME"); !base.empty()) {
    return std::filesystem::path(base) / "firebreak" / "config.yaml";
  }
  return std::filesystem::path(Environment("HOME")) / ".config" / "firebreak" / "config.yaml";
}

absl::StatusOr<std::string> ReadSmallFile(const std::filesystem::path& path) { return ReadFileUpTo(path, kSmallFileBytesMax); }

absl::StatusOr<std::string> ReadFileUpTo(const std::filesystem::path& path, size_t bytes_max) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    const std::string why = StrCat(path.string(), ": ", std::strerror(errno));
    return errno == ENOENT || errno == ENOTDIR ? absl::NotFoundError(why) : absl::FailedPreconditionError(why);
  }
  std::string content;
  char buffer[8192];
  ssize_t count = 0;
  while (content.size() <= bytes_max) {
    count = ::read(file, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    content.append(buffer, static_cast<size_t>(count));
  }
  const int error = errno;
  ::close(file);
  if (count < 0) return absl::InvalidArgumentError(StrCat(path.string(), ": ", std::strerror(error)));
  if (content.size() > bytes_max) {
    return absl::InvalidArgumentError(StrCat(path.string(), ": larger than ", bytes_max >> 20, " MiB, so not what this command reads"));
  }
  return content;
}

absl::Status CheckNewFile(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, error))) {
    return absl::AlreadyExistsError(StrCat(path.string(), " exists and is not overwritten (next: name another file)"));
  }
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return absl::FailedPreconditionError(StrCat("write ", path.string(), ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::Status WriteWholeFile(const std::filesystem::path& path, std::string_view content, FileMode mode) {
  const std::string temporary = path.string() + ".partial";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode == FileMode::kSecret ? 0600 : 0644);
  if (file < 0) return absl::FailedPreconditionError(StrCat("write ", path.string(), ": ", std::strerror(errno)));
  bool good = mode == FileMode::kOrdinary || ::fchmod(file, 0600) == 0;
  size_t written = 0;
  while (good && written < content.size()) {
    const ssize_t count = ::write(file, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    good = count > 0;
    if (good) written += static_cast<size_t>(count);
  }
  good = good && ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  if (!good || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = good ? errno : error;
    ::unlink(temporary.c_str());
    return absl::FailedPreconditionError(StrCat("write ", path.string(), ": ", std::strerror(reason)));
  }
  return absl::OkStatus();
}

absl::StatusOr<ContextFile> LoadContexts(const std::filesystem::path& path) {
  ContextFile file;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return file;
  ASSIGN_OR_RETURN(std::string text, ReadSmallFile(path));
  try {
    const YAML::Node root = YAML::Load(text);
    file.current = TextOf(root, "current");
    for (const auto& entry : root["contexts"]) {
      Context context;
      context.server = TextOf(entry.second, "server");
      context.ca_file = TextOf(entry.second, "ca_file");
      context.token_file = TextOf(entry.second, "token_file");
      file.contexts[entry.first.as<std::string>()] = context;
    }
  } catch (const YAML::Exception& problem) {
    return absl::InvalidArgumentError(StrCat(path.string(), ": ", problem.what()));
  }
  return file;
}

absl::Status SaveContexts(const std::filesystem::path& path, const ContextFile& file) {
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "current" << YAML::Value << file.current;
  out << YAML::Key << "contexts" << YAML::Value << YAML::BeginMap;
  for (const auto& [name, context] : file.contexts) {
    out << YAML::Key << name << YAML::Value << YAML::BeginMap;
    out << YAML::Key << "server" << YAML::Value << context.server;
    out << YAML::Key << "ca_file" << YAML::Value << context.ca_file;
    out << YAML::Key << "token_file" << YAML::Value << context.token_file << YAML::EndMap;
  }
  out << YAML::EndMap << YAML::EndMap;
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  return WriteWholeFile(path, StrCat(out.c_str(), "\n"), FileMode::kSecret);
}

}  // namespace firebreak::cli
