// Whether two collections hold the same things the same number of times, in whatever order they come, told in fixed memory: each is
// a sum of keyed hashes of its elements (MSet-Add-Hash, Clarke et al., ASIACRYPT 2003). Who chooses the elements does not know the
// key, which is drawn for one comparison and never shown, so equal sums of unequal collections are as likely as a guessed 256-bit
// number.
#ifndef FIREBREAK_CRYPTO_BAG_HASH_H_
#define FIREBREAK_CRYPTO_BAG_HASH_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace firebreak {

using BagElement = std::array<uint64_t, 4>;

// Immutable, thread-safe.
class BagKey {
 public:
  BagKey();   // fresh
  BagElement Hash(std::string_view element) const;

 private:
  std::string key_;
};

// Sums under different keys say nothing of one another.
struct BagSum {
  uint64_t count = 0;
  BagElement sum{};

  void Add(const BagElement& element);
  bool operator==(const BagSum&) const = default;
};

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_BAG_HASH_H_
