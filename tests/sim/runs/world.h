// A world that remembers what was done to it, and the faults that befall whoever acts on it. Never kinder than the real
// one: replies get lost after the effect, proofs come late, and a crash stops everything at any boundary.
#ifndef FIREBREAK_TESTS_SIM_RUNS_WORLD_H_
#define FIREBREAK_TESTS_SIM_RUNS_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/runs/action.h"
#include "firebreak/runs/program.h"
#include "firebreak/storage/keys/runs.h"
#include "firebreak/storage/meta_store.h"
#include "tests/sim/runs/builtin_specs.h"

namespace firebreak::testing {

// Counts every moment a process can die between: before and after each commit and each effect. Thread-safe.
class Boundaries {
 public:
  explicit Boundaries(std::set<int> crashes) : crashes_(std::move(crashes)) {}
  // True when the process dies here; everything it tries from then on fails, until Restart.
  bool Pass() {
    absl::MutexLock lock(&mutex_);
    if (dead_) return true;
    if (crashes_.count(count_++) > 0) {
      dead_ = true;
      ++died_;
    }
    return dead_;
  }
  bool dead() const {
    absl::MutexLock lock(&mutex_);
    return dead_;
  }
  void Restart() {
    absl::MutexLock lock(&mutex_);
    dead_ = false;
  }
  int count() const {
    absl::MutexLock lock(&mutex_);
    return count_;
  }
  int died() const {
    absl::MutexLock lock(&mutex_);
    return died_;
  }

 private:
  mutable absl::Mutex mutex_;
  const std::set<int> crashes_;
  int count_ = 0;
  int died_ = 0;
  bool dead_ = false;
};

// The store as a process sees it that may die around any commit, or whose commits' replies get lost now and then.
class MortalStore final : public MetaStore {
 public:
  enum class Plant { kNone, kAcknowledgesEarly, kForgetsJournal };
  MortalStore(MetaStore& under, Boundaries& boundaries, Plant plant = Plant::kNone)
      : under_(under), boundaries_(boundaries), plant_(plant) {}

  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override {
    if (boundaries_.dead()) return Dead();
    Flush();
    return under_.Get(key);
  }
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after,
                                             size_t limit) const override {
    if (boundaries_.dead()) return Dead();
    Flush();
    return under_.List(prefix, after, limit);
  }
  absl::StatusOr<uint64_t> Commit(const Change& change) override {
    if (boundaries_.Pass()) return Dead();
    Change written = change;
    if (plant_ == Plant::kForgetsJournal) {
      std::erase_if(written.puts, [](const auto& put) {
        return put.first.starts_with(std::string_view("run-journal\0", 12)) && put.first.back() % 4 == 0;
      });
    }
    Flush();
    if (plant_ == Plant::kAcknowledgesEarly && last_revision_ > 0) {  // written only when somebody looks again
      held_ = std::move(written);
      return ++last_revision_;
    }
    absl::StatusOr<uint64_t> revision = under_.Commit(written);
    if (revision.ok()) last_revision_ = *revision;
    if (boundaries_.Pass()) return Dead();
    if (lose_reply_ && lose_reply_()) return absl::UnavailableError("the reply was lost");
    return revision;
  }
  Limits limits() const override { return under_.limits(); }
  void LoseRepliesWhen(std::function<bool()> lose) { lose_reply_ = std::move(lose); }

 private:
  static absl::Status Dead() { return absl::UnavailableError("this process is dead"); }

  void Flush() const {
    if (!held_) return;
    (void)under_.Commit(*held_);
    held_.reset();
  }

  MetaStore& under_;
  Boundaries& boundaries_;
  const Plant plant_;
  uint64_t last_revision_ = 0;
  mutable std::optional<Change> held_;
  std::function<bool()> lose_reply_;
};

// What effects did, beyond any process. One thread.
struct World {
  bool contained = false;
  bool was_contained = false;
  std::string serving = "model/fraud@2";
  int epoch = 2;
  std::set<std::string> quarantined;
  std::map<std::string, google::protobuf::Struct> answers;  // effect id -> what was answered first
  std::map<std::string, int> changes;    // "action path" of effects that changed something -> how often
  std::map<std::string, int> performed;  // effect id -> calls that reached the world
  std::set<std::string> notes;
  std::vector<std::string> violations;  // what a checker saw at the moment of an effect
  int calls = 0;
  int refusals = 0;
  int pendings = 0;
  bool confirm_fails = false;  // the roll-back can never be proved

  // What two runs that went well must agree on.
  std::string Shape() const {
    std::string shape =
        StrCat("contained=", contained, " serving=", serving, " epoch=", epoch, " notes=", notes.size());
    for (const std::string& name : quarantined) StrAppend(&shape, " q:", name);
    for (const auto& [what, count] : changes) StrAppend(&shape, " ", what, "x", count);
    return shape;
  }
};

// Faults of the world's own, besides crashes.
struct Mischief {
  std::mt19937_64* random = nullptr;  // nullptr: none
  bool new_effect_ids = false;        // planted: a new id for every attempt
  bool Roll(int percent) const { return random != nullptr && static_cast<int>((*random)() % 100) < percent; }
};

// One built-in action over the world.
class WorldAction final : public Action {
 public:
  WorldAction(const ActionSpec& spec, World& world, const MetaStore& durable, Boundaries& boundaries,
              const Mischief& mischief)
      : spec_(spec), world_(world), durable_(durable), boundaries_(boundaries), mischief_(mischief) {}

  const ActionSpec& spec() const override { return spec_; }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    if (boundaries_.Pass()) return absl::UnavailableError("this process is dead");
    ++world_.calls;
    CheckWrittenAhead(call);
    std::string effect = call.effect.text();
    if (mischief_.new_effect_ids) effect += StrCat("-", world_.calls);
    ++world_.performed[effect];
    if (mischief_.Roll(15)) {
      ++world_.refusals;
      return absl::ResourceExhaustedError("come back later");
    }
    absl::StatusOr<ActionResult> result = Answer(effect, call);
    if (boundaries_.Pass()) return absl::UnavailableError("this process is dead");
    if (mischief_.Roll(15)) {
      ++world_.refusals;
      return absl::UnavailableError("the reply was lost");
    }
    return result;
  }

 private:
  // The store must name the step as started, with this effect, before the effect happens.
  void CheckWrittenAhead(const ActionCall& call) {
    const auto run = LoadRecord(durable_, keys::Run(call.run), "run");
    bool written = false;
    if (run.ok()) {
      for (const v1::StepState& state : run->steps()) {
        written = written || (state.effect_id() == call.effect.text() && state.phase() == v1::STEP_PHASE_STARTED);
      }
    }
    if (!written)
      world_.violations.push_back(StrCat("write-ahead: ", spec_.name, " acted before its intent was durable"));
  }

  absl::StatusOr<ActionResult> Answer(const std::string& effect, const ActionCall& call) {
    if (spec_.name == "rollback.confirm" && world_.confirm_fails)
      return absl::FailedPreconditionError("agent web-1 proves something else");
    const auto known = world_.answers.find(effect);
    if (known == world_.answers.end()) {
      world_.answers[effect] = Change(call);
      if (spec_.name == "fleet.contain" || spec_.name == "rollback.confirm") {  // the proof comes later
        ++world_.pendings;
        return ActionResult(ActionPending{absl::Seconds(1), "proof from agent web-1"});
      }
    }
    return ActionResult(ActionDone{world_.answers[effect]});
  }

  void Lift(std::string_view why) {
    if (world_.contained) world_.violations.push_back(StrCat("containment was lifted by ", why));
    world_.contained = false;
  }

  google::protobuf::Struct Change(const ActionCall& call) {
    google::protobuf::Struct outputs;
    auto& fields = *outputs.mutable_fields();
    const auto& inputs = call.inputs.fields();
    ++world_.changes[StrCat(spec_.name, inputs.count("reason") > 0 ? ":" + inputs.at("reason").string_value() : "")];
    if (spec_.name == "fleet.contain") {
      world_.contained = world_.was_contained = true;
      fields["previous_release"].set_string_value(world_.serving);
      world_.serving = "safe answer";
    } else if (spec_.name == "fleet.release") {
      Lift("fleet.release");
    } else if (spec_.name == "snapshot.quarantine") {
      world_.quarantined.insert(inputs.at("snapshot").string_value());
    } else if (spec_.name == "rollback.apply") {
      world_.contained = false;  // the one way out: a release that passed the gates and was approved
      world_.serving = "model/fraud@1";
      if (call.approved_by.empty()) world_.violations.push_back("rolled back without an approval");
    } else if (spec_.name == "incident.note") {
      world_.notes.insert(inputs.at("text").string_value());
    }
    if (spec_.name == "fleet.contain" || spec_.name == "fleet.release" || spec_.name == "rollback.apply")
      fields["epoch"].set_number_value(++world_.epoch);
    const std::string digest = "sha256:" + std::string(64, 'a');
    for (const ActionField& field : spec_.outputs) {
      if (fields.count(field.name) > 0) continue;
      google::protobuf::Value& value = fields[field.name];
      if (field.type == "list") value.mutable_list_value();
      if (field.type == "bool") value.set_bool_value(true);
      if (field.type == "int") value.set_number_value(world_.epoch);
      if (field.type == "string") value.set_string_value(field.name == "verdict" ? "intact" : digest);
    }
    return outputs;
  }

  const ActionSpec& spec_;
  World& world_;
  const MetaStore& durable_;
  Boundaries& boundaries_;
  const Mischief& mischief_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SIM_RUNS_WORLD_H_
