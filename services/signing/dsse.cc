#include "firebreak/signing/dsse.h"

#include "firebreak/base/status.h"

namespace firebreak {

std::string PreAuthHead(std::string_view type, uint64_t payload_bytes) {
  return StrCat("DSSEv1 ", type.size(), " ", type, " ", payload_bytes, " ");
}

std::string PreAuthEncoding(std::string_view type, std::string_view payload) {
  return PreAuthHead(type, payload.size()).append(payload);
}

absl::StatusOr<v1::Envelope> SignEnvelope(const EcPrivateKey& key, std::string_view type, std::string_view payload) {
  if (type.empty()) return absl::InvalidArgumentError("envelope: the payload type is empty");
  ASSIGN_OR_RETURN(std::string signature_bytes, key.Sign(PreAuthEncoding(type, payload)));
  v1::Envelope envelope;
  envelope.set_payload(payload.data(), payload.size());
  envelope.set_payload_type(type.data(), type.size());
  v1::Signature& signature = *envelope.add_signatures();
  signature.set_key_id(key.public_key().key_id());
  signature.set_sig(std::move(signature_bytes));
  return envelope;
}

absl::Status VerifyEnvelope(const EcPublicKey& key, const v1::Envelope& envelope, std::string_view expected_type) {
  if (envelope.signatures_size() != 1) {
    return absl::DataLossError(StrCat("envelope: has ", envelope.signatures_size(), " signatures, not exactly one"));
  }
  if (envelope.payload_type() != expected_type) {
    return absl::DataLossError(StrCat("envelope: the payload type is not ", expected_type));
  }
  const v1::Signature& signature = envelope.signatures(0);
  if (!signature.key_id().empty() && signature.key_id() != key.key_id()) {
    return absl::DataLossError(StrCat("envelope: signed with another key than ", key.key_id()));
  }
  return Annotate(key.Verify(PreAuthEncoding(envelope.payload_type(), envelope.payload()), signature.sig()), "envelope");
}

}  // namespace firebreak
