// More validly signed hostile bundles: JSON, base64 and DER that say more than they should, names and ranges at their limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "firebreak/signing/oms.h"
#include "tests/support/certificate_forge.h"
#include "tests/unit/signing/forge.h"

namespace firebreak {
namespace {

using testing::DerItem;
using testing::DerSequence;
using testing::Forge;
using testing::Forged;
using testing::ForgedPayload;
using ::testing::HasSubstr;

struct Hostile {
  const char* name;
  const char* refusal;
  std::function<void(Forged&)> change;
};

constexpr char kFiles[] = R"("method":"files","hash_type":"sha256","allow_symlinks":false)";

void Ignore(Forged& form, const std::string& path) {
  form.serialization = StrCat("{", kFiles, ",\"ignore_paths\":[\"", path, "\"]}");
}
void Shards(Forged& form, const std::string& size, std::vector<testing::ForgedResource> resources) {
  form.serialization = StrCat(R"({"method":"shards","hash_type":"sha256","allow_symlinks":false,"shard_size":)", size, "}");
  form.resources = std::move(resources);
}
std::string Nested(int depth) { return std::string(static_cast<size_t>(depth), '[') + std::string(static_cast<size_t>(depth), ']'); }

std::vector<Hostile> NameCases() {
  return {
      {"backslash in a name", "holds a backslash", [](Forged& f) { f.resources = {{"a\\\\b"}}; }},
      {"way up with backslashes", "holds a backslash", [](Forged& f) { f.resources = {{"..\\\\..\\\\etc"}}; }},
      {"drive letter and backslash", "holds a backslash", [](Forged& f) { f.resources = {{"C:\\\\model"}}; }},
      {"line feed in a name", "holds a control character", [](Forged& f) { f.resources = {{"a\\nb"}}; }},
      {"escape sequence in a name", "holds a control character", [](Forged& f) { f.resources = {{"a\\u001b[2Jb"}}; }},
      {"delete in a name", "holds a control character", [](Forged& f) { f.resources = {{"a\\u007f"}}; }},
      {"control character in an ignore path", "ignore path \"a\\u0001\": holds a control character", [](Forged& f) { Ignore(f, "a\\u0001"); }},
      {"backslash in an ignore path", "holds a backslash", [](Forged& f) { Ignore(f, "x\\\\y"); }},
      {"star in an ignore path", "holds a glob character", [](Forged& f) { Ignore(f, "*"); }},
      {"question mark in an ignore path", "holds a glob character", [](Forged& f) { Ignore(f, "?"); }},
      {"bracket in an ignore path", "holds a glob character", [](Forged& f) { Ignore(f, "[a-z]"); }},
      {"ignore path with a trailing slash", "has an empty component", [](Forged& f) { Ignore(f, "d/"); }},
      {"ignore path of two slashes", "is absolute", [](Forged& f) { Ignore(f, "//"); }},
      {"ignore path ./", "has a \".\" component", [](Forged& f) { Ignore(f, "./"); }},
      {"ignore path with zero byte", "holds a zero byte", [](Forged& f) { Ignore(f, "\\u0000"); }},
      {"ignore paths as one string", "ignore_paths is not a list",
       [](Forged& f) { f.serialization = StrCat("{", kFiles, R"(,"ignore_paths":"a"})"); }},
      {"ignore paths null", "ignore_paths is not a list",
       [](Forged& f) { f.serialization = StrCat("{", kFiles, R"(,"ignore_paths":null})"); }},
      {"dots only deeper in a name", "has a \"..\" component", [](Forged& f) { f.resources = {{"a/b/.."}}; }},
      {"file that is a folder far below", "cannot be a folder", [](Forged& f) { f.resources = {{"a/b/c/d/e"}, {"z"}, {"a/b"}}; }},
      {"same name by two escapes", "is listed twice", [](Forged& f) { f.resources = {{"\\u00e9"}, {"\xc3\xa9"}}; }},
      {"overlong slash in a name", "not valid UTF-8", [](Forged& f) { f.resources = {{"a\xc0\xaf" "b"}}; }},
  };
}

std::vector<Hostile> ResourceCases() {
  return {
      {"resource that is a string", "resource: not an object",
       [](Forged& f) { f.predicate = StrCat(R"({"serialization":{)", kFiles, R"(},"resources":["a"]})"); }},
      {"resource without a digest", "digest is missing",
       [](Forged& f) { f.predicate = StrCat(R"({"serialization":{)", kFiles, R"(},"resources":[{"name":"a","algorithm":"sha256"}]})"); }},
      {"resource without an algorithm", "algorithm is missing",
       [](Forged& f) { f.predicate = StrCat(R"({"serialization":{)", kFiles, R"(},"resources":[{"name":"a","digest":"00"}]})"); }},
      {"name that is a number", "name is not a string",
       [](Forged& f) { f.predicate = StrCat(R"({"serialization":{)", kFiles, R"(},"resources":[{"name":1,"digest":"","algorithm":""}]})"); }},
      {"resources as an object", "resources is not a list",
       [](Forged& f) { f.predicate = StrCat(R"({"serialization":{)", kFiles, R"(},"resources":{"a":1}})"); }},
      {"digest with a prefix", "hex digits, not 64", [](Forged& f) { f.resources = {{"a", "sha256:" + std::string(64, 'a')}}; }},
      {"digest with a space", "not lowercase hex", [](Forged& f) { f.resources = {{"a", std::string(63, 'a') + " "}}; }},
      {"digest of one letter in upper case", "not lowercase hex", [](Forged& f) { f.resources = {{"a", std::string(63, 'a') + "F"}}; }},
      {"empty digest", "0 hex digits, not 64", [](Forged& f) { f.resources = {{"a", ""}}; }},
      {"algorithm in upper case", "is not the hash_type", [](Forged& f) { f.resources = {{"a", std::string(64, 'a'), "SHA256"}}; }},
      {"empty algorithm", "is not the hash_type", [](Forged& f) { f.resources = {{"a", std::string(64, 'a'), ""}}; }},
      {"second resource of another algorithm", "resource \"b\": algorithm",
       [](Forged& f) { f.resources = {{"a"}, {"b", std::string(128, 'a'), "blake2b"}}; }},
      {"hash type sha512", "unknown hash_type",
       [](Forged& f) { f.serialization = R"({"method":"files","hash_type":"sha512","allow_symlinks":false})"; }},
      {"hash type sha1", "unknown hash_type",
       [](Forged& f) { f.serialization = R"({"method":"files","hash_type":"sha1","allow_symlinks":false})"; }},
      {"blake2b with a short digest", "64 hex digits, not 128",
       [](Forged& f) {
         f.serialization = R"({"method":"files","hash_type":"blake2b","allow_symlinks":false})";
         f.resources = {{"a", std::string(64, 'a'), "blake2b"}};
       }},
  };
}

std::vector<Hostile> ShardCases() {
  return {
      {"shard size zero", "not a whole number", [](Forged& f) { Shards(f, "0", {{"a:0:8"}}); }},
      {"shard size below zero", "not a whole number", [](Forged& f) { Shards(f, "-8", {{"a:0:8"}}); }},
      {"shard size as text", "not a whole number", [](Forged& f) { Shards(f, "\"8\"", {{"a:0:8"}}); }},
      {"shard size beyond all numbers", "not a whole number", [](Forged& f) { Shards(f, "1e300", {{"a:0:8"}}); }},
      {"shard offset beyond 64 bits", "is not a byte offset", [](Forged& f) { Shards(f, "8", {{"a:0:18446744073709551616"}}); }},
      {"shard offset in hex", "is not a byte offset", [](Forged& f) { Shards(f, "8", {{"a:0:0x8"}}); }},
      {"shard offset with a space", "is not a byte offset", [](Forged& f) { Shards(f, "8", {{"a:0: 8"}}); }},
      {"shard of nothing", "path:start:end", [](Forged& f) { Shards(f, "8", {{":8"}}); }},
      {"shard without a path", "is empty", [](Forged& f) { Shards(f, "8", {{":0:8"}}); }},
      {"overlapping shards", "does not follow", [](Forged& f) { Shards(f, "8", {{"a:0:8"}, {"a:4:12"}}); }},
      {"shard that ends before it starts", "does not follow", [](Forged& f) { Shards(f, "8", {{"a:0:8"}, {"a:8:4"}}); }},
      {"last shard longer than the size", "does not follow", [](Forged& f) { Shards(f, "8", {{"a:0:8"}, {"a:8:17"}}); }},
      {"sharded file that is a folder", "cannot be a folder", [](Forged& f) { Shards(f, "8", {{"a:0:8"}, {"a/b:0:8"}}); }},
  };
}

std::vector<Hostile> StatementCases() {
  return {
      {"subject that is no list", "subject is not a list", [](Forged& f) { f.subjects = "{}"; }},
      {"subject that is no object", "subject: not an object", [](Forged& f) { f.subjects = "[1]"; }},
      {"subject with an empty name", "the name is empty", [](Forged& f) { f.subjects = R"([{"name":"","digest":{"sha256":"$ROOT"}}])"; }},
      {"subject digest as a number", "sha256 is not a string", [](Forged& f) { f.subjects = R"([{"name":"m","digest":{"sha256":1}}])"; }},
      {"statement type twice by an escape", "appears twice",
       [](Forged& f) { f.statement_extra = ",\"\\u005ftype\":\"https://in-toto.io/Statement/v1\""; }},
      {"resources twice", "appears twice", [](Forged& f) { f.predicate_extra = ",\"resources\":[]"; }},
      {"digest twice in the subject", "appears twice",
       [](Forged& f) { f.subjects = R"([{"name":"m","digest":{"sha256":"$ROOT","sha256":"$ROOT"}}])"; }},
      {"predicate type as a list", "predicateType is not a string",
       [](Forged& f) {
         f.payload = ForgedPayload(f);
         const std::string type = "\"https://model_signing/signature/v1.0\"";
         f.payload.replace(f.payload.find(type), type.size(), "[" + type + "]");
       }},
      {"predicate of the first format", "predicateType is", [](Forged& f) { f.predicate_type = "https://model_signing/Digests/v0.1"; }},
      {"bytes after the statement", "statement: json at byte", [](Forged& f) { f.payload = ForgedPayload(f) + "{}"; }},
      {"byte order mark before the statement", "statement: json at byte",
       [](Forged& f) { f.payload = "\xef\xbb\xbf" + ForgedPayload(f); }},
      {"deep nesting in a resource", "nested", [](Forged& f) { f.resources = {{"a", std::string(64, 'a'), "sha256", ",\"x\":" + Nested(60)}}; }},
      {"bad UTF-8 in the subject", "not valid UTF-8", [](Forged& f) { f.subjects = "[{\"name\":\"\xff\",\"digest\":{\"sha256\":\"$ROOT\"}}]"; }},
  };
}

std::vector<Hostile> EnvelopeCases() {
  return {
      {"payload type with other letters", "the payload type is", [](Forged& f) { f.payload_type = "application/vnd.In-Toto+json"; }},
      {"no payload type", "the payload type is", [](Forged& f) { f.payload_type = ""; }},
      {"media type without a version", "is not a sigstore bundle", [](Forged& f) { f.media_type = "application/vnd.dev.sigstore.bundle+json"; }},
      {"media type with a blank", "is not a sigstore bundle", [](Forged& f) { f.media_type += " "; }},
      {"message signature beside the envelope", "unknown member \"messageSignature\"",
       [](Forged& f) { f.top_extra = R"(,"messageSignature":{"messageDigest":{},"signature":""})"; }},
      {"second envelope", "appears twice", [](Forged& f) { f.top_extra = R"(,"dsseEnvelope":{})"; }},
      {"second payload", "appears twice", [](Forged& f) { f.envelope_extra = R"(,"payload":"e30=")"; }},
      {"key and certificate at once", "exactly one of", [](Forged& f) { f.material += R"(,"certificate":{"rawBytes":"AA=="})"; }},
      {"all three at once", "exactly one of",
       [](Forged& f) { f.material += R"(,"certificate":{"rawBytes":"AA=="},"x509CertificateChain":{"certificates":[{"rawBytes":"AA=="}]})"; }},
      {"key that is a string", "publicKey: not an object", [](Forged& f) { f.material = R"("publicKey":"$HINT")"; }},
      {"key bytes of another key", "signed with key",
       [](Forged& f) {
         f.material = StrCat(R"("publicKey":{"rawBytes":")", ToBase64(EcPrivateKey::Generate(EcCurve::kP256)->public_key().pem()), "\"}");
       }},
      {"hint in upper case", "not with the given key", [](Forged& f) { f.material = R"("publicKey":{"hint":"ABCDEF"})"; }},
      {"signatures as an object", "signatures is not a list", [](Forged& f) { f.signatures = R"({"sig":"$SIG"})"; }},
      {"signature without sig", "sig is missing", [](Forged& f) { f.signatures = R"([{"keyid":""}])"; }},
  };
}

std::vector<Hostile> Base64Cases() {
  return {
      {"blank in the signature", "sig: ", [](Forged& f) { f.signatures = R"([{"sig":" $SIG"}])"; }},
      {"line feed in the signature", "sig: ", [](Forged& f) { f.signatures = R"([{"sig":"$SIG\n"}])"; }},
      {"both alphabets in one text", "mixes the two base64 alphabets", [](Forged& f) { f.signatures = R"([{"sig":"+_AA"}])"; }},
      {"three signs of padding", "base64", [](Forged& f) { f.signatures = R"([{"sig":"A==="}])"; }},
      {"padding in the middle", "not a base64 character", [](Forged& f) { f.signatures = R"([{"sig":"AA==AAAA"}])"; }},
      {"stray bits at the end", "base64", [](Forged& f) { f.signatures = R"([{"sig":"AB=="}])"; }},
  };
}

std::vector<Hostile> Cases() {
  std::vector<Hostile> all;
  for (const auto& some : {NameCases(), ResourceCases(), ShardCases(), StatementCases(), EnvelopeCases(), Base64Cases()}) all.insert(all.end(), some.begin(), some.end());
  return all;
}

TEST(HostileBytes, AreRefusedEachForItsOwnReason) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  EXPECT_GE(Cases().size(), 60u);
  for (const Hostile& hostile : Cases()) {
    SCOPED_TRACE(hostile.name);
    Forged form;
    hostile.change(form);
    const auto verified = VerifyOmsBundle(Forge(key, form), key.public_key());
    ASSERT_FALSE(verified.ok()) << "accepted";
    EXPECT_THAT(std::string(MessageOf(verified.status())), HasSubstr(hostile.refusal));
  }
}

TEST(HostileBytes, AroundAGoodBundleAreRefused) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  const std::string good = Forge(key, Forged());
  ASSERT_TRUE(VerifyOmsBundle(good, key.public_key()).ok());
  ASSERT_TRUE(VerifyOmsBundle(" \n" + good + "\n ", key.public_key()).ok());
  for (const std::string& bad : {good + good, good + "x", "\xef\xbb\xbf" + good, good + std::string(1, '\0'), "[" + good + "]",
                                 good.substr(0, good.size() - 1) + ",}", "{\"a\":" + Nested(100) + "," + good.substr(1),
                                 "/* */" + good, std::string(), std::string("null")}) {
    const auto status = VerifyOmsBundle(bad, key.public_key()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(MessageOf(status)), HasSubstr("bundle: "));
  }
}

std::string Number(const std::string& bytes) { return DerItem(0x02, bytes); }

// The bytes of a good signature's two numbers.
std::pair<std::string, std::string> Parts(const std::string& der) {
  const size_t r_size = static_cast<unsigned char>(der[3]);
  return {der.substr(4, r_size), der.substr(4 + r_size + 2)};
}

TEST(HostileSignature, IsRefusedForWhatIsWrongWithItsDer) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  const std::string good = *key.Sign("message");
  const auto [r, s] = Parts(good);
  const std::string zero(1, '\0');
  const std::vector<std::pair<std::string, const char*>> cases = {
      {"", "not the DER of two integers"},
      {"noise", "not the DER of two integers"},
      {good.substr(0, good.size() - 1), "not the DER of two integers"},
      {good + "x", "bytes follow"},
      {good + good, "bytes follow"},
      {DerSequence(Number(r)), "not the DER of two integers"},
      {DerSequence(Number(r) + Number(s) + Number(s)), "two integers"},
      {"\x30\x81" + std::string(1, static_cast<char>(good.size() - 2)) + good.substr(2), "not written as DER demands"},
      {DerSequence(Number(zero + zero + r) + Number(s)), "two integers"},
      {DerSequence(Number(zero) + Number(s)), "not positive"},
      {DerSequence(Number(r) + Number(zero)), "not positive"},
      {DerSequence(Number("\xff") + Number(s)), "not the DER of two integers"},   // below zero
      {DerSequence(Number("\x01" + std::string(32, '\0')) + Number(s)), "too large for the key's curve"},
      {DerSequence(Number(s) + Number(r)), "does not verify"},
      {*EcPrivateKey::Generate(EcCurve::kP256)->Sign("message"), "does not verify"},
      {*EcPrivateKey::Generate(EcCurve::kP521)->Sign("message"), "too large for the key's curve"},
  };
  ASSERT_TRUE(key.public_key().Verify("message", good).ok());
  for (const auto& [signature, refusal] : cases) {
    const absl::Status status = key.public_key().Verify("message", signature);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << ToHex(signature);
    EXPECT_THAT(std::string(MessageOf(status)), HasSubstr(refusal)) << ToHex(signature);
  }
  // Raw r||s, as some tools write it.
  EXPECT_FALSE(key.public_key().Verify("message", r + s).ok());
}

TEST(HostileBytes, UrlSafeBase64OfAGoodBundleIsAGoodBundle) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  Forged form;
  const std::string payload = ForgedPayload(form);
  const std::string signature = *key.Sign(PreAuthEncoding(form.payload_type, payload));
  form.signatures = StrCat("[{\"sig\":\"", ToBase64Url(signature), "\"}]");
  form.payload = payload;
  const auto verified = VerifyOmsBundle(Forge(key, form), key.public_key());
  EXPECT_TRUE(verified.ok()) << verified.status();
}

}  // namespace
}  // namespace firebreak
