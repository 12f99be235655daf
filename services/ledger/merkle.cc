#include "firebreak/ledger/merkle.h"

#include <bit>

#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"

namespace firebreak {
namespace {

bool IsPowerOfTwo(uint64_t value) { return std::has_single_bit(value); }

// The largest power of two smaller than `size`; size > 1.
uint64_t Split(uint64_t size) { return std::bit_floor(size - 1); }

// Hash over leaves [begin, end). `begin` is a multiple of the smallest power of two not below end - begin, as it is for
// every range the RFC's recursions meet.
absl::StatusOr<std::string> RangeHash(const TreeNodes& nodes, uint64_t begin, uint64_t end) {
  std::vector<std::string> peaks;
  while (begin < end) {
    const int level = std::bit_width(end - begin) - 1;
    ASSIGN_OR_RETURN(std::string hash, nodes.Node(level, begin >> level));
    peaks.push_back(std::move(hash));
    begin += uint64_t{1} << level;
  }
  std::string root = std::move(peaks.back());
  for (size_t i = peaks.size() - 1; i-- > 0;) root = NodeHash(peaks[i], root);
  return root;
}

// PATH of RFC 6962 2.1.1 over leaves [begin, end), lowest sibling first.
absl::Status CollectPath(const TreeNodes& nodes, uint64_t index, uint64_t begin, uint64_t end,
                         std::vector<std::string>* path) {
  if (end - begin == 1) return absl::OkStatus();
  const uint64_t middle = begin + Split(end - begin);
  absl::StatusOr<std::string> sibling;
  if (index < middle) {
    RETURN_IF_ERROR(CollectPath(nodes, index, begin, middle, path));
    sibling = RangeHash(nodes, middle, end);
  } else {
    RETURN_IF_ERROR(CollectPath(nodes, index, middle, end, path));
    sibling = RangeHash(nodes, begin, middle);
  }
  if (!sibling.ok()) return sibling.status();
  path->push_back(*std::move(sibling));
  return absl::OkStatus();
}

// SUBPROOF of RFC 6962 2.1.2: the old tree ends at `old_end`; `known` while the old root itself covers this range.
absl::Status CollectConsistency(const TreeNodes& nodes, uint64_t old_end, uint64_t begin, uint64_t end, bool known,
                                std::vector<std::string>* proof) {
  absl::StatusOr<std::string> hash;
  if (old_end == end) {
    if (known) return absl::OkStatus();
    hash = RangeHash(nodes, begin, end);
  } else {
    const uint64_t middle = begin + Split(end - begin);
    if (old_end <= middle) {
      RETURN_IF_ERROR(CollectConsistency(nodes, old_end, begin, middle, known, proof));
      hash = RangeHash(nodes, middle, end);
    } else {
      RETURN_IF_ERROR(CollectConsistency(nodes, old_end, middle, end, false, proof));
      hash = RangeHash(nodes, begin, middle);
    }
  }
  if (!hash.ok()) return hash.status();
  proof->push_back(*std::move(hash));
  return absl::OkStatus();
}

absl::Status CheckHashLengths(std::string_view root, absl::Span<const std::string> proof) {
  if (root.size() != kTreeHashBytes) return absl::DataLossError("merkle proof: the root is not 32 bytes long");
  for (size_t i = 0; i < proof.size(); ++i) {
    if (proof[i].size() != kTreeHashBytes) {
      return absl::DataLossError(StrCat("merkle proof: hash ", i, " is not 32 bytes long"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string LeafHash(std::string_view leaf) {
  std::string input;
  input.reserve(leaf.size() + 1);
  input.push_back('\0');
  input.append(leaf);
  return Sha256(input).raw();
}

std::string NodeHash(std::string_view left, std::string_view right) {
  std::string input;
  input.reserve(1 + left.size() + right.size());
  input.push_back('\1');
  input.append(left);
  input.append(right);
  return Sha256(input).raw();
}

std::string EmptyTreeRoot() { return Sha256("").raw(); }

absl::StatusOr<std::string> TreeRoot(const TreeNodes& nodes, uint64_t size) {
  if (size == 0) return EmptyTreeRoot();
  return RangeHash(nodes, 0, size);
}

absl::StatusOr<std::vector<std::string>> InclusionProof(const TreeNodes& nodes, uint64_t index, uint64_t size) {
  if (index >= size) {
    return absl::InvalidArgumentError(StrCat("inclusion proof: index ", index, " is not below the size ", size));
  }
  std::vector<std::string> path;
  RETURN_IF_ERROR(CollectPath(nodes, index, 0, size, &path));
  return path;
}

absl::StatusOr<std::vector<std::string>> ConsistencyProof(const TreeNodes& nodes, uint64_t old_size, uint64_t new_size) {
  if (old_size == 0 || old_size > new_size) {
    return absl::InvalidArgumentError(
        StrCat("consistency proof: sizes must be 0 < old <= new, not ", old_size, " and ", new_size));
  }
  std::vector<std::string> proof;
  RETURN_IF_ERROR(CollectConsistency(nodes, old_size, 0, new_size, true, &proof));
  return proof;
}

// RFC 9162 section 2.1.3.2.
absl::Status VerifyInclusion(uint64_t index, uint64_t size, std::string_view leaf_hash, absl::Span<const std::string> proof,
                             std::string_view root) {
  if (index >= size) return absl::DataLossError(StrCat("inclusion: index ", index, " is not below the size ", size));
  if (leaf_hash.size() != kTreeHashBytes) return absl::DataLossError("inclusion: the leaf hash is not 32 bytes long");
  RETURN_IF_ERROR(CheckHashLengths(root, proof));
  uint64_t node = index;
  uint64_t last = size - 1;
  std::string hash(leaf_hash);
  for (const std::string& sibling : proof) {
    if (last == 0) return absl::DataLossError("inclusion: the proof is too long");
    if ((node & 1) != 0 || node == last) {
      hash = NodeHash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return absl::DataLossError("inclusion: the proof is too short");
  if (hash != root) return absl::DataLossError(StrCat("inclusion: entry ", index, " does not lead to the root"));
  return absl::OkStatus();
}

// RFC 9162 section 2.1.4.2.
absl::Status VerifyConsistency(uint64_t old_size, uint64_t new_size, std::string_view old_root, std::string_view new_root,
                               absl::Span<const std::string> proof) {
  if (old_size > new_size) return absl::DataLossError("consistency: the old tree is larger than the new one");
  if (old_size == 0) return absl::DataLossError("consistency: an empty tree proves nothing");
  if (old_size == new_size) {
    if (!proof.empty()) return absl::DataLossError("consistency: equal sizes need an empty proof");
    if (old_root != new_root) return absl::DataLossError("consistency: equal sizes with different roots");
    return absl::OkStatus();
  }
  if (proof.empty()) return absl::DataLossError("consistency: the proof is empty");
  RETURN_IF_ERROR(CheckHashLengths(old_root, proof));
  RETURN_IF_ERROR(CheckHashLengths(new_root, {}));

  size_t next = 0;
  std::string old_hash = IsPowerOfTwo(old_size) ? std::string(old_root) : proof[next++];
  std::string new_hash = old_hash;
  uint64_t node = old_size - 1;
  uint64_t last = new_size - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  for (; next < proof.size(); ++next) {
    if (last == 0) return absl::DataLossError("consistency: the proof is too long");
    if ((node & 1) != 0 || node == last) {
      old_hash = NodeHash(proof[next], old_hash);
      new_hash = NodeHash(proof[next], new_hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = NodeHash(new_hash, proof[next]);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return absl::DataLossError("consistency: the proof is too short");
  if (old_hash != old_root) return absl::DataLossError("consistency: the proof does not lead to the old root");
  if (new_hash != new_root) return absl::DataLossError("consistency: the proof does not lead to the new root");
  return absl::OkStatus();
}

}  // namespace firebreak
