// Reading what the reference signer 0.2 made: its own predicate, and a signature over what its language printed for bytes.
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/crypto/legacy.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/signing/oms.h"
#include "services/signing/members.h"
#include "services/signing/oms_bundle.h"
#include "services/signing/oms_statement.h"

namespace firebreak {
namespace {

// How Python prints a bytes object.
std::string PrintedBytes(std::string_view bytes) {
  const bool has_single = bytes.find('\'') != std::string_view::npos;
  const bool has_double = bytes.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string text = StrCat("b", std::string(1, quote));
  for (const char c : bytes) {
    switch (c) {
      case '\t': text += "\\t"; break;
      case '\n': text += "\\n"; break;
      case '\r': text += "\\r"; break;
      case '\\': text += "\\\\"; break;
      default:
        if (c == quote) {
          text += '\\';
          text += c;
        } else if (c >= 0x20 && c < 0x7f) {
          text += c;
        } else {
          StrAppend(&text, "\\x", ToHex(std::string_view(&c, 1)));
        }
    }
  }
  return text + quote;
}

std::string EarlyEncoding(std::string_view payload) {
  return StrCat("DSSEV1 ", oms::kPayloadType.size(), " ", oms::kPayloadType, " ", payload.size(), " ", PrintedBytes(payload));
}

// Nobody makes these any more, and none was long.
constexpr JsonLimits kEarlyLimits{.size_bytes_max = size_t{23} << 20, .depth_max = 32};

absl::StatusOr<std::string> LoadPayload(ByteSource& source, const oms::Bundle& bundle) {
  if (bundle.payload_bytes > kEarlyLimits.size_bytes_max) {
    return absl::InvalidArgumentError(StrCat("statement: has ", bundle.payload_bytes, " bytes; of version 0.2 at most ",
                                             kEarlyLimits.size_bytes_max, " are read"));
  }
  oms::PayloadPieces pieces(source, bundle.payload);
  std::string payload;
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view piece, pieces.Next());
    if (piece.empty()) return payload;
    payload.append(piece);
  }
}

absl::StatusOr<OmsResource> ReadEarlySubject(const oms::Value& value) {
  ASSIGN_OR_RETURN(const oms::Members subject, oms::Members::Of("subject", value));
  RETURN_IF_ERROR(subject.RefuseOthersThan({"name", "digest", "annotations"}));
  OmsResource resource;
  ASSIGN_OR_RETURN(resource.name, subject.LoadString("name"));
  ASSIGN_OR_RETURN(const oms::Members digest, subject.LoadObject("digest", "subject digest"));
  RETURN_IF_ERROR(digest.RefuseOthersThan({"sha256"}));
  ASSIGN_OR_RETURN(resource.digest_hex, digest.LoadString("sha256"));
  RETURN_IF_ERROR(oms::CheckDigest("subject", resource.digest_hex, 64));
  resource.algorithm = "sha256";
  if (subject.Find("annotations") == nullptr) return resource;
  ASSIGN_OR_RETURN(const oms::Members notes, subject.LoadObject("annotations", "subject annotations"));
  ASSIGN_OR_RETURN(const std::string hash, notes.FindString("actual_hash_algorithm"));
  if (hash != "file-sha256") return absl::FailedPreconditionError("subject: was not hashed as a whole file with sha256");
  return resource;
}

}  // namespace

absl::StatusOr<OmsSignature> oms::ParseEarlyStatement(std::string_view payload) {
  const absl::StatusOr<Value> document = ParseJson(payload, kEarlyLimits);
  if (!document.ok()) return Annotate(document.status(), "statement");
  ASSIGN_OR_RETURN(const Members statement, Members::Of("statement", *document));
  RETURN_IF_ERROR(statement.RefuseOthersThan({"_type", "subject", "predicateType", "predicate"}));
  ASSIGN_OR_RETURN(const std::string type, statement.LoadString("_type"));
  ASSIGN_OR_RETURN(const std::string predicate_type, statement.LoadString("predicateType"));
  if (type != kStatementType || predicate_type != kEarlyPredicateType) {
    return absl::InvalidArgumentError(StrCat("statement: not of type ", kStatementType, " with ", kEarlyPredicateType));
  }
  OmsSignature out;
  out.hash_type = "sha256";
  ASSIGN_OR_RETURN(const ListValue* subjects, statement.LoadList("subject"));
  if (subjects->values().empty()) return absl::InvalidArgumentError("statement: subject is empty, so the signature covers nothing");
  for (const Value& subject : subjects->values()) {
    ASSIGN_OR_RETURN(OmsResource resource, ReadEarlySubject(subject));
    out.resources.push_back(std::move(resource));
  }
  for (const OmsResource& resource : out.resources) RETURN_IF_ERROR(CheckPath("resource", resource.name));
  RETURN_IF_ERROR(CheckResources(out));
  out.resource_count = out.resources.size();
  ASSIGN_OR_RETURN(out.root, OmsRootDigest(out.resources));
  return out;
}

absl::StatusOr<OmsSignature> VerifyOms02CertificateBundle(std::string_view bundle_json, std::string_view roots_pem,
                                                          absl::Time now) {
  TextSource source(bundle_json);
  ASSIGN_OR_RETURN(const oms::Bundle bundle, oms::ParseBundle(source));
  if (bundle.material != oms::Material::kCertificateChain) {
    return absl::FailedPreconditionError("verificationMaterial: signatures of version 0.2 are read with a certificate chain only");
  }
  ASSIGN_OR_RETURN(const SigningCertificate leaf, VerifySigningChain(bundle.chain_der, roots_pem, now));
  ASSIGN_OR_RETURN(const std::string payload, LoadPayload(source, bundle));
  RETURN_IF_ERROR(Annotate(VerifyEcdsaSha256(leaf.key, EarlyEncoding(payload), bundle.signature), "dsseEnvelope"));
  ASSIGN_OR_RETURN(OmsSignature signature, oms::ParseEarlyStatement(payload));
  signature.trust = OmsTrust::kCertificate;
  signature.key_id = leaf.key.key_id();
  signature.certificate_pem = leaf.pem;
  signature.certificate_name = leaf.common_name;
  signature.certificate_identities = leaf.identities;
  return signature;
}

}  // namespace firebreak
