// DSSE envelopes (secure-systems-lab/dsse, protocol v1): a typed payload and one ECDSA signature over its exact bytes.
#ifndef FIREBREAK_SIGNING_DSSE_H_
#define FIREBREAK_SIGNING_DSSE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

// "DSSEv1" SP len(type) SP type SP len(payload) SP payload: the bytes that are signed.
std::string PreAuthEncoding(std::string_view type, std::string_view payload);
// What stands before the payload there, for one too long to be held.
std::string PreAuthHead(std::string_view type, uint64_t payload_bytes);

// Keeps `payload` as it is; the signature's key_id is the key's. kInvalidArgument when `type` is empty.
absl::StatusOr<v1::Envelope> SignEnvelope(const EcPrivateKey& key, std::string_view type, std::string_view payload);

// OK when the envelope has exactly one signature, is of `expected_type`, names no other key, and the signature over the raw
// payload verifies. kDataLoss otherwise. Parse `envelope.payload()` only after this said OK, and never re-serialise it.
absl::Status VerifyEnvelope(const EcPublicKey& key, const v1::Envelope& envelope, std::string_view expected_type);

}  // namespace firebreak

#endif  // FIREBREAK_SIGNING_DSSE_H_
