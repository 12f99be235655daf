#include "services/crypto/openssl.h"

#include <openssl/err.h>

#include <climits>

#include "firebreak/base/text.h"

namespace firebreak::openssl {

absl::Status Error(absl::StatusCode code, std::string_view what) {
  const unsigned long error = ERR_peek_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  std::string message = reason == nullptr ? std::string(what) : StrCat(what, ": ", reason);
  ERR_clear_error();
  return absl::Status(code, message);
}

void DropErrors() { ERR_clear_error(); }

BioPtr ReadFrom(std::string_view bytes) {
  if (bytes.size() > INT_MAX) return nullptr;
  // A null pointer means "writable" to BIO_new_mem_buf.
  return BioPtr(BIO_new_mem_buf(bytes.empty() ? "" : bytes.data(), static_cast<int>(bytes.size())));
}

BioPtr NewMemory() { return BioPtr(BIO_new(BIO_s_mem())); }

std::string Written(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return size <= 0 ? std::string() : std::string(data, static_cast<size_t>(size));
}

}  // namespace firebreak::openssl
