// What may leave: non-interference (nothing else changes the bytes), sensitivity (the categories do) and unlinkability.
#include "firebreak/sharing/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <random>
#include <set>

#include "firebreak/sharing/second_lock.h"
#include "firebreak/sharing/stix.h"
#include "re2/re2.h"
#include "tests/unit/sharing/sample_incident.h"

namespace firebreak {
namespace {

using ::firebreak::testing::Sample;
using ::firebreak::testing::SampleIncident;
using ::firebreak::testing::Scrambler;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kKey(32, 'k');

std::string Bundle(const Sample& sample, const std::string& key = kKey, const std::string& tlp = "amber") {
  const auto bundle = WriteStixBundle(BuildSharedRecord(sample.incident, sample.runs, key), tlp, key);
  EXPECT_TRUE(bundle.ok()) << bundle.status();
  return bundle.value_or("");
}

uint64_t Seed() {
  const char* given = std::getenv("FIREBREAK_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

TEST(BuildSharedRecord, SaysOnlyClosedWordsBucketsAndMonths) {
  const Sample sample = SampleIncident();
  const v1::SharedRecord record = BuildSharedRecord(sample.incident, sample.runs, kKey);
  EXPECT_EQ(record.incident_kind(), "model-poisoning");
  EXPECT_EQ(record.severity(), 2u);
  EXPECT_EQ(record.detected_month(), "2026-11");
  EXPECT_EQ(record.time_to_detect_bucket(), "1m-10m");
  EXPECT_EQ(record.time_to_contain_bucket(), "<1m");
  EXPECT_EQ(record.time_to_recover_bucket(), "10m-1h");
  EXPECT_THAT(record.techniques(), ElementsAre("AML.T0018.001", "AML.T0020"));
  EXPECT_THAT(record.response_steps(), ElementsAre("approve", "contain", "quarantine", "roll-back"));
  EXPECT_EQ(record.outcome(), "recovered");
  EXPECT_EQ(record.determination(), "confirmed");
  EXPECT_EQ(record.affected_models_bucket(), "2-5");
  EXPECT_EQ(record.affected_datasets_bucket(), "1");
  EXPECT_TRUE(record.rolled_back());
  EXPECT_EQ(record.detection_method(), "monitor");
}

TEST(BuildSharedRecord, ChangesNothingWhenAnythingOutsideTheAllowListChanges) {
  const uint64_t seed = Seed();
  std::printf("seed %llu (set FIREBREAK_TEST_SEED to repeat)\n", static_cast<unsigned long long>(seed));
  const Sample sample = SampleIncident();
  const std::string expected = Bundle(sample);
  Scrambler scrambler(seed);
  for (int round = 0; round < 300; ++round) {
    const Sample other = scrambler.Scramble(sample);
    ASSERT_NE(other.incident.SerializeAsString(), sample.incident.SerializeAsString());
    ASSERT_EQ(Bundle(other), expected) << "seed " << seed << " round " << round << "\n" << other.incident.DebugString();
  }
}

TEST(BuildSharedRecord, ChangesTheBytesWithEveryCategoryOfTheAllowList) {
  const std::vector<std::pair<std::string, std::function<void(Sample&)>>> changes = {
      {"id", [](Sample& s) { s.incident.set_id("INC-2"); }},
      {"kind", [](Sample& s) { s.incident.set_kind("drift"); }},
      {"severity", [](Sample& s) { s.incident.set_severity(3); }},
      {"month", [](Sample& s) {
         const absl::Time later = FromProto(s.incident.detected_at()) + absl::Hours(24 * 31);
         *s.incident.mutable_detected_at() = ToProto(later);
       }},
      {"time to detect", [](Sample& s) { s.incident.clear_began_at(); }},
      {"time to contain", [](Sample& s) { *s.incident.mutable_contained_at() = ToProto(FromProto(s.incident.detected_at()) + absl::Hours(30)); }},
      {"time to recover", [](Sample& s) { s.incident.clear_recovered_at(); }},
      {"technique", [](Sample& s) { s.incident.add_techniques("AML.T0051"); }},
      {"state", [](Sample& s) { s.incident.set_state(v1::INCIDENT_STATE_CONTAINED); }},
      {"false positive", [](Sample& s) { s.incident.set_false_positive(true); }},
      {"models", [](Sample& s) { for (int i = 0; i < 9; ++i) s.incident.add_affected(StrCat("model/m@", i)); }},
      {"datasets", [](Sample& s) { for (int i = 0; i < 40; ++i) s.incident.add_affected(StrCat("dataset/d@", i)); }},
      {"a refused approval", [](Sample& s) { (*s.runs[0].mutable_steps(2)->mutable_outputs()->mutable_fields())["approved"].set_bool_value(false); }},
      {"no roll-back", [](Sample& s) { s.runs[0].mutable_steps()->RemoveLast(); }},
  };
  const std::string before = Bundle(SampleIncident());
  std::set<std::string> bundles = {before};
  for (const auto& [name, change] : changes) {
    Sample sample = SampleIncident();
    change(sample);
    EXPECT_TRUE(bundles.insert(Bundle(sample)).second) << name;
  }
  EXPECT_NE(Bundle(SampleIncident(), kKey, "green"), before);
}

TEST(BuildSharedRecord, PutsAnUnknownKindUnderOther) {
  Sample sample = SampleIncident();
  sample.incident.set_kind("operation-fraud-detector");
  EXPECT_EQ(BuildSharedRecord(sample.incident, sample.runs, kKey).incident_kind(), "other");
}

TEST(BuildSharedRecord, DropsTechniquesThatAreNotCatalogueNumbers) {
  Sample sample = SampleIncident();
  for (const char* bad : {"AML.T002", "AML.T00200", "AML.T0020.01", "AML.T0020.0011", "AML.TA000", "aml.t0020", "AML.T0020 alice", "alice"}) {
    sample.incident.add_techniques(bad);
  }
  EXPECT_THAT(BuildSharedRecord(sample.incident, sample.runs, kKey).techniques(), ElementsAre("AML.T0018.001", "AML.T0020"));
}

TEST(BuildSharedRecord, OfAnIncidentWithoutATimeNothingCanLeave) {
  Sample sample = SampleIncident();
  sample.incident.clear_detected_at();
  EXPECT_FALSE(CheckLeavingBytes(Bundle(sample)).ok());
}

TEST(KeyedUuid, IsAVersionFourUuidThatDependsOnKeyTypeAndText) {
  const std::string uuid = KeyedUuid(kKey, "incident", "a");
  EXPECT_TRUE(RE2::FullMatch(uuid, "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")) << uuid;
  EXPECT_EQ(KeyedUuid(kKey, "incident", "a"), uuid);
  EXPECT_NE(KeyedUuid(std::string(32, 'l'), "incident", "a"), uuid);
  EXPECT_NE(KeyedUuid(kKey, "task", "a"), uuid);
  EXPECT_NE(KeyedUuid(kKey, "incident", "b"), uuid);
  EXPECT_NE(KeyedUuid(kKey, "inciden", "ta"), uuid);
}

std::set<std::string> IdsIn(const std::string& bundle) {
  std::set<std::string> ids;
  RE2 pattern("([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})");
  re2::StringPiece rest(bundle);
  std::string id;
  while (RE2::FindAndConsume(&rest, pattern, &id)) ids.insert(id);
  return ids;
}

TEST(WriteStixBundle, SharesNoIdBetweenTwoDestinationsButThePublishedOnes) {
  const std::set<std::string> here = IdsIn(Bundle(SampleIncident(), std::string(32, 'a')));
  const std::set<std::string> there = IdsIn(Bundle(SampleIncident(), std::string(32, 'b')));
  std::set<std::string> both;
  for (const std::string& id : here) {
    if (there.contains(id)) both.insert(id);
  }
  EXPECT_THAT(both, ElementsAre("2074a052-8be4-4932-849e-f5e7798e0030", "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
                                "60a3c5c5-0d10-413e-aab3-9e08dde9e88d", "7cc33dd6-f6a1-489b-98ea-522d351d71b9",
                                "ef765651-680c-498d-9894-99799f2fa126"));
  EXPECT_GE(here.size(), both.size() + 8);
}

}  // namespace
}  // namespace firebreak
