#include "firebreak/signing/rotation.h"

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/signing/dsse.h"

namespace firebreak {
namespace {

constexpr std::string_view kRotationType = "application/vnd.firebreak.key-rotation+json";

// Key ids are hex, so nothing in it needs escaping.
std::string Statement(const EcPublicKey& old_key, const EcPublicKey& new_key) {
  return StrCat("{\"from\":\"", old_key.key_id(), "\",\"to\":\"", new_key.key_id(), "\"}");
}

}  // namespace

absl::StatusOr<v1::Envelope> SignKeyRotation(const EcPrivateKey& old_key, const EcPublicKey& new_key) {
  return SignEnvelope(old_key, kRotationType, Statement(old_key.public_key(), new_key));
}

absl::Status VerifyKeyRotation(const v1::Envelope& vouched, const EcPublicKey& old_key, const EcPublicKey& new_key) {
  RETURN_IF_ERROR(VerifyEnvelope(old_key, vouched, kRotationType));
  if (vouched.payload() == Statement(old_key, new_key)) return absl::OkStatus();
  return absl::DataLossError(StrCat("envelope: the old key vouches for another key than ", new_key.key_id()));
}

}  // namespace firebreak
