#include "firebreak/cacao/jss.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/jcs.h"
#include "firebreak/base/status.h"
#include "firebreak/cacao/export.h"
#include "firebreak/crypto/hash.h"
#include "services/cacao/json_view.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

absl::StatusOr<std::string> HashHex(std::string_view hash_algorithm, std::string_view bytes) {
  if (hash_algorithm == "sha-256") return ToHex(Sha256(bytes).raw());
  if (hash_algorithm == "sha-512") return ToHex(Sha512(bytes));
  return absl::InvalidArgumentError(StrCat("hash_algorithm ", CutText(hash_algorithm, 40), " is neither sha-256 nor sha-512"));
}

Value Without(Value value, std::initializer_list<const char*> names) {
  for (const char* name : names) value.mutable_struct_value()->mutable_fields()->erase(name);
  return value;
}

// The text over the document with `signatures` holding only `one`.
absl::StatusOr<std::string> MessageWith(Value document, const Value& one, const std::string& hash_algorithm) {
  auto& list = *(*document.mutable_struct_value()->mutable_fields())["signatures"].mutable_list_value();
  list.clear_values();
  *list.add_values() = one;
  ASSIGN_OR_RETURN(const std::string canonical, CanonicalJson(document));
  return HashHex(hash_algorithm, canonical);
}

absl::StatusOr<Value> NewSignature(const Value& document, const JosePrivateKey& key, const JssWish& wish, std::string_view seed) {
  if (wish.signee.empty()) return absl::InvalidArgumentError("a signature needs the name of who signs");
  const Struct& root = document.struct_value();
  const std::string now = FormatRfc3339(wish.now);
  Value value;
  Struct& signature = *value.mutable_struct_value();
  PutText(signature, "type", "jss");
  PutText(signature, "id", CacaoId("jss", StrCat(TextOf(root, "id"), "/", key.public_key().key_id(), "/", now, "/", seed)));
  PutText(signature, "created", now);
  PutText(signature, "modified", now);
  PutText(signature, "signee", wish.signee);
  PutText(signature, "valid_from", now);
  PutText(signature, "valid_until", FormatRfc3339(wish.now + wish.valid_for));
  PutText(signature, "related_to", TextOf(root, "id"));
  PutText(signature, "related_version", TextOf(root, "modified"));
  PutText(signature, "hash_algorithm", wish.hash_algorithm);
  PutText(signature, "algorithm", wish.algorithm.empty() ? key.default_algorithm() : wish.algorithm);
  PutText(signature, "public_key", ToBase64(key.public_key().der()));
  return value;
}

size_t CountOf(const Value& signature) {
  const Value* nested = FindMember(signature.struct_value(), "signature");
  return 1 + (nested == nullptr ? 0 : CountOf(*nested));
}

absl::Status CheckDocument(const Value& document) {
  if (TextOf(document.struct_value(), "type") != "playbook") return absl::InvalidArgumentError("the document is no CACAO playbook");
  const Value* signatures = FindMember(document.struct_value(), "signatures");
  size_t count = 0;
  if (signatures != nullptr && !signatures->has_list_value()) return absl::InvalidArgumentError("/signatures is no list");
  for (int i = 0; signatures != nullptr && i < signatures->list_value().values_size(); ++i) count += CountOf(signatures->list_value().values(i));
  if (count > kJssSignaturesMax) return absl::InvalidArgumentError(StrCat("the document has ", count, " signatures, at most ", kJssSignaturesMax, " are looked at"));
  return absl::OkStatus();
}

absl::StatusOr<JosePublicKey> KeyIn(const Struct& signature) {
  if (const std::string key = TextOf(signature, "public_key"); !key.empty()) {
    if (key.starts_with("-----BEGIN")) return JosePublicKey::FromPem(key);
    ASSIGN_OR_RETURN(const std::string der, FromBase64(key));
    return JosePublicKey::FromDer(der);
  }
  if (const std::vector<std::string> chain = TextsOf(signature, "public_cert_chain"); !chain.empty()) {
    ASSIGN_OR_RETURN(const std::string der, FromBase64(chain[0]));
    return JosePublicKey::FromCertificate(der);
  }
  return absl::NotFoundError("the key is not in the document");
}

class Verifier {
 public:
  Verifier(const Value& document, absl::Span<const JosePublicKey> known, absl::Time now) : document_(document), known_(known), now_(now) {}

  // `covered` wraps this signature, as it stands in the message, into what takes its place in the list.
  using Wrap = std::function<Value(Value)>;
  void Verify(const std::string& pointer, const Value& value, const Wrap& wrap) {
    const Struct& signature = value.struct_value();
    JssVerdict verdict;
    verdict.pointer = pointer;
    verdict.id = TextOf(signature, "id");
    verdict.signee = TextOf(signature, "signee");
    verdict.algorithm = TextOf(signature, "algorithm");
    const absl::Status status = Check(signature, wrap(Without(value, {"value", "signature"})), verdict);
    if (!status.ok()) verdict.reason = std::string(MessageOf(status));
    verdicts_.push_back(std::move(verdict));
    const Value* nested = FindMember(signature, "signature");
    if (nested == nullptr) return;
    const Value confirmed = Without(value, {"signature"});
    Verify(Below(pointer, "signature"), *nested, [&](Value inner) {
      Value outer = confirmed;
      (*outer.mutable_struct_value()->mutable_fields())["signature"] = std::move(inner);
      return wrap(std::move(outer));
    });
  }

  std::vector<JssVerdict> Take() && { return std::move(verdicts_); }

 private:
  absl::Status Check(const Struct& signature, const Value& placed, JssVerdict& verdict) {
    const Struct& root = document_.struct_value();
    if (TextOf(signature, "related_to") != TextOf(root, "id")) return absl::DataLossError("is about another playbook");
    if (TextOf(signature, "related_version") != TextOf(root, "modified")) return absl::DataLossError("is about another version of the playbook");
    ASSIGN_OR_RETURN(const std::string message, MessageWith(document_, placed, TextOf(signature, "hash_algorithm")));
    const absl::StatusOr<std::string> value = FromBase64(TextOf(signature, "value"));
    if (!value.ok() || value->empty()) return absl::DataLossError("its value is not base64url");
    absl::StatusOr<JosePublicKey> key = KeyIn(signature);
    if (!key.ok() && !absl::IsNotFound(key.status())) return key.status();
    if (key.ok()) {
      verdict.key_id = key->key_id();
      RETURN_IF_ERROR(key->Verify(verdict.algorithm, message, *value));
      verdict.intact = true;
      verdict.known_key = std::any_of(known_.begin(), known_.end(), [&](const JosePublicKey& one) { return one.key_id() == verdict.key_id; });
    } else {
      // A thumbprint or an address: only a key that we were given can be tried, nothing is fetched.
      for (const JosePublicKey& one : known_) {
        if (!one.Verify(verdict.algorithm, message, *value).ok()) continue;
        verdict.key_id = one.key_id();
        verdict.intact = verdict.known_key = true;
      }
      if (!verdict.intact) return absl::NotFoundError("its key is neither in the document nor given, or it does not verify");
    }
    return CheckTime(signature, verdict);
  }

  absl::Status CheckTime(const Struct& signature, JssVerdict& verdict) const {
    const Value* revoked = FindMember(signature, "revoked");
    if (revoked != nullptr && revoked->bool_value()) return absl::FailedPreconditionError("was revoked by its signer");
    absl::Time time;
    std::string error;
    if (const std::string from = TextOf(signature, "valid_from"); !from.empty()) {
      if (!absl::ParseTime(absl::RFC3339_full, from, &time, &error)) return absl::InvalidArgumentError("valid_from is no timestamp");
      if (now_ < time) return absl::FailedPreconditionError(StrCat("is not valid before ", from));
    }
    if (const std::string until = TextOf(signature, "valid_until"); !until.empty()) {
      if (!absl::ParseTime(absl::RFC3339_full, until, &time, &error)) return absl::InvalidArgumentError("valid_until is no timestamp");
      if (now_ >= time) return absl::FailedPreconditionError(StrCat("was valid until ", until));
    }
    verdict.current = true;
    if (!verdict.known_key) return absl::NotFoundError("the key is not one of those given: anybody could have signed");
    return absl::OkStatus();
  }

  const Value& document_;
  const absl::Span<const JosePublicKey> known_;
  const absl::Time now_;
  std::vector<JssVerdict> verdicts_;
};

}  // namespace

absl::StatusOr<std::string> JssMessage(const Value& document, const Value& signature) {
  return MessageWith(document, Without(signature, {"value", "signature"}), TextOf(signature.struct_value(), "hash_algorithm"));
}

absl::StatusOr<Value> SignCacao(Value document, const JosePrivateKey& key, const JssWish& wish) {
  RETURN_IF_ERROR(CheckDocument(document));
  Struct& root = *document.mutable_struct_value();
  auto& list = *(*root.mutable_fields())["signatures"].mutable_list_value();
  // Later signatures must leave the document as the earlier ones cover it.
  if (list.values().empty()) PutFlag(PutObject(root, "playbook_processing_summary"), "digital_signatures", true);
  ASSIGN_OR_RETURN(Value signature, NewSignature(document, key, wish, StrCat(list.values_size())));
  ASSIGN_OR_RETURN(const std::string message, JssMessage(document, signature));
  ASSIGN_OR_RETURN(const std::string value, key.Sign(TextOf(signature.struct_value(), "algorithm"), message));
  PutText(*signature.mutable_struct_value(), "value", ToBase64Url(value));
  *list.add_values() = std::move(signature);
  RETURN_IF_ERROR(CheckDocument(document));
  return document;
}

absl::StatusOr<Value> CountersignCacao(Value document, std::string_view signature_id, const JosePrivateKey& key, const JssWish& wish) {
  RETURN_IF_ERROR(CheckDocument(document));
  const Value* signatures = FindMember(document.struct_value(), "signatures");
  for (int i = 0; signatures != nullptr && i < signatures->list_value().values_size(); ++i) {
    Value confirmed = signatures->list_value().values(i);
    if (TextOf(confirmed.struct_value(), "id") != signature_id) continue;
    if (FindMember(confirmed.struct_value(), "signature") != nullptr) return absl::AlreadyExistsError(StrCat(signature_id, " is countersigned already"));
    ASSIGN_OR_RETURN(Value signature, NewSignature(document, key, wish, StrCat(signature_id, "/countersignature")));
    (*confirmed.mutable_struct_value()->mutable_fields())["signature"] = signature;
    ASSIGN_OR_RETURN(const std::string message, MessageWith(document, confirmed, wish.hash_algorithm));
    ASSIGN_OR_RETURN(const std::string value, key.Sign(TextOf(signature.struct_value(), "algorithm"), message));
    PutText(PutObject(*confirmed.mutable_struct_value(), "signature"), "value", ToBase64Url(value));
    *(*document.mutable_struct_value()->mutable_fields())["signatures"].mutable_list_value()->mutable_values(i) = std::move(confirmed);
    RETURN_IF_ERROR(CheckDocument(document));
    return document;
  }
  return absl::NotFoundError(StrCat("the document has no signature ", signature_id));
}

absl::StatusOr<std::vector<JssVerdict>> VerifyCacao(const Value& document, absl::Span<const JosePublicKey> known, absl::Time now) {
  RETURN_IF_ERROR(CheckDocument(document));
  Verifier verifier(document, known, now);
  const Value* signatures = FindMember(document.struct_value(), "signatures");
  for (int i = 0; signatures != nullptr && i < signatures->list_value().values_size(); ++i) {
    verifier.Verify(Below("/signatures", i), signatures->list_value().values(i), [](Value signature) { return signature; });
  }
  return std::move(verifier).Take();
}

}  // namespace firebreak
