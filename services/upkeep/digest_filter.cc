#include "firebreak/upkeep/digest_filter.h"

#include <bit>
#include <cstring>

#include "firebreak/base/check.h"

namespace firebreak {
namespace {

constexpr size_t kBytesMin = 4096;

// The finaliser of MurmurHash3: spreads the salt over all bits.
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdULL;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return value ^ (value >> 33);
}

}  // namespace

DigestFilter::DigestFilter(size_t bytes, uint64_t salt)
    : salt_(salt),
      words_(std::bit_ceil(bytes < kBytesMin ? kBytesMin : bytes) / sizeof(uint64_t)),
      bits_(new std::atomic<uint64_t>[words_]) {
  Clear();
}

// A digest is random already: each probe reads eight bytes of its own.
uint64_t DigestFilter::Bit(const Digest& digest, int probe) const {
  FIREBREAK_CHECK(digest.raw().size() == 32);
  uint64_t word = 0;
  std::memcpy(&word, digest.raw().data() + 8 * probe, sizeof word);
  return Mix(word ^ salt_) & (words_ * 64 - 1);
}

void DigestFilter::Add(const Digest& digest) {
  any_.store(true, std::memory_order_relaxed);
  for (int probe = 0; probe < kProbes; ++probe) {
    const uint64_t bit = Bit(digest, probe);
    bits_[bit / 64].fetch_or(uint64_t{1} << (bit % 64), std::memory_order_relaxed);
  }
}

bool DigestFilter::MayHold(const Digest& digest) const {
  for (int probe = 0; probe < kProbes; ++probe) {
    const uint64_t bit = Bit(digest, probe);
    if ((bits_[bit / 64].load(std::memory_order_relaxed) >> (bit % 64) & 1) == 0) return false;
  }
  return true;
}

void DigestFilter::Clear() {
  for (size_t i = 0; i < words_; ++i) bits_[i].store(0, std::memory_order_relaxed);
  any_.store(false, std::memory_order_relaxed);
}

}  // namespace firebreak
