// Bridges std::string_view (ours) and absl::string_view (a type of its own in the packaged Abseil): StrCat and StrAppend that
// take either, and conversions for other Abseil calls.
#ifndef FIREBREAK_BASE_TEXT_H_
#define FIREBREAK_BASE_TEXT_H_

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace firebreak {

inline absl::string_view ToAbsl(std::string_view text) { return absl::string_view(text.data(), text.size()); }
inline std::string_view FromAbsl(absl::string_view text) { return std::string_view(text.data(), text.size()); }

// The message of a Status, living as long as it.
inline std::string_view MessageOf(const absl::Status& status) { return FromAbsl(status.message()); }

namespace text_internal {

template <typename T>
decltype(auto) Piece(const T& part) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return ToAbsl(part);
  } else {
    return (part);
  }
}

}  // namespace text_internal

// absl::StrCat, also for std::string_view.
template <typename... Parts>
std::string StrCat(const Parts&... parts) {
  return absl::StrCat(text_internal::Piece(parts)...);
}

// absl::StrAppend, also for std::string_view.
template <typename... Parts>
void StrAppend(std::string* out, const Parts&... parts) {
  absl::StrAppend(out, text_internal::Piece(parts)...);
}

}  // namespace firebreak

#endif  // FIREBREAK_BASE_TEXT_H_
