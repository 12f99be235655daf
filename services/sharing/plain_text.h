// What a receiver answered, as text that can be stored and shown: it is a stranger's.
#ifndef FIREBREAK_SERVICES_SHARING_PLAIN_TEXT_H_
#define FIREBREAK_SERVICES_SHARING_PLAIN_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace firebreak {

// At most `bytes_max` bytes of printable ASCII; every other byte becomes '?'. So a cut never splits a character and nothing
// in it moves a terminal's cursor.
inline std::string PlainText(std::string_view text, size_t bytes_max) {
  std::string plain(text.substr(0, bytes_max));
  for (char& c : plain) {
    if (c < ' ' || c > '~') c = '?';
  }
  return plain;
}

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SHARING_PLAIN_TEXT_H_
