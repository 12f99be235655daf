#include "firebreak/crypto/seal.h"

#include <climits>

#include "firebreak/base/check.h"
#include "firebreak/base/text.h"
#include "services/crypto/openssl.h"

namespace firebreak {
namespace {

using openssl::Data;

constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kPlainBytesMax = size_t{1} << 30;  // OpenSSL counts in int

const EVP_CIPHER* Aes256Gcm() {
  static const EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  FIREBREAK_CHECK(kCipher != nullptr);
  return kCipher;
}

absl::Status CheckSizes(std::string_view key, std::string_view text, std::string_view associated) {
  if (key.size() != kSealKeyBytes) {
    return absl::InvalidArgumentError(StrCat("seal key has ", key.size(), " bytes, not ", kSealKeyBytes));
  }
  if (text.size() > kPlainBytesMax || associated.size() > kPlainBytesMax) {
    return absl::InvalidArgumentError(StrCat("value to seal is larger than ", kPlainBytesMax, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string NewSealKey(Random& random) { return random.Bytes(kSealKeyBytes); }

absl::StatusOr<std::string> Seal(std::string_view key, std::string_view plain, std::string_view associated,
                                 Random& random) {
  if (absl::Status status = CheckSizes(key, plain, associated); !status.ok()) return status;
  std::string sealed = random.Bytes(kNonceBytes);
  FIREBREAK_CHECK(sealed.size() == kNonceBytes);
  sealed.resize(kNonceBytes + plain.size() + kTagBytes);
  unsigned char* const nonce = Data(sealed);
  unsigned char* const cipher_text = nonce + kNonceBytes;
  unsigned char* const tag = cipher_text + plain.size();
  const openssl::CipherContextPtr context(EVP_CIPHER_CTX_new());
  int length = 0;
  if (context == nullptr || EVP_EncryptInit_ex2(context.get(), Aes256Gcm(), Data(key), nonce, nullptr) != 1 ||
      EVP_EncryptUpdate(context.get(), nullptr, &length, Data(associated), static_cast<int>(associated.size())) != 1 ||
      EVP_EncryptUpdate(context.get(), cipher_text, &length, Data(plain), static_cast<int>(plain.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), tag, &length) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes), tag) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "cannot seal");
  }
  return sealed;
}

absl::StatusOr<std::string> Open(std::string_view key, std::string_view sealed, std::string_view associated) {
  if (sealed.size() < kNonceBytes + kTagBytes) return absl::DataLossError("sealed value is cut short");
  const std::string_view cipher_text = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  if (absl::Status status = CheckSizes(key, cipher_text, associated); !status.ok()) return status;
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string plain(cipher_text.size(), '\0');
  const openssl::CipherContextPtr context(EVP_CIPHER_CTX_new());
  int length = 0;
  if (context == nullptr || EVP_DecryptInit_ex2(context.get(), Aes256Gcm(), Data(key), Data(sealed), nullptr) != 1 ||
      EVP_DecryptUpdate(context.get(), nullptr, &length, Data(associated), static_cast<int>(associated.size())) != 1 ||
      EVP_DecryptUpdate(context.get(), Data(plain), &length, Data(cipher_text), static_cast<int>(cipher_text.size())) !=
          1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes), tag.data()) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "cannot open sealed value");
  }
  unsigned char rest[EVP_MAX_BLOCK_LENGTH];
  if (EVP_DecryptFinal_ex(context.get(), rest, &length) != 1) {
    openssl::DropErrors();
    return absl::DataLossError("sealed value does not open: wrong key, wrong place or changed bytes");
  }
  return plain;
}

}  // namespace firebreak
