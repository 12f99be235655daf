// The log's Merkle tree as the store holds it: full tiles as records, the partial ones in a TreeEdge that was rebuilt from
// leaves and full tiles.
#ifndef FIREBREAK_SERVICES_LEDGER_STORED_TREE_H_
#define FIREBREAK_SERVICES_LEDGER_STORED_TREE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "firebreak/ledger/merkle.h"
#include "firebreak/ledger/tiles.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak {

// One reader's view at the size of `edge`. Not thread-safe (it remembers the tiles it read); make one per request.
class StoredTree final : public TreeNodes {
 public:
  StoredTree(const MetaStore& store, std::shared_ptr<const TreeEdge> edge) : store_(store), edge_(std::move(edge)) {}
  // kInvalidArgument past the edge's size, kDataLoss when a tile that must be there is not.
  absl::StatusOr<std::string> Node(int level, uint64_t index) const override;

 private:
  absl::StatusOr<std::string_view> Hashes(uint64_t level, uint64_t number) const;

  const MetaStore& store_;
  const std::shared_ptr<const TreeEdge> edge_;
  mutable std::map<std::pair<uint64_t, uint64_t>, std::string> read_;
};

// Hashes of one full tile; kDataLoss naming it when it is missing or has the wrong length.
absl::StatusOr<std::string> LoadTile(const MetaStore& store, uint64_t level, uint64_t number);

// Rebuilds the edge of a log of `size` entries: the newest leaves are hashed again, the levels above are re-derived from the
// full tiles below them. At most 255 reads per level.
absl::StatusOr<TreeEdge> RebuildEdge(const MetaStore& store, uint64_t size);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_STORED_TREE_H_
