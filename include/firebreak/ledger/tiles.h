// A growing Merkle tree cut into tiles of 256 hashes (C2SP tlog-tiles): appending costs two hashes amortised, and everything
// below the newest, partial tiles never changes again. Pure; the ledger keeps full tiles in the store, exports keep them as files.
#ifndef FIREBREAK_LEDGER_TILES_H_
#define FIREBREAK_LEDGER_TILES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/ledger/merkle.h"

namespace firebreak {

inline constexpr uint64_t kTileWidth = 256;

// Hashes side by side, 32 bytes each, at most kTileWidth of them.
struct Tile {
  uint64_t level = 0;
  uint64_t number = 0;
  std::string hashes;
  uint64_t width() const { return hashes.size() / kTreeHashBytes; }
};

// The right edge of a tree: its partial tiles and its peaks (roots of the complete subtrees it is made of, largest first).
// A value: copying it is how a commit is prepared without touching what readers see.
class TreeEdge {
 public:
  uint64_t size() const { return size_; }
  std::string Root() const;

  // Tiles that became full are added to `full`, lowest level first.
  void Append(std::string leaf_hash, std::vector<Tile>* full);

  // The partial tiles of this size, lowest level first; levels whose newest tile is exactly full or empty have none.
  std::vector<Tile> Partials() const;
  // Hashes of the partial tile of `level`; empty when there is none.
  std::string_view Partial(uint64_t level) const;

  // Rebuilds the edge of a tree of `size` leaves from its partial tiles' hashes, lowest level first. kDataLoss when the
  // widths do not belong to that size.
  static absl::StatusOr<TreeEdge> FromPartials(uint64_t size, std::vector<std::string> partials);

 private:
  struct Peak {
    int level;
    std::string hash;
  };
  void Push(int level, std::string hash, std::vector<Tile>* full);

  uint64_t size_ = 0;
  std::vector<std::string> partials_;   // by tile level
  std::vector<Peak> peaks_;
};

// Hash of the complete subtree of 2^height hashes that starts at hash `first` of a tile.
std::string TileNode(std::string_view hashes, uint64_t first, int height);

// Widths of the partial tile on each level (0 = none) for a tree of `size` leaves: floor(size / 256^level) mod 256.
std::vector<uint64_t> PartialWidths(uint64_t size);

// "x001/x234/067" for 1234067.
std::string TileNumberPath(uint64_t number);
// "tile/<level>/<number>[.p/<width>]" and "tile/entries/<number>[.p/<width>]"; width kTileWidth = full.
std::string TilePath(uint64_t level, uint64_t number, uint64_t width);
std::string EntryBundlePath(uint64_t number, uint64_t width);

// tlog-tiles entry bundle: big-endian uint16 length, then the bytes, repeated. Append: kInvalidArgument above 65,535 bytes.
absl::Status AppendToBundle(std::string_view leaf, std::string* bundle);
// kDataLoss says which of the bundle's entries is cut off.
absl::StatusOr<std::vector<std::string_view>> SplitBundle(std::string_view bundle);

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_TILES_H_
