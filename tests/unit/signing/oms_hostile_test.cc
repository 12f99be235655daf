#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "firebreak/signing/oms.h"
#include "tests/unit/signing/forge.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;
using testing::Forge;
using testing::Forged;

struct Hostile {
  const char* name;
  const char* refusal;   // part of the message
  std::function<void(Forged&)> change;
};

std::string Serialization(const std::string& members) { return "{" + members + "}"; }
constexpr char kFiles[] = R"("method":"files","hash_type":"sha256","allow_symlinks":false)";
constexpr char kShards[] = R"("method":"shards","hash_type":"sha256","allow_symlinks":false,"shard_size":8)";

void Shards(Forged& form, std::vector<testing::ForgedResource> resources) {
  form.serialization = Serialization(kShards);
  form.resources = std::move(resources);
}

const std::vector<Hostile>& BundleCases() {
  static const std::vector<Hostile> kCases = {
      {"old media type of another thing", "is not a sigstore bundle", [](Forged& f) { f.media_type = "application/json"; }},
      {"media type of a version to come", "is not a sigstore bundle",
       [](Forged& f) { f.media_type = "application/vnd.dev.sigstore.bundle.v0.4+json"; }},
      {"extra member at the top", "bundle: unknown member \"note\"", [](Forged& f) { f.top_extra = ",\"note\":1"; }},
      {"extra member in the envelope", "dsseEnvelope: unknown member", [](Forged& f) { f.envelope_extra = ",\"x\":1"; }},
      {"extra member in the signature", "dsseEnvelope: signature: unknown member",
       [](Forged& f) { f.signatures = R"([{"sig":"$SIG","cert":""}])"; }},
      {"no signature", "has 0 signatures", [](Forged& f) { f.signatures = "[]"; }},
      {"two signatures", "has 2 signatures", [](Forged& f) { f.signatures = R"([{"sig":"$SIG"},{"sig":"$SIG"}])"; }},
      {"empty signature", "sig is empty", [](Forged& f) { f.signatures = R"([{"sig":""}])"; }},
      {"signature that is not base64", "sig: not a base64 character", [](Forged& f) { f.signatures = R"([{"sig":"AA*A"}])"; }},
      {"keyid that is no string", "keyid is not a string", [](Forged& f) { f.signatures = R"([{"sig":"$SIG","keyid":7}])"; }},
      {"keyid and hint that differ", "name different keys",
       [](Forged& f) { f.signatures = R"([{"sig":"$SIG","keyid":"other"}])"; }},
      {"key and chain at once", "exactly one of",
       [](Forged& f) { f.material += R"(,"x509CertificateChain":{"certificates":[]})"; }},
      {"key and null certificate at once", "exactly one of", [](Forged& f) { f.material += R"(,"certificate":null)"; }},
      {"no key material", "exactly one of", [](Forged& f) { f.material = R"("tlogEntries":[])"; }},
      {"keyless", "keyless signatures", [](Forged& f) { f.material = R"("certificate":{"rawBytes":"AA=="})"; }},
      {"certificate chain for a key", "signed with a certificate chain",
       [](Forged& f) { f.material = R"("x509CertificateChain":{"certificates":[{"rawBytes":"AA=="}]})"; }},
      {"empty certificate chain", "has no certificate",
       [](Forged& f) { f.material = R"("x509CertificateChain":{"certificates":[]})"; }},
      {"hint of another key", "not with the given key", [](Forged& f) { f.material = R"("publicKey":{"hint":"00"})"; }},
      {"hint that is no string", "hint is not a string", [](Forged& f) { f.material = R"("publicKey":{"hint":{}})"; }},
      {"extra member in the key", "publicKey: unknown member",
       [](Forged& f) { f.material = R"("publicKey":{"hint":"$HINT","validFor":{}})"; }},
      {"key details of another curve", "is not the given key's",
       [](Forged& f) { f.material = R"("publicKey":{"rawBytes":"$PEM","keyDetails":"PKIX_ECDSA_P384_SHA_384"})"; }},
      {"key bytes that are no key", "publicKey: rawBytes", [](Forged& f) { f.material = R"("publicKey":{"rawBytes":"AAAA"})"; }},
      {"another payload type", "the payload type is", [](Forged& f) { f.payload_type = "application/json"; }},
      {"payload that is no JSON", "statement: json at byte", [](Forged& f) { f.payload = "not json"; }},
      {"payload that is no object", "statement: not an object", [](Forged& f) { f.payload = "[]"; }},
      {"member twice at the top", "appears twice",
       [](Forged& f) { f.top_extra = R"(,"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json")"; }},
  };
  return kCases;
}

const std::vector<Hostile>& StatementCases() {
  static const std::vector<Hostile> kCases = {
      {"another statement type", "_type is", [](Forged& f) { f.statement_type = "https://in-toto.io/Statement/v0.1"; }},
      {"another predicate type", "predicateType is", [](Forged& f) { f.predicate_type = "https://slsa.dev/provenance/v1"; }},
      {"predicate of the next major version", "predicateType is",
       [](Forged& f) { f.predicate_type = "https://model_signing/signature/v2.0"; }},
      {"predicate version that is no number", "predicateType is",
       [](Forged& f) { f.predicate_type = "https://model_signing/signature/v1.0x"; }},
      {"extra member in the statement", "statement: unknown member", [](Forged& f) { f.statement_extra = ",\"x\":1"; }},
      {"no subject", "has 0 subjects", [](Forged& f) { f.subjects = "[]"; }},
      {"two subjects", "has 2 subjects",
       [](Forged& f) {
         f.subjects = R"([{"name":"m","digest":{"sha256":"$ROOT"}},{"name":"n","digest":{"sha256":"$ROOT"}}])";
       }},
      {"subject without a name", "name is missing", [](Forged& f) { f.subjects = R"([{"digest":{"sha256":"$ROOT"}}])"; }},
      {"subject without sha256", "sha256 is missing", [](Forged& f) { f.subjects = R"([{"name":"m","digest":{"sha512":"aa"}}])"; }},
      {"root digest of something else", "have root digest",
       [](Forged& f) { f.subjects = R"([{"name":"m","digest":{"sha256":")" + std::string(64, '0') + "\"}}]"; }},
      {"root digest in upper case", "not lowercase hex",
       [](Forged& f) { f.subjects = R"([{"name":"m","digest":{"sha256":")" + std::string(64, 'A') + "\"}}]"; }},
      {"no predicate", "not an object", [](Forged& f) { f.predicate = "null"; }},
      {"extra member in the predicate", "predicate: unknown member", [](Forged& f) { f.predicate_extra = ",\"x\":1"; }},
      {"predicate without resources", "resources is missing",
       [](Forged& f) { f.predicate = "{\"serialization\":" + Serialization(kFiles) + "}"; }},
      {"predicate without serialization", "serialization is missing", [](Forged& f) { f.predicate = R"({"resources":[]})"; }},
      {"no resources", "covers nothing", [](Forged& f) { f.resources.clear(); }},
      {"no resources and everything ignored", "has a \".\" component",
       [](Forged& f) {
         f.resources.clear();
         f.serialization = Serialization(std::string(kFiles) + R"(,"ignore_paths":["."])");
       }},
      {"extra member in the serialization", "serialization: unknown member",
       [](Forged& f) { f.serialization = Serialization(std::string(kFiles) + ",\"x\":1"); }},
      {"unknown method", "unknown method",
       [](Forged& f) { f.serialization = R"({"method":"zip","hash_type":"sha256","allow_symlinks":false})"; }},
      {"unknown hash type", "unknown hash_type",
       [](Forged& f) { f.serialization = R"({"method":"files","hash_type":"md5","allow_symlinks":false})"; }},
      {"hash type we cannot compute", "blake3 is not supported",
       [](Forged& f) { f.serialization = R"({"method":"files","hash_type":"blake3","allow_symlinks":false})"; }},
      {"no word on symlinks", "allow_symlinks is missing",
       [](Forged& f) { f.serialization = R"({"method":"files","hash_type":"sha256"})"; }},
      {"symlinks as text", "is not true or false",
       [](Forged& f) { f.serialization = R"({"method":"files","hash_type":"sha256","allow_symlinks":"false"})"; }},
      {"shard size for files", "belongs to method shards",
       [](Forged& f) { f.serialization = Serialization(std::string(kFiles) + ",\"shard_size\":8"); }},
      {"ignore path above the model", "ignore path \"../x\": has a \"..\"",
       [](Forged& f) { f.serialization = Serialization(std::string(kFiles) + R"(,"ignore_paths":["../x"])"); }},
      {"ignore path through the model and up", "has a \"..\"",
       [](Forged& f) { f.serialization = Serialization(std::string(kFiles) + R"(,"ignore_paths":["a/.."])"); }},
      {"absolute ignore path", "is absolute",
       [](Forged& f) { f.serialization = Serialization(std::string(kFiles) + R"(,"ignore_paths":["/"])"); }},
      {"empty ignore path", "is empty",
       [](Forged& f) { f.serialization = Serialization(std::string(kFiles) + R"(,"ignore_paths":[""])"); }},
      {"ignore path that is no string", "ignore path is not a string",
       [](Forged& f) { f.serialization = Serialization(std::string(kFiles) + R"(,"ignore_paths":[1])"); }},
      {"ignore path that is a listed file", "listed and ignored",
       [](Forged& f) { f.serialization = Serialization(std::string(kFiles) + R"(,"ignore_paths":["a"])"); }},
      {"ignore path above a listed file", "listed and ignored",
       [](Forged& f) { f.serialization = Serialization(std::string(kFiles) + R"(,"ignore_paths":["d"])"); }},
  };
  return kCases;
}

const std::vector<Hostile>& ResourceCases() {
  static const std::vector<Hostile> kCases = {
      {"same name twice", "is listed twice", [](Forged& f) { f.resources = {{"a"}, {"a"}}; }},
      {"same name with two digests", "is listed twice",
       [](Forged& f) { f.resources = {{"a"}, {"a", std::string(64, 'b')}}; }},
      {"same name spelled with an escape", "is listed twice", [](Forged& f) { f.resources = {{"a"}, {"\\u0061"}}; }},
      {"file that is also a folder", "cannot be a folder", [](Forged& f) { f.resources = {{"a"}, {"a/b"}}; }},
      {"dot component first", "has a \".\" component", [](Forged& f) { f.resources = {{"./a"}}; }},
      {"dot component inside", "has a \".\" component", [](Forged& f) { f.resources = {{"a/./b"}}; }},
      {"dot alone in a current bundle", "has a \".\" component",
       [](Forged& f) {
         f.serialization = Serialization(kFiles);
         f.resources = {{"."}};
       }},
      {"dot-dot component", "has a \"..\" component", [](Forged& f) { f.resources = {{"a/../../etc/passwd"}}; }},
      {"name longer than any file's", "is longer than 4096", [](Forged& f) { f.resources = {{std::string(4097, 'a')}}; }},
      {"double slash", "has an empty component", [](Forged& f) { f.resources = {{"a//b"}}; }},
      {"trailing slash", "has an empty component", [](Forged& f) { f.resources = {{"a/"}}; }},
      {"absolute name", "is absolute", [](Forged& f) { f.resources = {{"/etc/passwd"}}; }},
      {"empty name", "is empty", [](Forged& f) { f.resources = {{""}}; }},
      {"zero byte in a name", "holds a zero byte", [](Forged& f) { f.resources = {{"a\\u0000b"}}; }},
      {"half a surrogate in a name", "surrogate", [](Forged& f) { f.resources = {{"a\\ud800"}}; }},
      {"bad UTF-8 in a name", "not valid UTF-8", [](Forged& f) { f.resources = {{"a\xff"}}; }},
      {"digest in upper case", "not lowercase hex", [](Forged& f) { f.resources = {{"a", std::string(64, 'A')}}; }},
      {"digest too short", "62 hex digits, not 64", [](Forged& f) { f.resources = {{"a", std::string(62, 'a')}}; }},
      {"digest of another algorithm's length", "128 hex digits, not 64",
       [](Forged& f) { f.resources = {{"a", std::string(128, 'a')}}; }},
      {"algorithm that is not the hash type", "is not the hash_type",
       [](Forged& f) { f.resources = {{"a", std::string(128, 'a'), "blake2b"}}; }},
      {"shard spelling for files", "is not the hash_type",
       [](Forged& f) { f.resources = {{"a", std::string(64, 'a'), "sha256-sharded-8"}}; }},
      {"name given twice in one resource", "appears twice",
       [](Forged& f) { f.resources = {{"a", std::string(64, 'a'), "sha256", R"(,"name":"b")"}}; }},
      {"shards without a size", "shard_size is missing",
       [](Forged& f) {
         Shards(f, {{"a:0:8"}});
         f.serialization = R"({"method":"shards","hash_type":"sha256","allow_symlinks":false})";
       }},
      {"shard size that is no whole number", "not a whole number",
       [](Forged& f) {
         Shards(f, {{"a:0:8"}});
         f.serialization = R"({"method":"shards","hash_type":"sha256","allow_symlinks":false,"shard_size":0.5})";
       }},
      {"shard without a range", "path:start:end", [](Forged& f) { Shards(f, {{"a"}}); }},
      {"shard with a signed offset", "is not a byte offset", [](Forged& f) { Shards(f, {{"a:-0:8"}}); }},
      {"shard with a padded offset", "is not a byte offset", [](Forged& f) { Shards(f, {{"a:00:8"}}); }},
      {"shard that ends before it starts", "does not follow", [](Forged& f) { Shards(f, {{"a:0:0"}}); }},
      {"shard larger than the size", "does not follow", [](Forged& f) { Shards(f, {{"a:0:9"}}); }},
      {"hole between shards", "does not follow", [](Forged& f) { Shards(f, {{"a:0:8"}, {"a:16:20"}}); }},
      {"hole before the first shard", "does not follow", [](Forged& f) { Shards(f, {{"a:8:16"}}); }},
      {"short shard in the middle", "does not follow", [](Forged& f) { Shards(f, {{"a:0:4"}, {"a:4:12"}}); }},
      {"same shard twice", "is listed twice", [](Forged& f) { Shards(f, {{"a:0:8"}, {"a:0:8"}}); }},
      {"same shard start with two ends", "is listed twice", [](Forged& f) { Shards(f, {{"a:0:8"}, {"a:0:4"}}); }},
      {"shard spelling with another size", "is not the hash_type",
       [](Forged& f) { Shards(f, {{"a:0:8", std::string(64, 'a'), "sha256-sharded-9"}}); }},
      {"shard of a path above the model", "has a \"..\"", [](Forged& f) { Shards(f, {{"../a:0:8"}}); }},
  };
  return kCases;
}

void ExpectEachRefused(const std::vector<Hostile>& cases) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  for (const Hostile& hostile : cases) {
    SCOPED_TRACE(hostile.name);
    Forged form;
    hostile.change(form);
    const auto verified = VerifyOmsBundle(Forge(key, form), key.public_key());
    ASSERT_FALSE(verified.ok()) << "accepted";
    const std::string message(MessageOf(verified.status()));
    EXPECT_THAT(message, HasSubstr(hostile.refusal));
  }
}

TEST(HostileBundle, IsRefusedForItsEnvelope) { ExpectEachRefused(BundleCases()); }
TEST(HostileBundle, IsRefusedForItsStatement) { ExpectEachRefused(StatementCases()); }
TEST(HostileBundle, IsRefusedForItsResources) { ExpectEachRefused(ResourceCases()); }

// Without this, every refusal above could be due to the forge.
TEST(HostileBundle, IsAcceptedWhenNothingIsWrongWithIt) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  const std::string digest(64, 'b');
  const std::string blake(128, 'c');
  const std::vector<std::pair<const char*, std::function<void(Forged&)>>> cases = {
      {"as it is", [](Forged&) {}},
      {"older media types", [](Forged& f) { f.media_type = "application/vnd.dev.sigstore.bundle+json;version=0.3"; }},
      {"no log entries", [](Forged& f) { f.material = R"("publicKey":{"hint":"$HINT"})"; }},
      {"no hint", [](Forged& f) { f.material = R"("publicKey":{})"; }},
      {"key bytes instead of a hint",
       [](Forged& f) { f.material = R"("publicKey":{"rawBytes":"$PEM","keyDetails":"PKIX_ECDSA_P256_SHA_256"})"; }},
      {"null keyid", [](Forged& f) { f.signatures = R"([{"sig":"$SIG","keyid":null}])"; }},
      {"no keyid", [](Forged& f) { f.signatures = R"([{"sig":"$SIG"}])"; }},
      {"keyid equal to the hint", [](Forged& f) { f.signatures = R"([{"sig":"$SIG","keyid":"$HINT"}])"; }},
      {"minor version", [](Forged& f) { f.predicate_type = "https://model_signing/signature/v1.1"; }},
      {"extra members in a resource", [&](Forged& f) { f.resources = {{"a", digest, "sha256", R"(,"size":5)"}}; }},
      {"unsorted resources", [](Forged& f) { f.resources = {{"z"}, {"a"}}; }},
      {"no ignore paths", [](Forged& f) { f.serialization = Serialization(kFiles); }},
      {"names with dots, spaces and colons", [](Forged& f) { f.resources = {{"..a"}, {"b..c"}, {".hidden"}, {"a b:0:1"}}; }},
      {"lone dot before 1.1",
       [](Forged& f) {
         f.material = R"("publicKey":{"rawBytes":"$PEM","keyDetails":"PKIX_ECDSA_P256_SHA_256"})";
         f.serialization = Serialization(kFiles);
         f.resources = {{"."}};
       }},
      {"blake2b",
       [&](Forged& f) {
         f.serialization = R"({"method":"files","hash_type":"blake2b","allow_symlinks":false})";
         f.resources = {{"a", blake, "blake2b"}};
       }},
      {"shards as the spec spells them", [](Forged& f) { Shards(f, {{"a:0:8"}, {"a:8:16"}, {"a:16:17"}, {"b:0:8"}}); }},
      {"shards as the signers spell them",
       [&](Forged& f) {
         Shards(f, {{"a:b:0:8", digest, "sha256-sharded-8"}, {"a:b:8:9", digest, "sha256-sharded-8"}});
         f.serialization = R"({"method":"shards","hash_type":"sha256","allow_symlinks":false,"shard_size":8.0})";
       }},
      {"shards out of order", [](Forged& f) { Shards(f, {{"a:8:16"}, {"a:0:8"}}); }},
  };
  for (const auto& [name, change] : cases) {
    Forged form;
    change(form);
    const auto verified = VerifyOmsBundle(Forge(key, form), key.public_key());
    EXPECT_TRUE(verified.ok()) << name << ": " << verified.status();
  }
}

}  // namespace
}  // namespace firebreak
