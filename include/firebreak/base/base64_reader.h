// Base64 (RFC 4648) that comes in pieces. Our own rather than Abseil's: no white space, no '.', no stray bits after the last byte, so
// that one value has one text per alphabet and nothing can hide in a signed document.
#ifndef FIREBREAK_BASE_BASE64_READER_H_
#define FIREBREAK_BASE_BASE64_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace firebreak {

// Either alphabet, padding optional. Not thread-safe.
class Base64Reader {
 public:
  // Appends to `out` what is complete. kInvalidArgument names the offset of a character that is none.
  absl::Status Add(std::string_view text, std::string& out);
  // After the last piece. kInvalidArgument: the text ends where none can, or has bits set after its last byte.
  absl::Status Finish() const;
  // Characters of both alphabets came.
  bool mixes_alphabets() const { return has_standard_ && has_url_; }

 private:
  absl::Status AddOne(char c, std::string& out);

  uint64_t length_ = 0;     // padding and all
  uint64_t padding_ = 0;
  uint32_t bits_ = 0;       // of the last bit_count_ bits, those not written yet
  int bit_count_ = 0;
  bool has_standard_ = false;
  bool has_url_ = false;
};

}  // namespace firebreak

#endif  // FIREBREAK_BASE_BASE64_READER_H_
