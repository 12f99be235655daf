#include <algorithm>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/offline.h"
#include "firebreak/ledger/tiles.h"
#include "offline_files.h"

namespace firebreak {
namespace {

constexpr size_t kTextBytesMax = size_t{64} << 10;
constexpr size_t kTileBytes = kTileWidth * kTreeHashBytes;
constexpr size_t kBundleBytesMax = kTileWidth * (2 + 0xFFFF);

std::string AtIndex(std::string_view file, uint64_t index, std::string_view what) {
  return StrCat(file, ": entry ", index, ": ", what);
}

// One pass over entries and tiles. Two trees grow side by side, one from the entries and one from the hashes in the lowest
// tiles; the signed root tells which of the two was altered where they differ.
class ExportVerifier {
 public:
  ExportVerifier(const std::filesystem::path& dir, const Checkpoint& checkpoint) : dir_(dir), checkpoint_(checkpoint) {}

  absl::Status Run() {
    for (uint64_t first = 0; first < checkpoint_.size; first += kTileWidth) {
      RETURN_IF_ERROR(ReadBundle(first / kTileWidth, std::min(kTileWidth, checkpoint_.size - first)));
    }
    RETURN_IF_ERROR(JudgeRoots());
    for (const Tile& tile : entries_.Partials()) RETURN_IF_ERROR(CompareUpperTile(tile));
    RETURN_IF_ERROR(upper_);
    RETURN_IF_ERROR(meaning_);
    return FindUnexpectedFiles();
  }

  std::set<std::string>& expected() { return expected_; }
  const AuditExportSummary& summary() const { return summary_; }

 private:
  absl::StatusOr<std::string> Read(const std::string& name, size_t bytes_max) {
    expected_.insert(name);
    absl::StatusOr<std::string> bytes = ReadExportFile(dir_, name, bytes_max);
    if (absl::IsNotFound(bytes.status())) return absl::DataLossError(FromMessage(bytes.status()));
    return bytes;
  }
  static std::string FromMessage(const absl::Status& status) { return std::string(MessageOf(status)); }
  static void KeepFirst(absl::Status& kept, absl::Status found) {
    if (kept.ok()) kept = std::move(found);
  }

  absl::Status ReadBundle(uint64_t number, uint64_t width) {
    const std::string bundle_name = EntryBundlePath(number, width);
    const std::string tile_name = TilePath(0, number, width);
    ASSIGN_OR_RETURN(std::string bundle, Read(bundle_name, kBundleBytesMax));
    ASSIGN_OR_RETURN(std::string hashes, Read(tile_name, kTileBytes));
    const uint64_t first = number * kTileWidth;
    if (hashes.size() != width * kTreeHashBytes) {
      return absl::DataLossError(AtIndex(tile_name, first + std::min(width, hashes.size() / kTreeHashBytes), "the tile does not hold its hash"));
    }
    std::string_view rest = bundle;
    for (uint64_t i = 0; i < width; ++i) {
      const std::string hash = hashes.substr(i * kTreeHashBytes, kTreeHashBytes);
      const std::optional<std::string_view> leaf = TakeLeaf(rest);
      if (!leaf) {
        // A wrong length shows first as an entry that differs, and only later as a bundle that ends too early.
        if (!entry_differs_.ok()) return entry_differs_;
        return absl::DataLossError(AtIndex(bundle_name, first + i, "cut off or missing"));
      }
      CheckLeaf(bundle_name, tile_name, first + i, *leaf, hash);
    }
    if (!rest.empty()) {
      if (!entry_differs_.ok()) return entry_differs_;
      return absl::DataLossError(AtIndex(bundle_name, first + width, "bytes after the last entry"));
    }
    return absl::OkStatus();
  }

  static std::optional<std::string_view> TakeLeaf(std::string_view& rest) {
    if (rest.size() < 2) return std::nullopt;
    const size_t length = (size_t{static_cast<unsigned char>(rest[0])} << 8) | static_cast<unsigned char>(rest[1]);
    if (rest.size() < 2 + length) return std::nullopt;
    const std::string_view leaf = rest.substr(2, length);
    rest.remove_prefix(2 + length);
    return leaf;
  }

  void CheckLeaf(const std::string& bundle_name, const std::string& tile_name, uint64_t index, std::string_view leaf,
                 const std::string& hash_in_tile) {
    const std::string hash = LeafHash(leaf);
    if (hash != hash_in_tile && entry_differs_.ok()) {
      entry_differs_ = absl::DataLossError(AtIndex(bundle_name, index, "it is not what was logged"));
      tile_differs_ = absl::DataLossError(AtIndex(tile_name, index, "the tile does not hold its hash"));
    }
    CheckMeaning(bundle_name, index, leaf);
    std::vector<Tile> full;
    entries_.Append(hash, &full);
    for (const Tile& tile : full) KeepFirst(upper_, CompareUpperTile(tile));
    tiles_.Append(hash_in_tile, nullptr);
  }

  void CheckMeaning(const std::string& bundle_name, uint64_t index, std::string_view leaf) {
    if (!meaning_.ok()) return;
    const absl::StatusOr<v1::AuditEntry> entry = ParseLeaf(leaf, index);
    if (!entry.ok()) {
      meaning_ = absl::DataLossError(StrCat(bundle_name, ": ", MessageOf(entry.status())));
      return;
    }
    const absl::Time time = FromProto(entry->time());
    if (!entry->has_time() || time < last_time_) {
      meaning_ = absl::DataLossError(AtIndex(bundle_name, index, "its time is before that of the entry before it"));
      return;
    }
    last_time_ = time;
    summary_.last_time = FormatRfc3339(time);
    if (index == 0) summary_.first_time = summary_.last_time;
  }

  // Level 0 was compared hash by hash.
  absl::Status CompareUpperTile(const Tile& tile) {
    if (tile.level == 0) return absl::OkStatus();
    const std::string name = TilePath(tile.level, tile.number, tile.width());
    ASSIGN_OR_RETURN(std::string stored, Read(name, kTileBytes));
    if (stored == tile.hashes) return absl::OkStatus();
    const auto different = std::mismatch(stored.begin(), stored.end(), tile.hashes.begin(), tile.hashes.end()).first;
    const uint64_t at = static_cast<uint64_t>(different - stored.begin()) / kTreeHashBytes;
    return absl::DataLossError(StrCat(name, ": hash ", at, " is not that of the entries below it"));
  }

  absl::Status JudgeRoots() const {
    if (entries_.Root() == checkpoint_.root) return tile_differs_;
    if (tiles_.Root() == checkpoint_.root) return entry_differs_;
    if (!entry_differs_.ok()) return entry_differs_;
    if (!meaning_.ok()) return meaning_;
    return absl::DataLossError(StrCat("tile/entries: the ", checkpoint_.size, " entries do not lead to the signed root"));
  }

  absl::Status FindUnexpectedFiles() const {
    std::error_code error;
    std::filesystem::recursive_directory_iterator it(dir_, error);
    for (; !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
      const std::string name = it->path().lexically_relative(dir_).generic_string();
      const bool is_folder = std::filesystem::is_directory(it->symlink_status());
      if (!is_folder && !expected_.contains(name)) {
        return absl::DataLossError(StrCat(name, ": does not belong to an export of ", checkpoint_.size, " entries"));
      }
    }
    return error ? absl::UnavailableError(StrCat(dir_.string(), ": ", error.message())) : absl::OkStatus();
  }

  const std::filesystem::path& dir_;
  const Checkpoint& checkpoint_;
  TreeEdge entries_;
  TreeEdge tiles_;
  absl::Status entry_differs_;   // the first place where entries and lowest tiles differ, seen from either side
  absl::Status tile_differs_;
  absl::Status upper_;           // the first tile above that does not fit the entries
  absl::Status meaning_;         // the first entry that is not one, whatever its hash
  absl::Time last_time_ = absl::InfinitePast();
  std::set<std::string> expected_;
  AuditExportSummary summary_;
};

}  // namespace

absl::StatusOr<AuditExportSummary> VerifyAuditExport(const std::filesystem::path& dir, std::string_view vkey) {
  absl::StatusOr<std::string> note = ReadExportFile(dir, kCheckpointFile, kTextBytesMax);
  if (!note.ok()) {
    return absl::IsNotFound(note.status()) ? absl::DataLossError("checkpoint: missing; the export was not finished") : note.status();
  }
  absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(*note, vkey);
  if (!checkpoint.ok()) {
    return absl::IsInvalidArgument(checkpoint.status()) ? checkpoint.status() : Annotate(checkpoint.status(), "file checkpoint");
  }
  const absl::StatusOr<std::string> readme = ReadExportFile(dir, kReadmeFile, kTextBytesMax);
  if (!readme.ok() || *readme != ExportReadme(*checkpoint, vkey)) {
    return absl::DataLossError(StrCat(kReadmeFile, readme.ok() ? ": altered" : ": missing"));
  }
  ExportVerifier verifier(dir, *checkpoint);
  verifier.expected() = {std::string(kCheckpointFile), std::string(kReadmeFile)};
  RETURN_IF_ERROR(verifier.Run());
  AuditExportSummary summary = verifier.summary();
  summary.origin = checkpoint->origin;
  summary.entries = checkpoint->size;
  summary.root = checkpoint->root;
  return summary;
}

}  // namespace firebreak
