// How keys are made: a table name, then components that keep their order as bytes. Each domain's keys are functions in
// storage/keys/<domain>.h that answer a Key<Message>, so key and record type cannot be mixed up. storage/FORMAT.md tables them.
#ifndef FIREBREAK_STORAGE_KEYS_H_
#define FIREBREAK_STORAGE_KEYS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "firebreak/base/bytes.h"

namespace firebreak {

// A full key whose value is a serialised `Message`.
template <typename Message>
struct Key {
  std::string bytes;
};

// The first part of many keys of one type.
template <typename Message>
struct KeyPrefix {
  std::string bytes;
};

// table NUL component NUL component … ; text components never hold NUL (names and digests cannot), numbers are 8 bytes
// big-endian and come without terminator.
class KeyBuilder {
 public:
  explicit KeyBuilder(std::string_view table) : bytes_(table) { bytes_.push_back('\0'); }
  KeyBuilder& Text(std::string_view text) {
    bytes_.append(text);
    bytes_.push_back('\0');
    return *this;
  }
  KeyBuilder& Number(uint64_t number) {
    bytes_.append(ToBigEndian64(number));
    return *this;
  }
  template <typename Message>
  Key<Message> Build() {
    return {std::move(bytes_)};
  }
  template <typename Message>
  KeyPrefix<Message> BuildPrefix() {
    return {std::move(bytes_)};
  }

 private:
  std::string bytes_;
};

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_KEYS_H_
