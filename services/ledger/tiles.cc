#include "firebreak/ledger/tiles.h"

#include "firebreak/base/check.h"
#include "firebreak/base/status.h"

namespace firebreak {
namespace {

constexpr int kTileHeight = 8;   // 256 = 2^8

std::string ThreeDigits(uint64_t number) {
  std::string digits = StrCat(number);
  return std::string(3 - digits.size(), '0') + digits;
}

std::string WithWidth(std::string path, uint64_t width) {
  return width == kTileWidth ? path : StrCat(path, ".p/", width);
}

}  // namespace

std::string TreeEdge::Root() const {
  if (peaks_.empty()) return EmptyTreeRoot();
  std::string root = peaks_.back().hash;
  for (size_t i = peaks_.size() - 1; i-- > 0;) root = NodeHash(peaks_[i].hash, root);
  return root;
}

void TreeEdge::Append(std::string leaf_hash, std::vector<Tile>* full) {
  ++size_;
  Push(0, std::move(leaf_hash), full);
}

void TreeEdge::Push(int level, std::string hash, std::vector<Tile>* full) {
  for (;;) {
    if (level % kTileHeight == 0) {
      const auto tile_level = static_cast<uint64_t>(level / kTileHeight);
      if (partials_.size() <= tile_level) partials_.resize(tile_level + 1);
      partials_[tile_level].append(hash);
      if (partials_[tile_level].size() == kTileWidth * kTreeHashBytes) {
        const uint64_t number = (size_ >> (level + kTileHeight)) - 1;
        if (full != nullptr) full->push_back(Tile{tile_level, number, std::move(partials_[tile_level])});
        partials_[tile_level].clear();
      }
    }
    if (peaks_.empty() || peaks_.back().level != level) break;
    hash = NodeHash(peaks_.back().hash, hash);
    peaks_.pop_back();
    ++level;
  }
  peaks_.push_back(Peak{level, std::move(hash)});
}

std::vector<Tile> TreeEdge::Partials() const {
  std::vector<Tile> tiles;
  for (uint64_t level = 0; level < partials_.size(); ++level) {
    if (partials_[level].empty()) continue;
    tiles.push_back(Tile{level, (size_ >> (kTileHeight * level)) / kTileWidth, partials_[level]});
  }
  return tiles;
}

std::string_view TreeEdge::Partial(uint64_t level) const {
  return level < partials_.size() ? std::string_view(partials_[level]) : std::string_view();
}

absl::StatusOr<TreeEdge> TreeEdge::FromPartials(uint64_t size, std::vector<std::string> partials) {
  const std::vector<uint64_t> widths = PartialWidths(size);
  if (partials.size() != widths.size()) {
    return absl::DataLossError(StrCat("tree of ", size, " leaves: expected ", widths.size(), " levels of tiles"));
  }
  TreeEdge edge;
  edge.size_ = size;
  edge.partials_.resize(partials.size());
  for (size_t level = partials.size(); level-- > 0;) {
    if (partials[level].size() != widths[level] * kTreeHashBytes) {
      return absl::DataLossError(StrCat("tree of ", size, " leaves: the partial tile of level ", level, " must hold ",
                                              widths[level], " hashes"));
    }
    // A partial tile never completes a tile above it, so Push only merges peaks within this level.
    for (uint64_t i = 0; i < widths[level]; ++i) {
      edge.Push(static_cast<int>(level) * kTileHeight, partials[level].substr(i * kTreeHashBytes, kTreeHashBytes), nullptr);
    }
  }
  return edge;
}

std::string TileNode(std::string_view hashes, uint64_t first, int height) {
  const uint64_t count = uint64_t{1} << height;
  FIREBREAK_CHECK((first + count) * kTreeHashBytes <= hashes.size());
  if (height == 0) return std::string(hashes.substr(first * kTreeHashBytes, kTreeHashBytes));
  return NodeHash(TileNode(hashes, first, height - 1), TileNode(hashes, first + count / 2, height - 1));
}

std::vector<uint64_t> PartialWidths(uint64_t size) {
  std::vector<uint64_t> widths;
  for (; size > 0; size /= kTileWidth) widths.push_back(size % kTileWidth);
  return widths;
}

std::string TileNumberPath(uint64_t number) {
  std::string path = ThreeDigits(number % 1000);
  for (number /= 1000; number > 0; number /= 1000) path = StrCat("x", ThreeDigits(number % 1000), "/", path);
  return path;
}

std::string TilePath(uint64_t level, uint64_t number, uint64_t width) {
  return WithWidth(StrCat("tile/", level, "/", TileNumberPath(number)), width);
}

std::string EntryBundlePath(uint64_t number, uint64_t width) {
  return WithWidth(StrCat("tile/entries/", TileNumberPath(number)), width);
}

absl::Status AppendToBundle(std::string_view leaf, std::string* bundle) {
  if (leaf.size() > 0xFFFF) return absl::InvalidArgumentError("entry bundle: an entry is at most 65535 bytes");
  bundle->push_back(static_cast<char>(leaf.size() >> 8));
  bundle->push_back(static_cast<char>(leaf.size() & 0xFF));
  bundle->append(leaf);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string_view>> SplitBundle(std::string_view bundle) {
  std::vector<std::string_view> leaves;
  while (!bundle.empty()) {
    size_t length = 0;
    if (bundle.size() >= 2) {
      length = (size_t{static_cast<unsigned char>(bundle[0])} << 8) | static_cast<unsigned char>(bundle[1]);
    }
    if (bundle.size() < 2 + length) {
      return absl::DataLossError(StrCat("entry ", leaves.size(), " of the bundle is cut off"));
    }
    leaves.push_back(bundle.substr(2, length));
    bundle.remove_prefix(2 + length);
  }
  return leaves;
}

}  // namespace firebreak
