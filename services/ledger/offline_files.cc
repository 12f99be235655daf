#include "offline_files.h"

#include <fstream>
#include <system_error>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"

namespace firebreak {

std::string ExportReadme(const Checkpoint& checkpoint, std::string_view vkey) {
  return StrCat(
      "Audit log of ", checkpoint.origin, "\n\n",
      "Entries: ", checkpoint.size, "\n",
      "Root:    ", ToHex(checkpoint.root), "\n",
      "Key:     ", vkey, "\n\n",
      "This folder is a static transparency log (C2SP tlog-tiles, SHA-256, RFC 6962 hashing):\n",
      "  checkpoint                 signed note (Ed25519): log, number of entries, root hash\n",
      "  tile/<level>/<number>      256 hashes each; <number>.p/<width> is the newest, partial one\n",
      "  tile/entries/<number>      the entries: two bytes of length, then one JSON object, repeated\n\n",
      "Verify it without any server, with a key you got from somewhere else than this folder:\n",
      "  firebreak audit verify <folder> --vkey <key>\n",
      "Any other tool that reads tlog-tiles can do the same.\n");
}

absl::StatusOr<std::string> ReadExportFile(const std::filesystem::path& dir, std::string_view name, size_t bytes_max) {
  const std::filesystem::path path = dir / name;
  std::error_code error;
  if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, error))) {
    return absl::NotFoundError(StrCat(name, ": missing"));
  }
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return absl::UnavailableError(StrCat(name, ": ", error.message()));
  if (size > bytes_max) return absl::DataLossError(StrCat(name, ": ", size, " bytes are more than such a file can have"));
  std::ifstream in(path, std::ios::binary);
  std::string bytes(static_cast<size_t>(size), '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!in || static_cast<size_t>(in.gcount()) != bytes.size()) return absl::UnavailableError(StrCat(name, ": cannot be read"));
  return bytes;
}

absl::Status WriteExportFile(const std::filesystem::path& dir, std::string_view name, std::string_view bytes) {
  const std::filesystem::path path = dir / name;
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return absl::UnavailableError(StrCat(name, ": ", error.message()));
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return absl::UnavailableError(StrCat(name, ": cannot be written (is the disk full?)"));
  return absl::OkStatus();
}

}  // namespace firebreak
