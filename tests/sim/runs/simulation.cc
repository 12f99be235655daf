#include "tests/sim/runs/simulation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "firebreak/access/caller.h"
#include "firebreak/playbooks/playbook_shelf.h"
#include "firebreak/runs/apply.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/runs/run_pump.h"
#include "firebreak/storage/keys/playbooks.h"
#include "firebreak/storage_memory/memory_meta_store.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/sim/runs/shelf_content.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak::testing {
namespace {

constexpr int kDrivesPerLifeMax = 600;
constexpr int kLivesMax = 20;
const RunId kRun("RUN-1");

Caller Person(const char* name) {
  Caller caller;
  caller.identity = Identity(name);
  caller.roles = {v1::ROLE_RESPONDER, v1::ROLE_SECURITY_LEAD, v1::ROLE_ADMIN};
  return caller;
}

v1::Incident SampleIncident() {
  v1::Incident incident;
  incident.set_id("INC-1");
  incident.set_title("something is wrong");
  incident.set_severity(2);
  incident.set_kind("model-poisoning");
  incident.set_model("fraud");
  incident.set_environment("prod");
  incident.set_deployment("fraud-prod");
  incident.set_snapshot("model/fraud@2");
  incident.set_snapshot_digest("sha256:" + std::string(64, 'b'));
  incident.set_opened_by("prometheus");
  return incident;
}

// A value for every input that has neither a binding nor a default.
google::protobuf::Value SampleInput(const v1::InputDeclaration& input) {
  google::protobuf::Value value;
  auto text = [](const std::string& type) -> std::string {
    if (type == "snapshot") return "model/fraud@2";
    if (type == "incident") return "INC-1";
    if (type == "duration") return "1s";
    return type == "deployment" ? "fraud-prod" : "sample";
  };
  if (!input.choices().empty()) {
    value.set_string_value(input.choices(0));
  } else if (input.type() == "int" || input.type() == "number") {
    value.set_number_value(3);
  } else if (input.type() == "bool") {
    value.set_bool_value(true);
  } else if (input.type().starts_with("list")) {
    value.mutable_list_value()->add_values()->set_string_value(text(input.element_type()));
  } else {
    value.set_string_value(text(input.type()));
  }
  return value;
}

class Simulation {
 public:
  explicit Simulation(const Scenario& scenario)
      : scenario_(scenario), boundaries_(scenario.crashes), random_(scenario.seed.value_or(0)), specs_(BuiltinSpecs()) {
    world_.flavor = scenario.flavor;
    world_.fails = scenario.fails;
    if (scenario.seed) mischief_.random = &random_;
    mischief_.new_effect_ids = scenario.plant_new_effect_ids;
    if (scenario.plant_undo_of_containment) {
      for (ActionSpec& spec : specs_) spec.keeps_on_failure = false;
    }
    for (const ActionSpec& spec : specs_)
      catalogue_.Add(std::make_unique<WorldAction>(spec, world_, fixture_.store, boundaries_, mischief_));
    PutPlaybooks();
  }

  Result Run() {
    int lives = 0;
    bool ended = false;
    for (; lives < kLivesMax && !ended; ++lives) {
      boundaries_.Restart();
      ended = Live();
      CheckReplay();
    }
    Result result;
    if (!ended) Complain("progress: the run did not end");
    CheckEnd(result);
    result.violations.insert(result.violations.end(), world_.violations.begin(), world_.violations.end());
    result.world = world_;
    result.boundaries = boundaries_.count();
    result.deaths = boundaries_.died();
    result.waits = waits_;
    return result;
  }

 private:
  void Complain(std::string what) { world_.violations.push_back(std::move(what)); }

  // The stored records themselves: reading YAML thousands of times would prove nothing.
  void PutPlaybooks() {
    const auto& all = SimulatedPlaybooks();
    const auto found = all.find(scenario_.playbook);
    if (found == all.end()) return Complain(StrCat("playbook ", scenario_.playbook, " is not there"));
    v1::StoredPlaybook stored = found->second;
    if (scenario_.plant_undo_of_containment) {
      for (v1::Step& step : *stored.mutable_playbook()->mutable_steps()) {
        if (step.do_().action() != "fleet.contain") continue;
        *step.mutable_undo() = step.do_();
        step.mutable_undo()->set_action("fleet.release");
      }
    }
    playbook_ = stored.playbook();
    const auto receipt = fixture_.ledger->Transact([&](Draft& draft) -> absl::Status {
      for (const auto& [name, each] : all) draft.Put(keys::Playbook(each.playbook().digest()), each);
      draft.Put(keys::Playbook(playbook_.digest()), stored);
      draft.Record(TestEntry());
      return absl::OkStatus();
    });
    if (!receipt.ok()) Complain(receipt.status().ToString());
    fixture_.ledger.reset();  // from here on every process opens its own
  }

  // One process from start to death or to the end of the run. True when the run has ended.
  bool Live() {
    MortalStore store(fixture_.store, boundaries_, scenario_.store_plant);
    if (scenario_.seed) store.LoseRepliesWhen([this] { return random_() % 10 == 0; });
    const std::unique_ptr<Ledger> ledger = fixture_.Open(store);
    const PlaybookShelf shelf(*ledger, fixture_.clock, *fixture_.log, catalogue_.Specs());
    IncidentHooks hooks;
    hooks.load = [](const IncidentId&) { return SampleIncident(); };
    RunDesk desk(*ledger, fixture_.clock, *fixture_.log, shelf, catalogue_.Specs(), hooks);
    RunPump pump(*ledger, fixture_.clock, *fixture_.log, catalogue_);
    for (int drives = 0; drives < kDrivesPerLifeMax && !boundaries_.dead(); ++drives) {
      if (!Exists()) {
        Start(desk);
        continue;
      }
      if (scenario_.cancels_at && drives_++ == *scenario_.cancels_at) Cancel(desk);
      StepClock();
      const absl::StatusOr<DriveResult> driven = pump.Drive(kRun);
      if (boundaries_.dead()) return false;
      CheckForward();
      if (!driven.ok()) {
        fixture_.clock.Advance(absl::Seconds(2));
      } else if (driven->ended) {
        return true;
      } else if (!AnswerWhatIsAsked(desk)) {
        ++waits_;
        if (driven->wake_at == absl::InfiniteFuture()) Complain("progress: the run waits for nothing");
        fixture_.clock.Set(std::max(driven->wake_at, fixture_.clock.Now()));
      }
    }
    return false;
  }

  void Start(RunDesk& desk) {
    v1::StartRunRequest request;
    request.set_playbook(playbook_.digest());
    request.set_incident("INC-1");
    request.set_request_id("start");
    for (const v1::InputDeclaration& input : playbook_.inputs()) {
      if (!input.has_from() && !input.has_default_value()) (*request.mutable_inputs()->mutable_fields())[input.name()] = SampleInput(input);
    }
    const auto started = desk.StartRun(Person("prometheus"), request);
    if (!started.ok() && !absl::IsUnavailable(started.status())) Complain(StrCat("start: ", started.status().ToString()));
  }

  void Cancel(RunDesk& desk) {
    v1::CancelRunRequest request;
    request.set_run(kRun.text());
    request.set_reason("enough");
    (void)desk.CancelRun(Person("carol"), request);
  }

  // The wall clock of a real machine now and then jumps.
  void StepClock() {
    if (!scenario_.seed || random_() % 20 != 0) return;
    fixture_.clock.Advance(random_() % 2 == 0 ? absl::Minutes(7) : -absl::Minutes(5));
  }

  std::optional<v1::PlaybookRun> Stored() const {
    auto found = FindRecord(fixture_.store, keys::Run(kRun));
    return found.ok() ? *found : std::nullopt;
  }
  bool Exists() const { return Stored().has_value(); }

  // Votes of as many people as are needed; what happened to an effect in doubt.
  bool AnswerWhatIsAsked(RunDesk& desk) {
    const v1::PlaybookRun run = *Stored();
    bool answered = false;
    for (const v1::StepState& state : run.steps()) {
      if (state.phase() == v1::STEP_PHASE_IN_DOUBT) {
        Resolve(desk, state);
        answered = true;
      }
      if (state.phase() != v1::STEP_PHASE_ASKING) continue;
      Vote(desk, run, state);
      answered = true;
    }
    return answered;
  }

  void Vote(RunDesk& desk, const v1::PlaybookRun& run, const v1::StepState& state) {
    int votes = state.votes_size();
    for (const char* name : {"bob", "dave", "erin", "frank"}) {
      const bool voted = std::any_of(state.votes().begin(), state.votes().end(),
                                     [name](const v1::Vote& vote) { return vote.identity() == name; });
      if (voted) continue;
      v1::AnswerApprovalRequest request;
      request.set_run(run.id());
      request.set_step(state.path());
      request.set_subject_digest(state.subject_digest());
      request.set_approve(!scenario_.deny);
      const auto vote = desk.AnswerApproval(Person(name), request);
      const bool late = absl::IsFailedPrecondition(vote.status());  // by the time it was said, it had expired
      if (!vote.ok() && !late && !absl::IsUnavailable(vote.status())) Complain(vote.status().ToString());
      if (!vote.ok() || scenario_.deny || ++votes >= static_cast<int>(state.need())) return;
    }
  }

  void Resolve(RunDesk& desk, const v1::StepState& state) {
    v1::ResolveStepRequest request;
    request.set_run(kRun.text());
    request.set_step(state.path());
    request.set_happened(world_.answers.count(state.effect_id()) > 0);
    request.set_reason("the other side's log");
    const auto resolved = desk.ResolveStep(Person("bob"), request);
    if (!resolved.ok() && !absl::IsUnavailable(resolved.status())) Complain(resolved.status().ToString());
  }

  // The stored state only moves forward.
  void CheckForward() {
    const std::optional<v1::PlaybookRun> run = Stored();
    if (!run) return;
    if (run->sequence() < last_sequence_) Complain("progress: the run went backwards");
    last_sequence_ = run->sequence();
  }

  // Applying the journal gives the stored state, after every death too.
  void CheckReplay() {
    const std::optional<v1::PlaybookRun> stored = Stored();
    if (!stored) return;
    v1::PlaybookRun replayed;
    uint64_t expected = 0;
    auto page = ListRecords(fixture_.store, keys::RunRecords(kRun), "", 5000);
    if (!page.ok()) return Complain("replay: the journal cannot be read");
    for (const auto& [key, record] : page->records) {
      if (record.sequence() != ++expected) return Complain("replay: the journal has a gap");
      replayed = ApplyRecord(std::move(replayed), record);
    }
    if (!google::protobuf::util::MessageDifferencer::Equals(replayed, *stored))
      Complain("replay: the journal does not give the stored state");
  }

  void CheckEnd(Result& result) {
    const std::optional<v1::PlaybookRun> run = Stored();
    if (!run) return Complain("the run does not exist");
    result.run = *run;
    result.commits_of_run = static_cast<int>(run->sequence());
    CheckApprovals(*run);
    if (!run->lock_key().empty()) {
      const auto lock = FindRecord(fixture_.store, keys::RunLock(run->lock_key()));
      if (!lock.ok() || !*lock || !(*lock)->run().empty()) Complain("index: the lock is still held");
    }
    const auto active = FindRecord(fixture_.store, keys::ActiveRun(kRun));
    if (!active.ok() || active->has_value()) Complain("index: the run is still active");
    CheckSteps(*run);
    // Provenance: every effect that reached the world belongs to a step of the stored run.
    std::set<std::string> effects;
    for (const v1::StepState& state : run->steps()) {
      if (!state.effect_id().empty()) effects.insert(state.effect_id());
    }
    for (const auto& [effect, calls] : world_.performed) {
      if (effects.count(effect) == 0) Complain(StrCat("provenance: effect ", effect, " belongs to no step"));
    }
    const int lost = boundaries_.died() * 4 + world_.refusals + world_.pendings + lost_commits_allowed();
    if (world_.calls > static_cast<int>(effects.size()) + lost) {
      Complain(StrCat("economy: ", world_.calls, " calls for ", effects.size(), " effects and ", lost, " losses"));
    }
  }

  // Whoever says "done" has done it, and nothing is left open.
  void CheckSteps(const v1::PlaybookRun& run) {
    for (const v1::StepState& state : run.steps()) {
      if (IsOpenLeaf(state.phase()) || state.phase() == v1::STEP_PHASE_OPEN)
        Complain(StrCat("index: step ", state.path(), " is still open at the end"));
      const bool done = state.phase() == v1::STEP_PHASE_DONE && !state.effect_id().empty();
      if (done && world_.answers.count(state.effect_id()) == 0) Complain(StrCat("provenance: step ", state.path(), " was never done"));
    }
  }

  // A lost commit reply may repeat the effect before it once; how often replies get lost is the seed's business.
  int lost_commits_allowed() const { return scenario_.seed ? kDrivesPerLifeMax : 0; }

  void CheckApprovals(const v1::PlaybookRun& run) {
    std::map<std::string, int> asked;
    auto page = ListRecords(fixture_.store, keys::RunRecords(kRun), "", 5000);
    if (!page.ok()) return;
    for (const auto& [key, record] : page->records) {
      for (const store::v1::RunEvent& event : record.events()) {
        if (event.has_asked() && ++asked[event.asked().path()] > 1)
          Complain("approval: the same question was asked twice");
        const bool calm = scenario_.crashes.empty() && !scenario_.seed && scenario_.store_plant == MortalStore::Plant::kNone;
        if (event.has_step_in_doubt() && calm) Complain("progress: an effect is in doubt although nothing went wrong");
      }
    }
    for (const v1::StepState& state : run.steps()) {
      std::set<std::string> people;
      for (const v1::Vote& vote : state.votes()) {
        if (!people.insert(vote.identity()).second) Complain("approval: one person was counted twice");
      }
    }
  }

  const Scenario scenario_;
  Boundaries boundaries_;
  std::mt19937_64 random_;
  std::vector<ActionSpec> specs_;
  LedgerFixture fixture_;
  World world_;
  Mischief mischief_;
  ActionCatalogue catalogue_;
  v1::Playbook playbook_;
  uint64_t last_sequence_ = 0;
  int drives_ = 0;
  int waits_ = 0;
};

}  // namespace

Result Simulate(const Scenario& scenario) { return Simulation(scenario).Run(); }

}  // namespace firebreak::testing
