// Merkle trees as in RFC 6962 section 2.1 (RFC 9162 2.1): roots, inclusion and consistency proofs, and their verification.
// Pure. Hashes are 32 raw bytes in a std::string.
#ifndef FIREBREAK_LEDGER_MERKLE_H_
#define FIREBREAK_LEDGER_MERKLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace firebreak {

inline constexpr size_t kTreeHashBytes = 32;

std::string LeafHash(std::string_view leaf);                            // SHA-256(0x00 || leaf)
std::string NodeHash(std::string_view left, std::string_view right);    // SHA-256(0x01 || left || right)
std::string EmptyTreeRoot();                                            // SHA-256("")

// Where the hashes of complete subtrees come from. Thread-safety is the implementation's.
class TreeNodes {
 public:
  virtual ~TreeNodes() = default;
  // Hash of the complete subtree over leaves [index << level, (index + 1) << level).
  virtual absl::StatusOr<std::string> Node(int level, uint64_t index) const = 0;
};

// Root over the first `size` leaves. Asks for at most 64 nodes.
absl::StatusOr<std::string> TreeRoot(const TreeNodes& nodes, uint64_t size);

// kInvalidArgument unless index < size. O(log size) nodes.
absl::StatusOr<std::vector<std::string>> InclusionProof(const TreeNodes& nodes, uint64_t index, uint64_t size);

// That the tree of `old_size` leaves is a prefix of the one of `new_size`. kInvalidArgument unless 0 < old_size <= new_size.
absl::StatusOr<std::vector<std::string>> ConsistencyProof(const TreeNodes& nodes, uint64_t old_size, uint64_t new_size);

// kDataLoss when the proof does not hold, saying what is wrong with it. A proof must be consumed to its last hash.
absl::Status VerifyInclusion(uint64_t index, uint64_t size, std::string_view leaf_hash, absl::Span<const std::string> proof,
                             std::string_view root);

// As above. A consistency proof from size 0 proves nothing and is refused.
absl::Status VerifyConsistency(uint64_t old_size, uint64_t new_size, std::string_view old_root, std::string_view new_root,
                               absl::Span<const std::string> proof);

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_MERKLE_H_
