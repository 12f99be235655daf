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

absl::Status MakeEmptyFolder(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return absl::UnavailableError(StrCat(dir.string(), ": ", error.message()));
  if (!std::filesystem::is_empty(dir, error) || error) {
    return absl::AlreadyExistsError(StrCat(dir.string(), ": the folder is not empty; choose a new one"));
  }
  return absl::OkStatus();
}

// Takes leaves one by one and writes every bundle and tile when it is complete: memory holds one bundle and the tree's edge.
class ExportWriter {
 public:
  explicit ExportWriter(const std::filesystem::path& dir) : dir_(dir) {}

  absl::Status Add(std::string_view leaf) {
    const uint64_t index = edge_.size();
    ASSIGN_OR_RETURN(v1::AuditEntry entry, ParseLeaf(leaf, index));
    summary_.last_time = FormatRfc3339(FromProto(entry.time()));
    if (index == 0) summary_.first_time = summary_.last_time;
    RETURN_IF_ERROR(AppendToBundle(leaf, &bundle_));
    std::vector<Tile> full;
    edge_.Append(LeafHash(leaf), &full);
    for (const Tile& tile : full) {
      RETURN_IF_ERROR(WriteExportFile(dir_, TilePath(tile.level, tile.number, kTileWidth), tile.hashes));
    }
    if (edge_.size() % kTileWidth != 0) return absl::OkStatus();
    return WriteBundle(kTileWidth);
  }

  absl::Status Finish() {
    for (const Tile& tile : edge_.Partials()) {
      RETURN_IF_ERROR(WriteExportFile(dir_, TilePath(tile.level, tile.number, tile.width()), tile.hashes));
    }
    const uint64_t width = edge_.size() % kTileWidth;
    return width == 0 ? absl::OkStatus() : WriteBundle(width);
  }

  const TreeEdge& edge() const { return edge_; }
  AuditExportSummary& summary() { return summary_; }

 private:
  absl::Status WriteBundle(uint64_t width) {
    const std::string bytes = std::exchange(bundle_, std::string());
    return WriteExportFile(dir_, EntryBundlePath((edge_.size() - 1) / kTileWidth, width), bytes);
  }

  const std::filesystem::path& dir_;
  TreeEdge edge_;
  std::string bundle_;
  AuditExportSummary summary_;
};

}  // namespace

absl::StatusOr<AuditExportSummary> WriteAuditExport(const std::filesystem::path& dir, std::string_view checkpoint,
                                                    std::string_view vkey, LeafSource leaves) {
  ASSIGN_OR_RETURN(Checkpoint opened, OpenCheckpoint(checkpoint, vkey));
  RETURN_IF_ERROR(MakeEmptyFolder(dir));
  ExportWriter writer(dir);
  while (writer.edge().size() < opened.size) {
    ASSIGN_OR_RETURN(std::vector<std::string> page, leaves(writer.edge().size()));
    if (page.empty()) {
      return absl::DataLossError(StrCat("export: entry ", writer.edge().size(), " of ", opened.size, " did not come"));
    }
    for (const std::string& leaf : page) {
      if (writer.edge().size() == opened.size) break;
      RETURN_IF_ERROR(writer.Add(leaf));
    }
  }
  RETURN_IF_ERROR(writer.Finish());
  if (writer.edge().Root() != opened.root) {
    return absl::DataLossError(StrCat("export: the ", opened.size, " entries do not lead to the signed root"));
  }
  RETURN_IF_ERROR(WriteExportFile(dir, kReadmeFile, ExportReadme(opened, vkey)));
  RETURN_IF_ERROR(WriteExportFile(dir, kCheckpointFile, checkpoint));
  AuditExportSummary summary = std::move(writer.summary());
  summary.origin = opened.origin;
  summary.entries = opened.size;
  summary.root = opened.root;
  return summary;
}

}  // namespace firebreak
