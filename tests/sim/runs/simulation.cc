#include "tests/sim/runs/simulation.h"

#include <map>
#include <utility>

#include "firebreak/access/caller.h"
#include "firebreak/playbooks/playbook_shelf.h"
#include "firebreak/runs/apply.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/runs/run_pump.h"
#include "firebreak/storage_memory/memory_meta_store.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/vectors.h"

namespace firebreak::testing {
namespace {

constexpr int kDrivesPerLifeMax = 300;
constexpr int kLivesMax = 20;
const RunId kRun("RUN-1");

Caller Person(const char* name) {
  Caller caller;
  caller.identity = Identity(name);
  caller.roles = {v1::ROLE_RESPONDER};
  return caller;
}

v1::Incident IncidentFor(const Scenario& scenario) {
  v1::Incident incident;
  incident.set_id("INC-1");
  incident.set_severity(2);
  incident.set_kind(scenario.incident_kind);
  incident.set_deployment("fraud-prod");
  incident.set_snapshot("model/fraud@2");
  incident.set_opened_by("prometheus");
  return incident;
}

class Simulation {
 public:
  explicit Simulation(const Scenario& scenario)
      : scenario_(scenario), boundaries_(scenario.crashes), random_(scenario.seed.value_or(0)), specs_(BuiltinSpecs()) {
    world_.confirm_fails = scenario.confirm_fails;
    if (scenario.seed) mischief_.random = &random_;
    mischief_.new_effect_ids = scenario.plant_new_effect_ids;
    if (scenario.plant_undo_of_containment) {
      for (ActionSpec& spec : specs_) spec.keeps_on_failure = false;
    }
    for (const ActionSpec& spec : specs_)
      catalogue_.Add(std::make_unique<WorldAction>(spec, world_, fixture_.store, boundaries_, mischief_));
    PutPlaybook();
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
    if (!ended && lives < kLivesMax) Complain("progress: a life ended early");
    CheckEnd(result);
    result.violations.insert(result.violations.end(), world_.violations.begin(), world_.violations.end());
    result.world = world_;
    result.boundaries = boundaries_.count();
    result.deaths = boundaries_.died();
    return result;
  }

 private:
  void Complain(std::string what) { world_.violations.push_back(std::move(what)); }

  void PutPlaybook() {
    PlaybookShelf shelf(*fixture_.ledger, fixture_.clock, *fixture_.log, catalogue_.Specs());
    std::string yaml =
        ReadFile(std::filesystem::path(FIREBREAK_SOURCE_DIR) / "runbooks" / "playbooks" / scenario_.runbook);
    if (scenario_.plant_undo_of_containment) {
      const size_t place = yaml.find("    timeout:", yaml.find("do: fleet.contain"));
      yaml.insert(place, "    undo: {do: fleet.release, with: {deployment: $deployment, reason: planted}}\n");
    }
    v1::PutPlaybookRequest request;
    request.set_yaml(yaml);
    const auto put = shelf.PutPlaybook(Person("alice"), request);
    if (!put.ok()) Complain(put.status().ToString());
    fixture_.ledger.reset();  // from here on every process opens its own
  }

  // One process from start to death or to the end of the run. True when the run has ended.
  bool Live() {
    MortalStore store(fixture_.store, boundaries_, scenario_.store_plant);
    if (scenario_.seed) store.LoseRepliesWhen([this] { return random_() % 10 == 0; });
    const std::unique_ptr<Ledger> ledger = fixture_.Open(store);
    const PlaybookShelf shelf(*ledger, fixture_.clock, *fixture_.log, catalogue_.Specs());
    RunDesk desk(*ledger, fixture_.clock, *fixture_.log, shelf, catalogue_.Specs());
    RunPump pump(*ledger, fixture_.clock, *fixture_.log, catalogue_);
    for (int drives = 0; drives < kDrivesPerLifeMax && !boundaries_.dead(); ++drives) {
      if (!Exists()) {
        (void)ledger->Transact(
            [&](Draft& draft) { return desk.StartTriggered(draft, IncidentFor(scenario_)).status(); });
        continue;
      }
      const absl::StatusOr<DriveResult> driven = pump.Drive(kRun);
      if (boundaries_.dead()) return false;
      CheckForward();
      if (!driven.ok()) {
        fixture_.clock.Advance(absl::Seconds(2));
      } else if (driven->ended) {
        return true;
      } else if (!AnswerWhatIsAsked(desk)) {
        if (driven->wake_at == absl::InfiniteFuture()) Complain("progress: the run waits for nothing");
        fixture_.clock.Set(std::max(driven->wake_at, fixture_.clock.Now()));
      }
    }
    return false;
  }

  std::optional<v1::PlaybookRun> Stored() const {
    auto found = FindRecord(fixture_.store, keys::Run(kRun));
    return found.ok() ? *found : std::nullopt;
  }
  bool Exists() const { return Stored().has_value(); }

  bool AnswerWhatIsAsked(RunDesk& desk) {
    const v1::PlaybookRun run = *Stored();
    for (const v1::StepState& state : run.steps()) {
      if (state.phase() != v1::STEP_PHASE_ASKING || state.votes_size() > 0) continue;
      v1::AnswerApprovalRequest request;
      request.set_run(run.id());
      request.set_step(state.path());
      request.set_subject_digest(state.subject_digest());
      request.set_approve(!scenario_.deny);
      const auto answered = desk.AnswerApproval(Person("bob"), request);
      if (!answered.ok() && !absl::IsUnavailable(answered.status())) Complain(answered.status().ToString());
      return true;
    }
    return false;
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
    std::string after;
    uint64_t expected = 0;
    auto page = ListRecords(fixture_.store, keys::RunRecords(kRun), "", 1000);
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
    const auto lock = FindRecord(fixture_.store, keys::RunLock(run->lock_key()));
    if (!lock.ok() || !*lock || !(*lock)->run().empty()) Complain("index: the lock is still held");
    const auto active = FindRecord(fixture_.store, keys::ActiveRun(kRun));
    if (!active.ok() || active->has_value()) Complain("index: the run is still active");
    // Provenance: every effect that reached the world belongs to a step of the stored run.
    std::set<std::string> effects;
    for (const v1::StepState& state : run->steps()) {
      if (!state.effect_id().empty()) effects.insert(state.effect_id());
    }
    for (const auto& [effect, calls] : world_.performed) {
      if (effects.count(effect) == 0) Complain(StrCat("provenance: effect ", effect, " belongs to no step"));
    }
    for (const auto& [what, count] : world_.changes) {
      if (count > 1 && what != "incident.note") Complain(StrCat("economy: ", what, " happened ", count, " times"));
    }
    const int lost = boundaries_.died() + world_.refusals + world_.pendings + lost_commits_allowed();
    if (world_.calls > static_cast<int>(effects.size()) + lost) {
      Complain(StrCat("economy: ", world_.calls, " calls for ", effects.size(), " effects and ", lost, " losses"));
    }
  }

  // A lost commit reply may repeat the effect before it once; how often replies get lost is the seed's business.
  int lost_commits_allowed() const { return scenario_.seed ? kDrivesPerLifeMax : 0; }

  void CheckApprovals(const v1::PlaybookRun& run) {
    std::map<std::string, int> asked;
    auto page = ListRecords(fixture_.store, keys::RunRecords(kRun), "", 1000);
    if (!page.ok()) return;
    for (const auto& [key, record] : page->records) {
      for (const store::v1::RunEvent& event : record.events()) {
        if (event.has_asked() && ++asked[event.asked().path()] > 1)
          Complain("approval: the same question was asked twice");
      }
    }
    for (const v1::StepState& state : run.steps()) {
      if (state.votes_size() > 1) Complain("approval: one person was counted twice");
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
  uint64_t last_sequence_ = 0;
};

}  // namespace

Result Simulate(const Scenario& scenario) { return Simulation(scenario).Run(); }

}  // namespace firebreak::testing
