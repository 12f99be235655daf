// What the fuzzers do with outside bytes; the corpus is replayed through the same functions as an ordinary test.
#ifndef FIREBREAK_TESTS_FUZZ_SIGNING_FUZZ_SIGNING_H_
#define FIREBREAK_TESTS_FUZZ_SIGNING_FUZZ_SIGNING_H_

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "firebreak/base/json_stream.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/signing/oms_stream.h"

namespace firebreak::testing {

inline const EcPrivateKey& FuzzKey() {
  static const EcPrivateKey* const key = new EcPrivateKey(*EcPrivateKey::Generate(EcCurve::kP256));
  return *key;
}

// What must hold of everything that verifies, whatever the bytes were.
inline void CheckPromises(const OmsSignature& signature) {
  FIREBREAK_CHECK(!signature.resources.empty() && !signature.key_id.empty());
  FIREBREAK_CHECK(*OmsRootDigest(signature.resources) == signature.root);
  absl::flat_hash_set<std::string> names;
  for (const OmsResource& resource : signature.resources) {
    FIREBREAK_CHECK(resource.digest_hex.size() == (resource.algorithm == "sha256" ? 64u : 128u));
    const bool is_old_single = resource.name == "." && signature.resources.size() == 1;
    FIREBREAK_CHECK(is_old_single || (!resource.name.empty() && resource.name.front() != '/' && resource.name.find('\\') == std::string::npos));
    FIREBREAK_CHECK(resource.shard_start.has_value() == (signature.method == OmsMethod::kShards));
    FIREBREAK_CHECK(names.insert(StrCat(resource.name, "\n", resource.shard_start.value_or(0))).second);
  }
}

// `text` in pieces that do not stay.
class PieceSource final : public ByteSource {
 public:
  PieceSource(std::string_view text, size_t piece_bytes) : text_(text), piece_bytes_(piece_bytes) {}
  uint64_t size_bytes() const override { return text_.size(); }
  absl::StatusOr<std::string_view> Read(uint64_t offset) override {
    piece_ = std::string(text_.substr(std::min(text_.size(), static_cast<size_t>(offset)), piece_bytes_));
    return std::string_view(piece_);
  }

 private:
  const std::string_view text_;
  const size_t piece_bytes_;
  std::string piece_;
};

// What a bundle lists and who signed it, or nothing.
inline std::string ReadBundle(std::string_view bytes, size_t piece_bytes) {
  PieceSource source(bytes, piece_bytes);
  absl::StatusOr<OmsBundle> bundle = OmsBundle::Open(source);
  if (!bundle.ok() || !bundle->Verify(FuzzKey().public_key()).ok()) return "";
  std::string files;
  const absl::StatusOr<OmsSeal> seal = bundle->Read([&](const OmsResource& file) {
    StrAppend(&files, file.name, " ", file.shard_start.value_or(0), " ", file.digest_hex, "\n");
    return absl::OkStatus();
  });
  return seal.ok() ? StrCat(files, seal->model_name) : "";
}

// Any bytes as a bundle, with a key and with a certificate; none of them can carry our signature.
inline void FuzzBundle(std::string_view bytes) {
  (void)ReadOmsClaim(bytes);
  (void)VerifyOmsBundle(bytes, FuzzKey().public_key());
  (void)VerifyOmsCertificateBundle(bytes, FuzzKey().public_key().pem(), absl::UnixEpoch());
  (void)VerifyOms02CertificateBundle(bytes, "", absl::UnixEpoch());
  (void)ReadCertificatesDer(bytes);
}

// Any bytes as the payload of a validly signed bundle: what is accepted keeps every promise, and is accepted again.
inline void FuzzStatement(std::string_view payload) {
  const std::string signature = *FuzzKey().Sign(PreAuthEncoding("application/vnd.in-toto+json", payload));
  const std::string bundle =
      StrCat(R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"dsseEnvelope":{"payload":")",
             ToBase64(payload), R"(","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":")", ToBase64(signature), "\"}]}}");
  const auto verified = VerifyOmsBundle(bundle, FuzzKey().public_key());
  if (verified.ok()) CheckPromises(*verified);
  // Wherever its pieces are cut it says the same; what the whole list tells is not asked for here.
  const std::string whole = ReadBundle(bundle, bundle.size());
  FIREBREAK_CHECK(whole == ReadBundle(bundle, 1 + payload.size() % 61));
  FIREBREAK_CHECK(!verified.ok() || !whole.empty());
}

// Any bytes as a DSSE envelope and as a signature in one: only what the key signed verifies.
inline void FuzzEnvelope(std::string_view bytes) {
  v1::Envelope envelope;
  if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) envelope.add_signatures()->set_sig(std::string(bytes));
  FIREBREAK_CHECK(!VerifyEnvelope(FuzzKey().public_key(), envelope, "application/vnd.firebreak.test+json").ok());
  FIREBREAK_CHECK(!FuzzKey().public_key().Verify("message", bytes).ok());
  (void)EcPublicKey::FromPem(bytes);
  (void)EcPublicKey::FromDer(bytes);
  const auto own = SignEnvelope(FuzzKey(), "application/vnd.firebreak.test+json", bytes);
  FIREBREAK_CHECK(own.ok() && VerifyEnvelope(FuzzKey().public_key(), *own, "application/vnd.firebreak.test+json").ok());
}

// What parses prints, and the print parses to the same print.
inline void FuzzJson(std::string_view bytes) {
  const auto value = ParseJson(bytes);
  size_t at = 0;
  std::string piece;
  const auto next = [&]() -> absl::StatusOr<std::string_view> {
    piece = std::string(bytes.substr(at, 1 + bytes.size() % 13));
    at += piece.size();
    return std::string_view(piece);
  };
  const auto cut = ReadJson(next, {}, {});
  FIREBREAK_CHECK(cut.ok() == value.ok() && (!cut.ok() || PrintJson(cut->root) == PrintJson(*value)));
  if (!value.ok()) return;
  const std::string printed = PrintJson(*value);
  const auto again = ParseJson(printed);
  FIREBREAK_CHECK(again.ok() && PrintJson(*again) == printed);
  FIREBREAK_CHECK(ParseJson(PrintJsonPretty(*value)).ok());
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_FUZZ_SIGNING_FUZZ_SIGNING_H_
