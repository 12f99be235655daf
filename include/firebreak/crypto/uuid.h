// UUIDs made from names (RFC 9562, version 5): the same name gives the same id everywhere, so an export is repeatable.
#ifndef FIREBREAK_CRYPTO_UUID_H_
#define FIREBREAK_CRYPTO_UUID_H_

#include <string>
#include <string_view>

namespace firebreak {

// `name_space` is a UUID in its text form; anything else is our own mistake.
std::string NameUuid(std::string_view name_space, std::string_view name);

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_UUID_H_
