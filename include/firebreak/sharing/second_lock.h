// The second lock over bytes that are about to leave: every string in them must be a word of our closed vocabulary, one of our
// keyed ids, a month's first day or a catalogue number, in canonical JSON. Anything else is refused, whatever let it in.
#ifndef FIREBREAK_SHARING_SECOND_LOCK_H_
#define FIREBREAK_SHARING_SECOND_LOCK_H_

#include <string_view>

#include "absl/status/status.h"

namespace firebreak {

// kFailedPrecondition names where (a JSON path) but never repeats the string itself into logs. Numbers must be integers 0..100.
absl::Status CheckLeavingBytes(std::string_view bundle);

}  // namespace firebreak

#endif  // FIREBREAK_SHARING_SECOND_LOCK_H_
