// BOMs of a vault's snapshots: what they say, that they repeat, and that the official schemas accept them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "firebreak/base/json.h"
#include "firebreak/bom/bom_desk.h"
#include "firebreak/bom/envelope_json.h"
#include "firebreak/ledger/note.h"
#include "tests/support/vectors.h"
#include "tests/unit/lineage/lineage_fixture.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using testing::DeskFixture;
using ::testing::HasSubstr;

constexpr auto kModel = v1::SNAPSHOT_KIND_MODEL;
constexpr auto kDataset = v1::SNAPSHOT_KIND_DATASET;

struct BomTest : public ::testing::Test {
  BomTest() {
    Push(kDataset, "claims", {}, {{"owner", "Claims Ltd; data@claims.example"}, {"steward", "not @ an address"}, {"custodian", "vault team"},
                                  {"classification", "confidential"}, {"sensitive-data", "names; addresses"}});
    fixture.With(kDataset, "holdout", {});
    fixture.With(v1::SNAPSHOT_KIND_CONFIG, "tokenizer", {});
    fixture.With(kModel, "base", {{v1::LINEAGE_RELATION_TRAINED_ON, "dataset/claims"}});
    model = Push(kModel, "fraud",
                 {{v1::LINEAGE_RELATION_FINE_TUNED_FROM, "model/base"},
                  {v1::LINEAGE_RELATION_TRAINED_ON, "dataset/claims"},
                  {v1::LINEAGE_RELATION_EVALUATED_ON, "dataset/holdout"},
                  {v1::LINEAGE_RELATION_CONFIGURED_BY, "config/tokenizer"}},
                 {{"task", "classification"}, {"approach", "supervised"}, {"metric.auc", "0.91"}, {"users", "fraud analysts; auditors"},
                  {"ethics", "may disadvantage new customers"}, {"architecture-family", "transformer \"x\" \u00e4"}});
  }

  v1::Snapshot Push(v1::SnapshotKind kind, const std::string& name, const testing::Edges& edges,
                    const std::map<std::string, std::string>& labels) {
    PushOptions options = fixture.Options(fixture.NewFolder({{"weights/a.bin", name}, {"b.txt", "b"}}), name, kind);
    for (const auto& [relation, parent] : edges) {
      v1::LineageEdge& edge = options.lineage.emplace_back();
      edge.set_relation(relation);
      edge.set_parent_name(parent);
    }
    options.labels = {labels.begin(), labels.end()};
    options.description = "for tests";
    auto result = fixture.Push(options);
    if (!result.ok()) CheckFailed(result.status().ToString().c_str(), __FILE__, __LINE__);
    return result->snapshot;
  }

  v1::BuildBomResponse Build(const std::string& snapshot, v1::BomSpec spec = v1::BOM_SPEC_UNSPECIFIED, bool attest = false,
                             const std::string& deployment = "") {
    v1::BuildBomRequest request;
    request.set_snapshot(snapshot);
    request.set_deployment(deployment);
    request.set_spec(spec);
    request.set_attest(attest);
    auto response = desk.BuildBom(fixture.caller, request);
    if (!response.ok()) CheckFailed(response.status().ToString().c_str(), __FILE__, __LINE__);
    return *std::move(response);
  }

  DeskFixture fixture;
  EcPrivateKey service_key = testing::NewKey();
  BomDesk desk{*fixture.base.ledger, fixture.vault, service_key, {.service_version = "0.1.0", .log_origin = "firebreak.test/audit"}};
  v1::Snapshot model;
};

const Value& At(const Value& value, const std::string& name) { return value.struct_value().fields().at(name); }

const Value* Named(const Value& list, const std::string& member, const std::string& value) {
  for (const Value& one : list.list_value().values()) {
    const auto found = one.struct_value().fields().find(member);
    if (found != one.struct_value().fields().end() && found->second.string_value() == value) return &one;
  }
  return nullptr;
}

TEST_F(BomTest, SaysWhatAModelIsMadeOf) {
  const v1::BuildBomResponse response = Build("model/fraud");
  auto bom = ParseJson(response.bom());
  ASSERT_TRUE(bom.ok()) << bom.status();
  EXPECT_EQ(At(*bom, "specVersion").string_value(), "1.6");
  EXPECT_EQ(At(*bom, "serialNumber").string_value(), response.serial_number());
  const Value& subject = At(At(*bom, "metadata"), "component");
  EXPECT_EQ(At(subject, "type").string_value(), "machine-learning-model");
  const Value* file = Named(At(subject, "components"), "name", "weights/a.bin");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(At(At(*file, "hashes").list_value().values(0), "content").string_value(), ToHex(Sha256("fraud").raw()));
  const Value& card = At(subject, "modelCard");
  EXPECT_EQ(At(At(card, "modelParameters"), "task").string_value(), "classification");
  EXPECT_EQ(At(At(card, "modelParameters"), "datasets").list_value().values_size(), 2);
  EXPECT_EQ(At(At(card, "considerations"), "users").list_value().values_size(), 2);
  EXPECT_EQ(At(At(subject, "pedigree"), "ancestors").list_value().values_size(), 1);
  const Value* signature = Named(At(subject, "externalReferences"), "type", "digital-signature");
  ASSERT_NE(signature, nullptr);
  EXPECT_THAT(At(*signature, "comment").string_value(), HasSubstr("signed by release"));
  EXPECT_EQ(StrCat("sha256:", At(At(*signature, "hashes").list_value().values(0), "content").string_value()), model.signature().bundle_digest());

  const Value* claims = Named(At(*bom, "components"), "name", "claims");
  ASSERT_NE(claims, nullptr);
  const Value& data = At(*claims, "data").list_value().values(0);
  EXPECT_EQ(At(data, "classification").string_value(), "confidential");
  const Value& owners = At(At(data, "governance"), "owners");
  EXPECT_EQ(At(At(owners.list_value().values(0), "organization"), "name").string_value(), "Claims Ltd");
  EXPECT_EQ(At(At(owners.list_value().values(1), "contact"), "email").string_value(), "data@claims.example");

  const Value& workflows = At(At(*bom, "formulation").list_value().values(0), "workflows");
  EXPECT_EQ(At(*Named(workflows, "name", "training of model/fraud@1"), "inputs").list_value().values_size(), 3);
  EXPECT_EQ(At(*Named(workflows, "name", "evaluation of model/fraud@1"), "inputs").list_value().values_size(), 1);
  const Value* depends = Named(At(*bom, "dependencies"), "ref", StrCat("snapshot:", model.digest()));
  ASSERT_NE(depends, nullptr);
  EXPECT_EQ(At(*depends, "dependsOn").list_value().values_size(), 4);
  EXPECT_EQ(At(*bom, "components").list_value().values_size(), 4);
}

TEST_F(BomTest, RepeatsByteForByteUntilSomethingInItChanges) {
  const v1::BuildBomResponse first = Build("model/fraud");
  fixture.base.clock.Advance(absl::Hours(5));
  fixture.With(kModel, "unrelated", {});   // the log grows
  EXPECT_EQ(Build("model/fraud").bom(), first.bom());
  ASSERT_TRUE(fixture.Quarantine("dataset/claims").ok());
  const v1::BuildBomResponse later = Build("model/fraud");
  EXPECT_NE(later.serial_number(), first.serial_number());
  EXPECT_THAT(later.bom(), HasSubstr("firebreak:tainted-through"));
}

TEST_F(BomTest, IsAcceptedByTheOfficialSchemas) {
  REQUIRE_VECTORS(schemas, "cyclonedx/schema");
  fixture.Deploy("fraud-prod", {DeskFixture::Release(model)});
  ASSERT_TRUE(fixture.Quarantine("dataset/claims").ok());
  ASSERT_TRUE(fixture.AddEdge(fixture.Statement(model, v1::LINEAGE_RELATION_DERIVED_FROM, *fixture.vault.Resolve("model/base"))).ok());
  std::string files;
  const auto write = [&](const std::string& bom) {
    const std::filesystem::path file = fixture.NewPath();
    std::ofstream(file, std::ios::binary) << bom;
    files += " '" + file.string() + "'";
  };
  for (const v1::BomSpec spec : {v1::BOM_SPEC_1_6, v1::BOM_SPEC_1_7}) {
    for (const char* name : {"model/fraud", "model/base", "dataset/claims", "config/tokenizer"}) write(Build(name, spec).bom());
    write(Build("", spec, false, "fraud-prod").bom());
  }
  const std::string judge = StrCat("node '", FIREBREAK_SOURCE_DIR, "/tests/unit/bom/check_bom.js' '", schemas.string(), "'");
  const int verdict = std::system((judge + files).c_str());
  if (WEXITSTATUS(verdict) == 77 || WEXITSTATUS(verdict) == 127) GTEST_SKIP() << "node with ajv is not installed (make deps)";
  EXPECT_EQ(WEXITSTATUS(verdict), 0);
  // The judge does judge.
  files.clear();
  write(absl::StrReplaceAll(Build("model/fraud").bom(), {{"\"machine-learning-model\"", "\"model\""}}));
  EXPECT_EQ(WEXITSTATUS(std::system((judge + files + " >/dev/null").c_str())), 1);
}

TEST_F(BomTest, OfADeploymentHoldsEveryPartOfItsRelease) {
  const v1::Snapshot config = *fixture.vault.Resolve("config/tokenizer");
  fixture.Deploy("fraud-prod", {DeskFixture::Release(model, &config)});
  auto bom = ParseJson(Build("", v1::BOM_SPEC_1_7, false, "fraud-prod").bom());
  ASSERT_TRUE(bom.ok());
  EXPECT_EQ(At(*bom, "specVersion").string_value(), "1.7");
  EXPECT_EQ(At(At(At(*bom, "metadata"), "component"), "name").string_value(), "fraud-prod");
  for (const char* part : {"fraud", "tokenizer", "base", "claims", "holdout"}) {
    EXPECT_NE(Named(At(*bom, "components"), "name", part), nullptr) << part;
  }
  const Value* depends = Named(At(*bom, "dependencies"), "ref", "deployment:fraud-prod");
  ASSERT_NE(depends, nullptr);
  EXPECT_EQ(At(*depends, "dependsOn").list_value().values_size(), 2);
}

TEST_F(BomTest, IsAttestedAsThePredicateOfASignedStatement) {
  const v1::BuildBomResponse response = Build("model/fraud", v1::BOM_SPEC_1_6, true);
  auto key = EcPublicKey::FromPem(response.public_key_pem());
  ASSERT_TRUE(key.ok());
  EXPECT_TRUE(VerifyEnvelope(*key, response.attestation(), kInTotoPayloadType).ok());
  auto statement = ParseJson(response.attestation().payload());
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(At(*statement, "predicateType").string_value(), "https://cyclonedx.org/bom");
  EXPECT_EQ(At(*statement, "subject").list_value().values_size(), 3);
  EXPECT_EQ(PrintJson(At(*statement, "predicate")), PrintJson(*ParseJson(response.bom())));
  auto again = EnvelopeFromJson(EnvelopeToJson(response.attestation()));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), response.attestation().SerializeAsString());
}

TEST_F(BomTest, NamesTheCheckpointThatCoversItsEntries) {
  auto bom = ParseJson(Build("model/fraud").bom());
  const Value* property = Named(At(At(*bom, "metadata"), "properties"), "name", "firebreak:log-checkpoint");
  ASSERT_NE(property, nullptr);
  const Value* index = Named(At(At(At(*bom, "metadata"), "component"), "properties"), "name", "firebreak:log-index");
  ASSERT_NE(index, nullptr);
  const std::string note = At(*property, "value").string_value();
  EXPECT_EQ(note.substr(0, note.find('\n')), "firebreak.test/audit");
  const size_t line = note.find('\n') + 1;
  EXPECT_EQ(std::stoull(note.substr(line, note.find('\n', line) - line)), std::stoull(At(*index, "value").string_value()) + 1);
}

TEST_F(BomTest, CutsLongFileListsAndSaysSo) {
  testing::Files files;
  for (int i = 0; i < 1100; ++i) files[StrCat("f", 10000 + i)] = StrCat(i % 7);
  auto pushed = fixture.Push(fixture.Options(fixture.NewFolder(files), "wide"));
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  const v1::BuildBomResponse response = Build("model/wide");
  auto bom = ParseJson(response.bom());
  const Value& subject = At(At(*bom, "metadata"), "component");
  EXPECT_EQ(At(subject, "components").list_value().values_size(), 1000);
  EXPECT_EQ(At(*Named(At(subject, "properties"), "name", "firebreak:files-listed"), "value").string_value(), "1000");
  EXPECT_EQ(At(At(*bom, "compositions").list_value().values(0), "aggregate").string_value(), "incomplete");
}

TEST_F(BomTest, WantsExactlyOneSubject) {
  v1::BuildBomRequest request;
  EXPECT_EQ(desk.BuildBom(fixture.caller, request).status().code(), absl::StatusCode::kInvalidArgument);
  request.set_snapshot("model/fraud");
  request.set_deployment("fraud-prod");
  EXPECT_EQ(desk.BuildBom(fixture.caller, request).status().code(), absl::StatusCode::kInvalidArgument);
  request.clear_snapshot();
  EXPECT_EQ(desk.BuildBom(fixture.caller, request).status().code(), absl::StatusCode::kNotFound);
}

TEST(EnvelopeJson, IsReadStrictly) {
  const char* const bad[] = {"", "[]", "{}", R"({"payload":"!","payloadType":"t","signatures":[]})",
                             R"({"payload":"","payloadType":"t","signatures":[],"more":1})",
                             R"({"payload":"","payloadType":1,"signatures":[]})",
                             R"({"payload":"","payloadType":"t","signatures":[{"sig":1}]})",
                             R"({"payload":"","payloadType":"t","signatures":[{"sig":"","keyid":"k","x":""}]})"};
  for (const char* text : bad) EXPECT_EQ(EnvelopeFromJson(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
}

}  // namespace
}  // namespace firebreak
