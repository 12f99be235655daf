#include "stored_tree.h"

#include <vector>

#include "firebreak/base/status.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/ledger.h"

namespace firebreak {

absl::StatusOr<std::string> StoredTree::Node(int level, uint64_t index) const {
  if (((index + 1) << level) > edge_->size() || level < 0 || level > 63) {
    return absl::InvalidArgumentError(StrCat("log: subtree ", index, " of level ", level, " is past the size ", edge_->size()));
  }
  const auto tile_level = static_cast<uint64_t>(level / 8);
  const int height = level % 8;
  const uint64_t first = index << height;
  ASSIGN_OR_RETURN(std::string_view hashes, Hashes(tile_level, first / kTileWidth));
  return TileNode(hashes, first % kTileWidth, height);
}

absl::StatusOr<std::string_view> StoredTree::Hashes(uint64_t level, uint64_t number) const {
  const uint64_t full = (edge_->size() >> (8 * level)) / kTileWidth;
  if (number >= full) return edge_->Partial(level);
  auto known = read_.find({level, number});
  if (known == read_.end()) {
    ASSIGN_OR_RETURN(std::string hashes, LoadTile(store_, level, number));
    known = read_.emplace(std::pair(level, number), std::move(hashes)).first;
  }
  return std::string_view(known->second);
}

absl::StatusOr<std::string> LoadTile(const MetaStore& store, uint64_t level, uint64_t number) {
  ASSIGN_OR_RETURN(std::optional<store::v1::LogTile> tile, FindRecord(store, LogTileKey(level, number)));
  if (!tile || tile->hashes().size() != kTileWidth * kTreeHashBytes) {
    return absl::DataLossError(
        StrCat("log: ", TilePath(level, number, kTileWidth), tile ? " has the wrong length" : " is missing"));
  }
  return std::move(*tile->mutable_hashes());
}

absl::StatusOr<TreeEdge> RebuildEdge(const MetaStore& store, uint64_t size) {
  const std::vector<uint64_t> widths = PartialWidths(size);
  std::vector<std::string> partials(widths.size());
  for (uint64_t level = 0; level < widths.size(); ++level) {
    const uint64_t first = (size >> (8 * level)) - widths[level];
    for (uint64_t i = first; i < first + widths[level]; ++i) {
      if (level == 0) {
        absl::StatusOr<std::string> leaf = LoadLeaf(store, i);
        if (absl::IsNotFound(leaf.status())) {
          return absl::DataLossError(StrCat("log: entry ", i, " of ", size, " is missing"));
        }
        if (!leaf.ok()) return leaf.status();
        partials[level].append(LeafHash(*leaf));
      } else {
        ASSIGN_OR_RETURN(std::string hashes, LoadTile(store, level - 1, i));
        partials[level].append(TileNode(hashes, 0, 8));
      }
    }
  }
  return TreeEdge::FromPartials(size, std::move(partials));
}

}  // namespace firebreak
