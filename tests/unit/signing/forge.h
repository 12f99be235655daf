// Validly signed OMS bundles of any content, so that a refusal is due to the content and not to a bad signature.
#ifndef FIREBREAK_TESTS_UNIT_SIGNING_FORGE_H_
#define FIREBREAK_TESTS_UNIT_SIGNING_FORGE_H_

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/signing/dsse.h"

namespace firebreak::testing {

struct ForgedResource {
  std::string name;                                   // as JSON text without quotes
  std::string digest = std::string(64, 'a');
  std::string algorithm = "sha256";
  std::string extra = "";                               // further members, with a leading comma
};

// Every member is JSON text; the defaults make a bundle that verifies. "$HINT" becomes the key's id.
struct Forged {
  std::string media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
  std::string material = R"("publicKey":{"hint":"$HINT"},"tlogEntries":[])";
  std::string payload_type = "application/vnd.in-toto+json";
  std::string statement_type = "https://in-toto.io/Statement/v1";
  std::string predicate_type = "https://model_signing/signature/v1.0";
  std::string subjects = R"([{"name":"model","digest":{"sha256":"$ROOT"}}])";
  std::string serialization = R"({"method":"files","hash_type":"sha256","allow_symlinks":false,"ignore_paths":["model.sig"]})";
  std::vector<ForgedResource> resources = {{"a"}, {"d/b"}};
  std::string predicate;                              // whole, instead of the two above
  std::string payload;                                // whole, instead of everything above it
  std::string signatures = R"([{"sig":"$SIG","keyid":""}])";
  std::string top_extra, envelope_extra, statement_extra, predicate_extra;   // with a leading comma
};

inline std::string ForgedPayload(const Forged& form) {
  if (!form.payload.empty()) return form.payload;
  std::string raw;
  std::string resources = "[";
  for (const ForgedResource& resource : form.resources) {
    raw += FromHex(absl::AsciiStrToLower(resource.digest)).value_or("");
    StrAppend(&resources, resources.size() == 1 ? "" : ",", "{\"name\":\"", resource.name, "\",\"algorithm\":\"",
              resource.algorithm, "\",\"digest\":\"", resource.digest, "\"", resource.extra, "}");
  }
  const std::string predicate =
      !form.predicate.empty() ? form.predicate
                              : StrCat("{\"serialization\":", form.serialization, ",\"resources\":", resources, "]",
                                       form.predicate_extra, "}");
  const std::string payload =
      StrCat("{\"_type\":\"", form.statement_type, "\",\"subject\":", form.subjects, ",\"predicateType\":\"",
             form.predicate_type, "\",\"predicate\":", predicate, form.statement_extra, "}");
  return absl::StrReplaceAll(payload, {{"$ROOT", ToHex(Sha256(raw).raw())}});
}

inline std::string Forge(const EcPrivateKey& key, const Forged& form) {
  const std::string payload = ForgedPayload(form);
  const std::string signature = ToBase64(*key.Sign(PreAuthEncoding(form.payload_type, payload)));
  const std::string bundle =
      StrCat("{\"mediaType\":\"", form.media_type, "\",\"verificationMaterial\":{", form.material,
             "},\"dsseEnvelope\":{\"payload\":\"", ToBase64(payload), "\",\"payloadType\":\"", form.payload_type,
             "\",\"signatures\":", form.signatures, form.envelope_extra, "}", form.top_extra, "}");
  return absl::StrReplaceAll(bundle, {{"$HINT", key.public_key().key_id()},
                                      {"$SIG", signature},
                                      {"$PEM", ToBase64(key.public_key().pem())}});
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_SIGNING_FORGE_H_
