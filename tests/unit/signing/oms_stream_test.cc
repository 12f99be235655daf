#include "firebreak/signing/oms_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <set>

#include "firebreak/base/random.h"
#include "tests/unit/signing/forge.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;
using testing::Forge;
using testing::Forged;
using testing::ForgedPayload;

// Pieces of another size each time, and never a look at two of them.
class CutSource final : public ByteSource {
 public:
  CutSource(std::string_view text, size_t piece_bytes) : text_(text), piece_bytes_(piece_bytes) {}
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

class HeldStore final : public OmsWriter::Store, public ByteSource {
 public:
  absl::Status Append(std::string_view bytes) override {
    text.append(bytes);
    return absl::OkStatus();
  }
  ByteSource& bytes() override { return *this; }
  uint64_t size_bytes() const override { return text.size(); }
  absl::StatusOr<std::string_view> Read(uint64_t offset) override {
    return std::string_view(text).substr(static_cast<size_t>(offset), 1000);
  }
  std::string text;
};

std::string Rest(OmsWriter& writer) {
  std::string all;
  while (true) {
    const absl::StatusOr<std::string_view> piece = writer.Next();
    EXPECT_TRUE(piece.ok()) << piece.status();
    if (!piece.ok() || piece->empty()) return all;
    all.append(*piece);
  }
}

// "name=digest, …" or why not.
std::string ReadIn(std::string_view bundle, size_t piece_bytes, const EcPublicKey& key) {
  CutSource source(bundle, piece_bytes);
  absl::StatusOr<OmsBundle> opened = OmsBundle::Open(source);
  if (!opened.ok()) return std::string(MessageOf(opened.status()));
  if (const absl::Status verified = opened->Verify(key); !verified.ok()) return std::string(MessageOf(verified));
  std::string files;
  const absl::StatusOr<OmsSeal> seal = opened->Read([&](const OmsResource& file) {
    StrAppend(&files, file.name, "=", file.digest_hex, ", ");
    return absl::OkStatus();
  });
  return seal.ok() ? StrCat(files, seal->resource_count, " of ", seal->model_name) : std::string(MessageOf(seal.status()));
}

TEST(OmsBundle, ReadsTheSameWhereverItsPiecesAreCut) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP384);
  Forged form;
  form.resources = {{"b"}, {"a\\u00e4", std::string(64, 'c')}, {"d/e", std::string(64, 'd'), "sha256", R"(,"x":[1])"}};
  const std::string bundle = Forge(key, form);
  const std::string whole = ReadIn(bundle, bundle.size(), key.public_key());
  EXPECT_THAT(whole, HasSubstr("d/e=dddd"));
  EXPECT_THAT(whole, HasSubstr("3 of model"));
  for (size_t bytes = 1; bytes <= bundle.size(); ++bytes) ASSERT_EQ(ReadIn(bundle, bytes, key.public_key()), whole) << bytes;
}

TEST(OmsBundle, ReadsWhatSaysHowToReadTheResourcesWhereverItStands) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  Forged form;
  const std::string first = ReadIn(Forge(key, form), 100, key.public_key());
  EXPECT_THAT(first, HasSubstr("of model"));
  std::string payload = ForgedPayload(form);
  // serialization behind resources, and the predicate before everything else.
  const size_t serialization = payload.find("\"serialization\":");
  const size_t resources = payload.find(",\"resources\":");
  const size_t end = payload.find("]}", resources) + 1;
  const std::string turned = payload.substr(resources + 1, end - resources - 1) + "," +
                             payload.substr(serialization, resources - serialization);
  std::string rest = payload.substr(1, payload.find(",\"predicate\":") - 1);
  form.payload = "{\"predicate\":{" + turned + "}," + rest + "}";
  EXPECT_EQ(ReadIn(Forge(key, form), 100, key.public_key()), first);
}

TEST(OmsBundle, TakesAPayloadWithEscapesAndRefusesWhatIsNoneOfBase64) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  Forged form;
  // Long enough to hold every character of the alphabet.
  form.subjects = "[{\"name\":\"\xc3\xbf\xc3\xbf\xc3\xbe\xc3\xbf~?~>~?~>\",\"digest\":{\"sha256\":\"$ROOT\"}}]";
  for (int i = 0; i < 20; ++i) form.resources.push_back({StrCat("f", i, "\xc3\xbf~?")});
  const std::string bundle = Forge(key, form);
  const std::string good = ReadIn(bundle, 64, key.public_key());
  ASSERT_THAT(good, HasSubstr(" of "));
  const size_t begin = bundle.find("\"payload\":\"") + 11;
  const size_t end = bundle.find('"', begin);
  const std::string payload = bundle.substr(begin, end - begin);
  const auto with = [&](const std::string& other) { return bundle.substr(0, begin) + other + bundle.substr(end); };
  const std::string escaped = absl::StrReplaceAll(payload, {{"/", "\\/"}, {"+", "\\u002b"}, {"A", "\\u0041"}});
  ASSERT_NE(escaped, payload);
  for (const size_t bytes : {1, 2, 3, 5, 7, 64, 100'000}) EXPECT_EQ(ReadIn(with(escaped), bytes, key.public_key()), good) << bytes;
  const std::vector<std::pair<std::string, const char*>> cases = {
      {payload.substr(0, 40) + "\r\n" + payload.substr(40), "bundle: json at byte"},
      {payload.substr(0, 40) + "\\r\\n" + payload.substr(40), "not a base64 character"},
      {payload.substr(0, 40) + " " + payload.substr(40), "not a base64 character"},
      {payload.substr(0, 40) + "\\q" + payload.substr(40), "not a base64 character"},
      {payload.substr(0, 40) + "\\u00zz" + payload.substr(40), "not a base64 character"},
      {payload.substr(0, 40) + "\\u00e4" + payload.substr(40), "not a base64 character"},
      {payload + "\\u00", "not a base64 character"},
      {payload + "\\", "bundle: json"},
      {payload + "\xc3\xa4", "not a base64 character"},
      {payload.substr(1), "base64"},
      {payload + "A", "base64"},
      {payload + "-_+/", "base64"},
      {"", "payload is empty"},
      {"-_+/", "mixes the two base64 alphabets"},
  };
  for (const auto& [other, refusal] : cases) {
    for (const size_t bytes : {size_t{1}, size_t{41}, size_t{1} << 20}) {
      EXPECT_THAT(ReadIn(with(other), bytes, key.public_key()), HasSubstr(refusal)) << other.substr(0, 60);
    }
  }
  EXPECT_THAT(ReadIn(absl::StrReplaceAll(bundle, {{"\"payload\":\"", "\"payload\":7,\"x\":\""}}), 64, key.public_key()), HasSubstr("unknown member"));
  EXPECT_THAT(ReadIn(absl::StrReplaceAll(bundle, {{"\"payload\":\"" + payload + "\"", "\"payload\":7"}}), 64, key.public_key()),
              HasSubstr("payload is not a string"));
  EXPECT_THAT(ReadIn(absl::StrReplaceAll(bundle, {{"\"payload\":\"" + payload + "\",", ""}}), 64, key.public_key()),
              HasSubstr("payload is missing"));
}

TEST(OmsBundle, HoldsNothingThatIsLongBesideThePayload) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  const std::string lot(size_t{5} << 20, 'x');
  std::string many = "[0";
  for (int i = 0; i < 110'000; ++i) many += ",0";
  many += "]";
  const std::vector<std::pair<const char*, std::function<void(Forged&)>>> cases = {
      {"a log entry", [&](Forged& f) { f.material += ",\"more\":\"" + lot + "\""; }},
      {"many log entries", [&](Forged& f) { f.material += ",\"more\":" + many; }},
      {"a member's name", [&](Forged& f) { f.material += ",\"" + lot + "\":1"; }},
      {"blanks", [&](Forged& f) { f.material += std::string(size_t{5} << 20, ' '); }},
      {"the payload type", [&](Forged& f) { f.payload_type = lot; }},
      {"an ignore path", [&](Forged& f) {
         f.serialization = R"({"method":"files","hash_type":"sha256","allow_symlinks":false,"ignore_paths":[")" + lot + "\"]}";
       }},
      {"one resource", [&](Forged& f) { f.resources = {{"a", std::string(64, 'a'), "sha256", ",\"x\":\"" + lot + "\""}}; }},
      {"members of one resource", [&](Forged& f) { f.resources = {{"a", std::string(64, 'a'), "sha256", ",\"x\":" + many}}; }},
  };
  for (const auto& [what, change] : cases) {
    SCOPED_TRACE(what);
    Forged form;
    change(form);
    const std::string bundle = Forge(key, form);
    EXPECT_THAT(ReadIn(bundle, bundle.size() / 7, key.public_key()),
                ::testing::AnyOf(HasSubstr("would have to be held"), HasSubstr("more than 100000 values")));
  }
}

TEST(OmsWriter, WritesWhatSigningTheListAtOnceDoes) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  for (const int files : {1, 2, 3, 7, 1000, 5000}) {
    HeldStore store;
    OmsWriter writer(store, "mo\"del", {"b", "a", "b"});
    std::vector<OmsResource> resources;
    std::set<std::string> names;
    for (int i = 0; i < files; ++i) names.insert(StrCat("d", i % 7, "/f\xc3\xa4\"", i));
    for (const std::string& name : names) {
      const Digest digest = Sha256(name);
      ASSERT_TRUE(writer.Add(name, digest.raw()).ok());
      resources.push_back({name, "sha256", ToHex(digest.raw())});
    }
    ASSERT_TRUE(writer.Sign(key).ok());
    const std::string bundle = Rest(writer);
    const std::string at_once = *SignOmsBundle(key, "mo\"del", resources, {"b", "a", "b"});
    const auto unsigned_part = [](const std::string& text) { return text.substr(0, text.find("\"sig\":")); };
    EXPECT_EQ(unsigned_part(bundle), unsigned_part(at_once));
    const auto verified = VerifyOmsBundle(bundle, key.public_key());
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_EQ(verified->resources.size(), names.size());
  }
}

TEST(OmsWriter, SignsNothingThatItWouldNotAccept) {
  const std::string digest = Sha256("x").raw();
  HeldStore store;
  OmsWriter writer(store, "m", {"skipped"});
  for (const char* name : {"", ".", "..", "/a", "a/", "a//b", "./a", "a\xff", "a\n", "skipped", "skipped/a"}) {
    EXPECT_EQ(writer.Add(name, digest).code(), absl::StatusCode::kInvalidArgument) << name;
  }
  ASSERT_TRUE(writer.Add("b", digest).ok());
  EXPECT_EQ(writer.Add("b", digest).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer.Add("a", digest).code(), absl::StatusCode::kInvalidArgument);
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  for (const auto& [model, ignored] : std::vector<std::pair<std::string, std::string>>{{"", "x"}, {"\xff", "x"}, {"m", "*"}, {"m", "../x"}}) {
    HeldStore one;
    OmsWriter bad(one, model, {ignored});
    ASSERT_TRUE(bad.Add("a", digest).ok());
    EXPECT_EQ(bad.Sign(key).code(), absl::StatusCode::kInvalidArgument) << model << ignored;
  }
  HeldStore none;
  OmsWriter empty(none, "m", {});
  EXPECT_EQ(empty.Sign(key).code(), absl::StatusCode::kInvalidArgument);
}

size_t HeldNow() { return mallinfo2().uordblks; }

TEST(OmsBundle, OfManyFilesIsReadAndWrittenInFixedMemory) {
  constexpr uint64_t kFiles = 60'000;   // held, they would take 15 MiB
  constexpr size_t kRoom = size_t{5} << 20;
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  HeldStore store;
  store.text.reserve(kFiles * 80);
  OmsWriter writer(store, "model", {});
  size_t before = HeldNow();
  for (uint64_t i = 0; i < kFiles; ++i) {
    const std::string number = StrCat(1'000'000 + i);
    ASSERT_TRUE(writer.Add(StrCat("part-", number.substr(0, 4), "/shard-", number), Sha256(number).raw()).ok());
  }
  ASSERT_TRUE(writer.Sign(key).ok());
  EXPECT_LT(HeldNow(), before + kRoom);
  std::string bundle;
  bundle.reserve(kFiles * 220);
  before = HeldNow();
  while (true) {
    const std::string_view piece = *writer.Next();
    if (piece.empty()) break;
    bundle.append(piece);
  }
  EXPECT_GT(bundle.size(), size_t{9} << 20);
  size_t peak = HeldNow();
  CutSource source(bundle, size_t{1} << 20);
  absl::StatusOr<OmsBundle> opened = OmsBundle::Open(source);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_TRUE(opened->Verify(key.public_key()).ok());
  uint64_t files = 0;
  const absl::StatusOr<OmsSeal> seal = opened->Read([&](const OmsResource&) {
    if (++files % 1000 == 0) peak = std::max(peak, HeldNow());
    return absl::OkStatus();
  });
  ASSERT_TRUE(seal.ok()) << seal.status();
  EXPECT_EQ(files, kFiles);
  EXPECT_EQ(seal->resource_count, kFiles);
  EXPECT_LT(peak, before + kRoom);
}

TEST(OmsBundle, CollectsNoMoreThanItMay) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  Forged form;
  form.resources = {{"a"}, {"b"}, {"c"}};
  const std::string bundle = Forge(key, form);
  TextSource source(bundle);
  OmsBundle opened = *OmsBundle::Open(source);
  ASSERT_TRUE(opened.Verify(key.public_key()).ok());
  EXPECT_EQ(opened.Collect(2).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(opened.Collect(3)->resources.size(), 3u);
  EXPECT_EQ(opened.Read([](OmsResource&) { return absl::AbortedError("enough"); }).status(), absl::AbortedError("enough"));
}

}  // namespace
}  // namespace firebreak
