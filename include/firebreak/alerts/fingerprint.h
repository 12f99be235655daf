// Fingerprint of a label set exactly as Prometheus and Alertmanager compute it: FNV-1a 64 over the labels in byte order of their
// names, each as name 0xFF value 0xFF (prometheus/common model/fnv.go, labelset.go).
#ifndef FIREBREAK_ALERTS_FINGERPRINT_H_
#define FIREBREAK_ALERTS_FINGERPRINT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/types/span.h"

namespace firebreak {

// `labels` are sorted by name, each name once.
uint64_t FingerprintOf(absl::Span<const std::pair<std::string, std::string>> labels);

// 16 lowercase hex digits.
std::string FingerprintText(uint64_t fingerprint);

// FNV-1a 64 of `bytes`, going on from `state`.
inline constexpr uint64_t kFnvOffset = 14695981039346656037ULL;
uint64_t Fnv1a(uint64_t state, std::string_view bytes);

}  // namespace firebreak

#endif  // FIREBREAK_ALERTS_FINGERPRINT_H_
