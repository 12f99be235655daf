#include "firebreak/sharing/second_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "firebreak/base/json.h"
#include "firebreak/sharing/record.h"
#include "firebreak/sharing/stix.h"
#include "tests/unit/sharing/sample_incident.h"

namespace firebreak {
namespace {

using ::firebreak::testing::SampleIncident;
using ::google::protobuf::Value;
using ::testing::HasSubstr;

std::string Good(std::string_view tlp = "amber") {
  const auto sample = SampleIncident();
  const std::string key(32, 'k');
  return *WriteStixBundle(BuildSharedRecord(sample.incident, sample.runs, key), tlp, key);
}

// Calls `visit` for every value of the tree, leaves and inner ones, and for every member's name via `rename`.
void ForEachValue(Value& value, const std::function<void(Value&)>& visit) {
  visit(value);
  if (value.has_list_value()) {
    for (Value& item : *value.mutable_list_value()->mutable_values()) ForEachValue(item, visit);
  }
  if (value.has_struct_value()) {
    for (auto& [name, member] : *value.mutable_struct_value()->mutable_fields()) ForEachValue(member, visit);
  }
}

TEST(CheckLeavingBytes, LetsOurBundlesThroughForEveryTlp) {
  for (const char* tlp : {"clear", "green", "amber", "amber+strict", "red"}) {
    const absl::Status status = CheckLeavingBytes(Good(tlp));
    EXPECT_TRUE(status.ok()) << tlp << ": " << status;
  }
}

TEST(CheckLeavingBytes, RefusesAPlantedStringWhereverItIsPlanted) {
  const std::vector<std::string> planted = {"alice", "10.0.0.1", "fraud-detector", "model/fraud@8", "2026-11-16T12:00:00.000Z",
                                            "kind:alice", "time-to-detect:4.2s", "INC-1", "AML.T0020 alice", "", " amber",
                                            "incident--00000000-0000-1000-8000-000000000000"};
  Value tree = *ParseJson(Good());
  int count = 0;
  ForEachValue(tree, [&](Value&) { ++count; });
  ASSERT_GT(count, 80);
  for (const std::string& text : planted) {
    for (int target = 0; target < count; ++target) {
      Value changed = tree;
      int at = 0;
      ForEachValue(changed, [&](Value& value) {
        if (at++ == target) value.set_string_value(text);
      });
      const absl::Status status = CheckLeavingBytes(PrintJson(changed));
      ASSERT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << "value " << target << " as " << text;
      ASSERT_TRUE(text.empty() || status.message().find(text) == absl::string_view::npos) << status;
    }
  }
}

TEST(CheckLeavingBytes, RefusesAnAddedMemberInEveryObject) {
  Value tree = *ParseJson(Good());
  int objects = 0;
  ForEachValue(tree, [&](Value& value) { objects += value.has_struct_value(); });
  ASSERT_GT(objects, 20);
  for (int target = 0; target < objects; ++target) {
    Value changed = tree;
    int at = 0;
    std::vector<Value*> all;
    ForEachValue(changed, [&](Value& value) {
      if (value.has_struct_value() && at++ == target) all.push_back(&value);
    });
    ASSERT_EQ(all.size(), 1u);
    (*all[0]->mutable_struct_value()->mutable_fields())["x_operator"].set_string_value("amber");
    ASSERT_FALSE(CheckLeavingBytes(PrintJson(changed)).ok()) << target;
  }
}

TEST(CheckLeavingBytes, RefusesNumbersOutsideTheScaleAndOtherKindsOfValue) {
  const std::string good = Good();
  ASSERT_THAT(good, HasSubstr("\"criticality\":70"));
  const auto with = [&](const std::string& value) {
    std::string changed = good;
    changed.replace(changed.find("\"criticality\":70"), 16, "\"criticality\":" + value);
    return CheckLeavingBytes(changed);
  };
  EXPECT_TRUE(with("90").ok());
  for (const char* bad : {"-1", "101", "1794830400", "0.5", "true", "null", "1e1", "70.0"}) EXPECT_FALSE(with(bad).ok()) << bad;
}

TEST(CheckLeavingBytes, RefusesEveryOtherWayOfWritingTheSameValues) {
  const std::string good = Good();
  EXPECT_FALSE(CheckLeavingBytes(good + " ").ok());
  EXPECT_FALSE(CheckLeavingBytes(" " + good).ok());
  EXPECT_FALSE(CheckLeavingBytes(good + "\n").ok());
  std::string escaped = good;
  escaped.replace(escaped.find("\"amber\""), 7, "\"\\u0061mber\"");
  EXPECT_FALSE(CheckLeavingBytes(escaped).ok());
  EXPECT_FALSE(CheckLeavingBytes("").ok());
  EXPECT_FALSE(CheckLeavingBytes("{\"id\":\"a\",\"id\":\"b\"}").ok());
  EXPECT_FALSE(CheckLeavingBytes(good.substr(0, good.size() - 1)).ok());
}

}  // namespace
}  // namespace firebreak
