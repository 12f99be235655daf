// A world that remembers what was done to it, and the faults that befall whoever acts on it. Never kinder than the real
// one: replies get lost after the effect, proofs come late, and a crash stops everything at any boundary.
#ifndef FIREBREAK_TESTS_SIM_RUNS_WORLD_H_
#define FIREBREAK_TESTS_SIM_RUNS_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/playbooks/value_type.h"
#include "firebreak/runs/action.h"
#include "firebreak/runs/program.h"
#include "firebreak/storage/keys/runs.h"
#include "tests/sim/runs/builtin_specs.h"
#include "tests/sim/runs/mortal_store.h"

namespace firebreak::testing {

// What effects did, beyond any process. One effect at a time changes it.
struct World {
  bool contained = false;
  bool was_contained = false;
  std::string serving = "model/fraud@2";
  int epoch = 2;
  std::set<std::string> quarantined;
  std::map<std::string, google::protobuf::Struct> answers;  // effect id -> what was answered first
  std::map<std::string, int> changes;        // action -> how many effects of it happened
  std::map<std::string, int> changed_paths;  // step path -> effects it had; more than one is one too many
  std::map<std::string, int> performed;      // effect id -> calls that reached the world
  std::set<std::string> notes;
  std::vector<std::string> violations;  // what a checker saw at the moment of an effect
  int calls = 0;
  int refusals = 0;
  int pendings = 0;
  int flavor = 0;               // which of the possible answers reads give: 0 = yes, 1 = no, 2 = mixed
  std::set<std::string> fails;  // step paths and actions that can never be done
  std::function<void(const std::string& path)> meanwhile;  // what others do while an effect is under way

  // What two runs that went well must agree on.
  std::string Shape() const {
    std::string shape = StrCat("contained=", contained, " serving=", serving, " notes=", notes.size());
    for (const std::string& name : quarantined) StrAppend(&shape, " q:", name);
    for (const auto& [what, count] : changed_paths) StrAppend(&shape, " ", what, "x", count);
    return shape;
  }
};

// Faults of the world's own, besides crashes.
struct Mischief {
  std::mt19937_64* random = nullptr;  // nullptr: none
  bool new_effect_ids = false;        // planted: a new id for every attempt
  bool Roll(int percent) const { return random != nullptr && static_cast<int>((*random)() % 100) < percent; }
};

// One action over the world. Thread-safe.
class WorldAction final : public Action {
 public:
  WorldAction(const ActionSpec& spec, World& world, const MetaStore& durable, Boundaries& boundaries,
              const Mischief& mischief)
      : spec_(spec), world_(world), durable_(durable), boundaries_(boundaries), mischief_(mischief) {}

  const ActionSpec& spec() const override { return spec_; }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    static absl::Mutex one_at_a_time;
    absl::MutexLock lock(&one_at_a_time);
    if (boundaries_.Pass()) return absl::UnavailableError("this process is dead");
    ++world_.calls;
    const std::string path = call.run.empty() ? "" : CheckWrittenAhead(call);
    std::string effect = call.effect.text();
    if (mischief_.new_effect_ids) effect += StrCat("-", world_.calls);
    ++world_.performed[effect];
    if (world_.meanwhile) world_.meanwhile(path);
    if (spec_.action_class == ActionClass::kOnce && world_.performed[effect] > 1 && world_.answers.count(effect) > 0)
      world_.violations.push_back(StrCat("economy: ", path, " happened again although it can happen only once"));
    if (mischief_.Roll(15)) {
      ++world_.refusals;
      return absl::ResourceExhaustedError("come back later");
    }
    absl::StatusOr<ActionResult> result = Answer(effect, path, call);
    if (boundaries_.Pass()) return absl::UnavailableError("this process is dead");
    if (mischief_.Roll(15)) {
      ++world_.refusals;
      return absl::UnavailableError("the reply was lost");
    }
    return result;
  }

  absl::StatusOr<ActionPreview> Preview(const ActionCall& call) const override {
    ActionPreview preview;
    preview.now = world_.contained ? "contained" : StrCat("serves ", world_.serving);
    preview.then = spec_.name == "fleet.contain" ? "contained" : StrCat(spec_.name, " done");
    preview.blast_radius = spec_.changes_production ? StrCat("deployment ", call.deployment.text()) : "";
    preview.expected = absl::Seconds(3);
    return preview;
  }

 private:
  // The store must name the step as started, with this effect, before the effect happens. The step's path.
  std::string CheckWrittenAhead(const ActionCall& call) {
    const auto run = LoadRecord(durable_, keys::Run(call.run), "run");
    if (run.ok()) {
      for (const v1::StepState& state : run->steps()) {
        if (state.effect_id() == call.effect.text() && state.phase() == v1::STEP_PHASE_STARTED) return state.path();
      }
    }
    world_.violations.push_back(StrCat("write-ahead: ", spec_.name, " acted before its intent was durable"));
    return "";
  }

  absl::StatusOr<ActionResult> Answer(const std::string& effect, const std::string& path, const ActionCall& call) {
    if (world_.fails.count(spec_.name) > 0 || world_.fails.count(path) > 0)
      return absl::FailedPreconditionError("the world says no");
    const auto known = world_.answers.find(effect);
    if (known == world_.answers.end()) {
      world_.answers[effect] = Change(path, call);
      const bool proof = spec_.name == "fleet.contain" || spec_.name == "rollback.confirm";
      const bool slow = spec_.action_class != ActionClass::kOnce && mischief_.Roll(20);
      if (proof || slow) {  // the proof comes later
        ++world_.pendings;
        return ActionResult(ActionPending{absl::Seconds(1), "proof from agent web-1"});
      }
    }
    return ActionResult(ActionDone{world_.answers[effect]});
  }

  void Lift(const ActionCall& call) {
    if (world_.contained && call.approved_by.empty())
      world_.violations.push_back(StrCat("containment was lifted by ", spec_.name, ", which nobody approved"));
    if (call.undoes) world_.violations.push_back(StrCat("containment was lifted by an undo: ", spec_.name));
    world_.contained = false;
  }

  google::protobuf::Struct Change(const std::string& path, const ActionCall& call) {
    google::protobuf::Struct outputs;
    const auto& inputs = call.inputs.fields();
    ++world_.changes[spec_.name];
    if (++world_.changed_paths[path] > 1) world_.violations.push_back(StrCat("economy: ", path, " happened twice"));
    if (spec_.name == "fleet.contain") {
      world_.contained = world_.was_contained = true;
      world_.serving = "safe answer";
    } else if (spec_.name == "fleet.release" || spec_.name == "fleet.unfreeze") {
      Lift(call);
    } else if (spec_.name == "snapshot.quarantine") {
      world_.quarantined.insert(inputs.at("snapshot").string_value());
    } else if (spec_.name == "rollback.apply") {
      world_.contained = false;  // the one way out: a release that passed the gates and was approved
      world_.serving = "model/fraud@1";
      if (call.approved_by.empty()) world_.violations.push_back("rolled back without an approval");
    } else if (spec_.name == "incident.note") {
      world_.notes.insert(inputs.at("text").string_value());
    }
    if (spec_.changes_production || spec_.name == "test.change") ++world_.epoch;
    for (const ActionField& field : spec_.outputs) (*outputs.mutable_fields())[field.name] = ValueFor(field);
    return outputs;
  }

  google::protobuf::Value ValueFor(const ActionField& field) const {
    const DataType type = ParseType(field.type).value_or(DataType());
    google::protobuf::Value value;
    if (type.kind == ValueType::kList) {
      const int count = world_.flavor == 0 ? 2 : (world_.flavor == 1 ? 0 : 3);
      value.mutable_list_value();
      for (int i = 1; i <= count; ++i)
        value.mutable_list_value()->add_values()->set_string_value(type.element == ValueType::kSnapshot ? StrCat("model/child-", i, "@1")
                                                                                                        : StrCat("item-", i));
    } else if (type.kind == ValueType::kBool) {
      value.set_bool_value(world_.flavor != 1);
    } else if (type.kind == ValueType::kInt || type.kind == ValueType::kNumber) {
      value.set_number_value(field.name == "epoch" ? world_.epoch : (world_.flavor == 1 ? 0 : 2));
    } else if (type.kind == ValueType::kEnum && !type.choices.empty()) {
      value.set_string_value(world_.flavor == 0 ? type.choices.front()
                                                : (world_.flavor == 1 ? type.choices.back() : type.choices[type.choices.size() / 2]));
    } else if (type.kind == ValueType::kDuration) {
      value.set_string_value("1s");
    } else if (type.kind == ValueType::kSnapshot) {
      value.set_string_value("model/fraud@1");
    } else {
      value.set_string_value("sha256:" + std::string(64, 'a'));
    }
    return value;
  }

  const ActionSpec& spec_;
  World& world_;
  const MetaStore& durable_;
  Boundaries& boundaries_;
  const Mischief& mischief_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SIM_RUNS_WORLD_H_
