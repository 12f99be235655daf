// Merkle trees straight from the definitions of RFC 6962 section 2.1, slow and obviously right.
#ifndef FIREBREAK_TESTS_UNIT_LEDGER_REFERENCE_TREE_H_
#define FIREBREAK_TESTS_UNIT_LEDGER_REFERENCE_TREE_H_

#include <bit>
#include <string>
#include <vector>

#include "firebreak/ledger/merkle.h"

namespace firebreak::testing {

// Over already hashed leaves.
inline std::string ReferenceRoot(const std::vector<std::string>& hashes, size_t begin, size_t end) {
  if (begin == end) return EmptyTreeRoot();
  if (end - begin == 1) return hashes[begin];
  const size_t middle = begin + std::bit_floor(end - begin - 1);
  return NodeHash(ReferenceRoot(hashes, begin, middle), ReferenceRoot(hashes, middle, end));
}

class ReferenceTree final : public TreeNodes {
 public:
  void Append(std::string_view leaf) { hashes_.push_back(LeafHash(leaf)); }
  std::string Root(size_t size) const { return ReferenceRoot(hashes_, 0, size); }
  std::string Root() const { return Root(hashes_.size()); }
  const std::vector<std::string>& hashes() const { return hashes_; }
  absl::StatusOr<std::string> Node(int level, uint64_t index) const override {
    return ReferenceRoot(hashes_, index << level, (index + 1) << level);
  }

 private:
  std::vector<std::string> hashes_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_LEDGER_REFERENCE_TREE_H_
