// The old key's word for the new one, when a signer changes keys: a DSSE envelope that names both.
#ifndef FIREBREAK_SIGNING_ROTATION_H_
#define FIREBREAK_SIGNING_ROTATION_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

// Type application/vnd.firebreak.key-rotation+json over {"from":"<key id>","to":"<key id>"}.
absl::StatusOr<v1::Envelope> SignKeyRotation(const EcPrivateKey& old_key, const EcPublicKey& new_key);

// OK when `old_key` signed exactly that for `new_key`; kDataLoss otherwise.
absl::Status VerifyKeyRotation(const v1::Envelope& vouched, const EcPublicKey& old_key, const EcPublicKey& new_key);

}  // namespace firebreak

#endif  // FIREBREAK_SIGNING_ROTATION_H_
