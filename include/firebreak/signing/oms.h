// OpenSSF Model Signing v1.0 bundles (ossf/model-signing-spec v1.0.md): one signature over the list of a model's files. Here the list
// is held; oms_stream.h has the same for a list of any length.
#ifndef FIREBREAK_SIGNING_OMS_H_
#define FIREBREAK_SIGNING_OMS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/base/ids.h"
#include "firebreak/crypto/sign.h"

namespace firebreak {

// One file, or one byte range of a file.
struct OmsResource {
  std::string name;         // relative path with '/', valid UTF-8; for shards the path alone
  std::string algorithm;    // "sha256" or "blake2b"
  std::string digest_hex;   // lowercase; 64 digits for sha256, 128 for blake2b
  // Byte range [shard_start, shard_end); absent for a whole file.
  std::optional<uint64_t> shard_start = std::nullopt;
  std::optional<uint64_t> shard_end = std::nullopt;
};

enum class OmsMethod { kFiles, kShards };
enum class OmsTrust { kKey, kCertificate };

// What a verified bundle says beside its files: everything in it is what the signer signed.
struct OmsSeal {
  OmsTrust trust = OmsTrust::kKey;
  std::string key_id;                  // of the key that verified it: lowercase hex SHA-256 of its PEM
  std::string certificate_pem;         // the leaf; empty for OmsTrust::kKey
  std::string certificate_name;        // its common name
  std::vector<std::string> certificate_identities;   // who it says signs (see crypto/chain.h)
  std::string model_name;              // the statement's subject
  Digest root;                         // recomputed from the resources, equal to the subject's digest
  OmsMethod method = OmsMethod::kFiles;
  std::string hash_type;               // "sha256" or "blake2b"
  uint64_t shard_size_bytes = 0;       // 0 for kFiles
  bool allow_symlinks = false;
  std::vector<std::string> ignore_paths;
  uint64_t resource_count = 0;
};

// The same with its files.
struct OmsSignature : OmsSeal {
  // In listed order, no name twice. A lone resource named "." is a single-file model signed before OMS 1.1: compare its digest
  // with the file, not the name.
  std::vector<OmsResource> resources;
};

// Digest of a resource list: SHA-256 over the raw digests in listed order. kInvalidArgument when a digest is not lowercase hex.
absl::StatusOr<Digest> OmsRootDigest(const std::vector<OmsResource>& resources);

// A bundle as compact JSON: method "files", hash "sha256", resources in code-point order of their names, publicKey.hint.
// kInvalidArgument when a resource or ignore path would be refused by VerifyOmsBundle, or there is no resource.
absl::StatusOr<std::string> SignOmsBundle(const EcPrivateKey& key, std::string_view model_name,
                                          std::vector<OmsResource> resources, std::vector<std::string> ignore_paths);

// What is to be signed.
struct OmsManifest {
  std::string model_name;                  // basename of the model
  std::string hash_type = "sha256";        // or "blake2b"
  uint64_t shard_size_bytes = 0;           // 0 = whole files
  std::vector<OmsResource> resources;      // as HashModel gives them
  std::vector<std::string> ignore_paths;
};

// The general form of the above. With `chain_der` (leaf first) the bundle carries it as x509CertificateChain instead of a key
// hint; kInvalidArgument when the leaf is not that of `key`. Other tools read "files" with "sha256" only.
absl::StatusOr<std::string> SignOmsManifest(const EcPrivateKey& key, const std::vector<std::string>& chain_der,
                                            OmsManifest manifest);

// What a bundle says of its signer, verified by nobody: only to choose what to verify it with.
struct OmsClaim {
  OmsTrust trust = OmsTrust::kKey;
  std::string key_hint;                    // empty: none
};
absl::StatusOr<OmsClaim> ReadOmsClaim(std::string_view bundle_json);

// Checks a bundle that was signed with a bare key. Strict: what the signature does not cover or the spec does not name is
// refused, each with its own message. kInvalidArgument: the bundle or statement is malformed. kDataLoss: signature, key hint
// or root digest do not match. kFailedPrecondition: it is signed in a way that this call cannot check.
absl::StatusOr<OmsSignature> VerifyOmsBundle(std::string_view bundle_json, const EcPublicKey& key);

// The same for a bundle that carries an x509CertificateChain; the path must be valid at `now` (see crypto/chain.h), which is
// kPermissionDenied otherwise.
absl::StatusOr<OmsSignature> VerifyOmsCertificateBundle(std::string_view bundle_json, std::string_view roots_pem,
                                                        absl::Time now);

// The same for a bundle as the reference signer 0.2 made it (predicate Digests/v0.1): files are the statement's subjects, and
// the signature is over a faulty encoding. Deprecated by the spec (§5.1); for reading what exists on a disk, never for pushes.
absl::StatusOr<OmsSignature> VerifyOms02CertificateBundle(std::string_view bundle_json, std::string_view roots_pem,
                                                          absl::Time now);

}  // namespace firebreak

#endif  // FIREBREAK_SIGNING_OMS_H_
