// Signatures inside CACAO documents (CACAO 2.0, JSON Signature Scheme after ITU-T X.590). What is signed is the lowercase hex text
// of the hash of the canonical form (RFC 8785) of the document with exactly this signature in it, without its value. So any
// number of people can sign the same document, each alone, and none covers another.
//
// A countersignature sits in the `signature` member of the one it confirms, and covers the document with that signature and its value. The
// specification leaves open what it covers; this reading is the one under which neither can be changed without the other noticing.
#ifndef FIREBREAK_CACAO_JSS_H_
#define FIREBREAK_CACAO_JSS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "firebreak/crypto/jose.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

inline constexpr size_t kJssSignaturesMax = 16;   // of one document, countersignatures included

struct JssWish {
  std::string signee;                    // who signs, for people
  absl::Time now;
  absl::Duration valid_for = absl::Hours(24 * 365);
  std::string algorithm;                 // empty = the key's own: RS256, ES256, Ed25519 …
  std::string hash_algorithm = "sha-256";   // or sha-512
};

// The document with one more signature. The first one also sets playbook_processing_summary.digital_signatures, which it then covers.
absl::StatusOr<google::protobuf::Value> SignCacao(google::protobuf::Value document, const JosePrivateKey& key, const JssWish& wish);
// Confirms the signature with this id.
absl::StatusOr<google::protobuf::Value> CountersignCacao(google::protobuf::Value document, std::string_view signature_id, const JosePrivateKey& key,
                                                         const JssWish& wish);

struct JssVerdict {
  std::string pointer;      // /signatures/0, /signatures/0/signature
  std::string id;
  std::string signee;
  std::string algorithm;
  std::string key_id;       // lowercase hex SHA-256 of the public key; empty when there is none to look at
  bool intact = false;      // it was made over exactly this document with that key
  bool known_key = false;   // the key is one of those given: without this anybody could have signed
  bool current = false;     // neither revoked nor outside its time
  std::string reason;       // why it is not intact, known or current
  bool good() const { return intact && known_key && current; }
};

// In the order of the document, countersignatures behind the one they confirm. Empty when it is not signed.
absl::StatusOr<std::vector<JssVerdict>> VerifyCacao(const google::protobuf::Value& document, absl::Span<const JosePublicKey> known, absl::Time now);

// What is signed: 64 (sha-256) or 128 (sha-512) ASCII characters. `signature` without its value and countersignature.
absl::StatusOr<std::string> JssMessage(const google::protobuf::Value& document, const google::protobuf::Value& signature);

}  // namespace firebreak

#endif  // FIREBREAK_CACAO_JSS_H_
