#include "firebreak/incidents/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/base/clock.h"
#include "firebreak/incidents/correlation.h"

namespace firebreak {
namespace {

constexpr v1::IncidentState kStates[] = {v1::INCIDENT_STATE_DETECTED,   v1::INCIDENT_STATE_TRIAGED,
                                         v1::INCIDENT_STATE_CONTAINED,  v1::INCIDENT_STATE_ERADICATED,
                                         v1::INCIDENT_STATE_RECOVERED,  v1::INCIDENT_STATE_CLOSED};

TEST(Lifecycle, EveryPairOfStatesIsForwardNothingRelapseOrRefused) {
  for (v1::IncidentState from : kStates) {
    for (v1::IncidentState to : kStates) {
      SCOPED_TRACE(std::string(StateName(from)) + " -> " + std::string(StateName(to)));
      const absl::StatusOr<Step> step = CheckMove(from, to, "because");
      if (to == v1::INCIDENT_STATE_DETECTED) {
        EXPECT_EQ(step.status().code(), absl::StatusCode::kInvalidArgument);
      } else if (from == to) {
        EXPECT_EQ(step.value(), Step::kNone);
      } else if (from == v1::INCIDENT_STATE_CLOSED) {
        EXPECT_EQ(step.status().code(), absl::StatusCode::kFailedPrecondition);
      } else if (to > from) {
        EXPECT_EQ(step.value(), Step::kForward);
      } else if (to == v1::INCIDENT_STATE_TRIAGED) {
        EXPECT_EQ(step.value(), Step::kRelapse);
      } else {
        EXPECT_EQ(step.status().code(), absl::StatusCode::kFailedPrecondition);
      }
    }
  }
}

TEST(Lifecycle, ARelapseWithoutReasonIsRefused) {
  EXPECT_EQ(CheckMove(v1::INCIDENT_STATE_RECOVERED, v1::INCIDENT_STATE_TRIAGED, "").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Lifecycle, AdvanceNeverGoesBack) {
  for (v1::IncidentState from : kStates) {
    for (v1::IncidentState to : kStates) {
      if (to == v1::INCIDENT_STATE_DETECTED) continue;
      EXPECT_EQ(CheckAdvance(from, to).value(), to > from ? Step::kForward : Step::kNone);
    }
  }
  EXPECT_FALSE(CheckAdvance(v1::INCIDENT_STATE_DETECTED, v1::INCIDENT_STATE_UNSPECIFIED).ok());
  EXPECT_FALSE(CheckMove(v1::INCIDENT_STATE_DETECTED, static_cast<v1::IncidentState>(77), "x").ok());
}

TEST(Lifecycle, SkippedStatesHaveNoTime) {
  v1::Incident incident;
  incident.set_state(v1::INCIDENT_STATE_DETECTED);
  ApplyMove(incident, v1::INCIDENT_STATE_CONTAINED, Step::kForward, absl::FromUnixSeconds(100));
  EXPECT_FALSE(incident.has_triaged_at());
  EXPECT_EQ(incident.contained_at().seconds(), 100);
  EXPECT_EQ(incident.state(), v1::INCIDENT_STATE_CONTAINED);
}

TEST(Lifecycle, ARelapseTakesTheLaterTimesBack) {
  v1::Incident incident;
  incident.set_state(v1::INCIDENT_STATE_DETECTED);
  ApplyMove(incident, v1::INCIDENT_STATE_CONTAINED, Step::kForward, absl::FromUnixSeconds(100));
  ApplyMove(incident, v1::INCIDENT_STATE_RECOVERED, Step::kForward, absl::FromUnixSeconds(200));
  ApplyMove(incident, v1::INCIDENT_STATE_TRIAGED, Step::kRelapse, absl::FromUnixSeconds(300));
  EXPECT_FALSE(incident.has_contained_at());
  EXPECT_FALSE(incident.has_recovered_at());
  EXPECT_EQ(incident.triaged_at().seconds(), 300);
}

TEST(Lifecycle, NamesGoBothWays) {
  for (v1::IncidentState state : kStates) EXPECT_EQ(ParseState(StateName(state)).value(), state);
  EXPECT_FALSE(ParseState("fixed").ok());
}

TEST(Correlation, SeverityWordsMapToNumbers) {
  EXPECT_EQ(SeverityFromLabel("critical"), 1U);
  EXPECT_EQ(SeverityFromLabel("CRITICAL"), 1U);
  EXPECT_EQ(SeverityFromLabel("error"), 2U);
  EXPECT_EQ(SeverityFromLabel("high"), 2U);
  EXPECT_EQ(SeverityFromLabel("warning"), 3U);
  EXPECT_EQ(SeverityFromLabel("info"), 4U);
  EXPECT_EQ(SeverityFromLabel(""), 3U);
  EXPECT_EQ(SeverityFromLabel("banana"), 3U);
}

TEST(Correlation, ReadsTheNamesMonitorsUse) {
  const std::vector<std::pair<std::string, std::string>> labels = {
      {"alertname", "DataDrift"}, {"env", "prod"},        {"kind", "Data_Poisoning"},
      {"model", "old-name"},      {"model_name", "fraud"}, {"model_version", "8"}};
  const IncidentSignal signal = SignalFromLabels(labels, {}, absl::FromUnixSeconds(5));
  EXPECT_EQ(signal.model, "fraud");
  EXPECT_EQ(signal.environment, "prod");
  EXPECT_EQ(signal.kind, "data-poisoning");
  EXPECT_EQ(signal.model_version, "8");
  EXPECT_EQ(signal.title, "DataDrift on fraud");
  EXPECT_EQ(signal.began_at, absl::FromUnixSeconds(5));
}

TEST(Correlation, TheKeyIgnoresTheVersionAndDefaultsTheKind) {
  const std::vector<std::pair<std::string, std::string>> one = {{"model", "fraud"}, {"model_version", "8"}};
  const std::vector<std::pair<std::string, std::string>> two = {{"model", "fraud"}, {"model_version", "9"}};
  EXPECT_EQ(KeyOf(SignalFromLabels(one, {}, absl::UnixEpoch())), KeyOf(SignalFromLabels(two, {}, absl::UnixEpoch())));
  EXPECT_EQ(KeyOf(SignalFromLabels(one, {}, absl::UnixEpoch()))->kind, "performance");
}

TEST(Correlation, NeitherModelNorDeploymentIsNoKey) {
  const std::vector<std::pair<std::string, std::string>> labels = {{"alertname", "DiskFull"}};
  EXPECT_FALSE(KeyOf(SignalFromLabels(labels, {}, absl::UnixEpoch())).has_value());
  const std::vector<std::pair<std::string, std::string>> deployed = {{"deployment", "fraud-prod"}};
  EXPECT_EQ(KeyOf(SignalFromLabels(deployed, {}, absl::UnixEpoch()))->deployment, "fraud-prod");
}

}  // namespace
}  // namespace firebreak
