// What makes two plans the same plan.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "services/runs/foretell.h"

namespace firebreak {
namespace {

constexpr size_t kDifferencesMax = 4;

v1::RunPlan WithoutTimes(v1::RunPlan plan) {
  plan.clear_digest();
  plan.clear_planned_at();
  plan.clear_planned_by();
  plan.clear_expires_at();
  plan.clear_expected();
  plan.clear_at_most();
  for (v1::PlannedStep& step : *plan.mutable_steps()) {
    step.clear_expected();
    step.clear_at_most();
  }
  return plan;
}

// Each field that differs, old and new.
void CompareSteps(const v1::PlannedStep& shown, const v1::PlannedStep& now, std::vector<std::string>& differences) {
  auto compare = [&](const char* what, const std::string& before, const std::string& after) {
    if (before != after) differences.push_back(StrCat("step ", shown.path(), ": ", what, " was ", before, ", is ", after));
  };
  compare("the present state", shown.now(), now.now());
  compare("what it would be", shown.then(), now.then());
  compare("its inputs", PrintJson(shown.inputs()), PrintJson(now.inputs()));
  compare("its reach", shown.blast_radius(), now.blast_radius());
  compare("the question", shown.question(), now.question());
  if (shown.outcome() != now.outcome() || shown.note() != now.note()) {
    compare("the forecast", StrCat(v1::PlannedOutcome_Name(shown.outcome()), " ", shown.note()),
            StrCat(v1::PlannedOutcome_Name(now.outcome()), " ", now.note()));
  }
}

}  // namespace

std::string PlanDigest(const v1::RunPlan& plan) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream text(&bytes);
    google::protobuf::io::CodedOutputStream coded(&text);
    coded.SetSerializationDeterministic(true);
    WithoutTimes(plan).SerializeToCodedStream(&coded);
  }
  return Sha256(bytes).text();
}

std::string PlanDifference(const v1::RunPlan& shown, const v1::RunPlan& now) {
  std::vector<std::string> differences;
  auto compare = [&](const char* what, const std::string& before, const std::string& after) {
    if (before != after) differences.push_back(StrCat(what, " was ", before.empty() ? "none" : before, ", is ", after.empty() ? "none" : after));
  };
  compare("the playbook", shown.playbook_digest(), now.playbook_digest());
  compare("the run that holds the deployment", shown.lock_held_by(), now.lock_held_by());
  compare("the deployment", shown.deployment(), now.deployment());
  if (PrintJson(shown.inputs()) != PrintJson(now.inputs())) compare("the inputs", PrintJson(shown.inputs()), PrintJson(now.inputs()));
  const int common = std::min(shown.steps_size(), now.steps_size());
  for (int i = 0; i < common; ++i) {
    if (shown.steps(i).path() == now.steps(i).path()) {
      CompareSteps(shown.steps(i), now.steps(i), differences);
    } else {
      differences.push_back(StrCat("instead of step ", shown.steps(i).path(), " comes ", now.steps(i).path()));
      break;
    }
  }
  if (shown.steps_size() != now.steps_size() && differences.empty())
    differences.push_back(StrCat("it would take ", now.steps_size(), " steps, not ", shown.steps_size()));
  const size_t more = differences.size() > kDifferencesMax ? differences.size() - kDifferencesMax : 0;
  differences.resize(differences.size() - more);
  return StrCat(absl::StrJoin(differences, "; "), more == 0 ? "" : StrCat(" and ", more, " more"));
}

}  // namespace firebreak
