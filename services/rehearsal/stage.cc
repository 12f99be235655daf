#include "services/rehearsal/stage.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/playbooks/value_type.h"
#include "firebreak/runs/apply.h"
#include "firebreak/runs/outcome.h"

namespace firebreak {
namespace {

constexpr int kMovesMax = 200'000;

absl::Status FailureOf(const DeclaredOutcome& outcome) {
  for (int code = 1; code <= 16; ++code) {
    const auto status_code = static_cast<absl::StatusCode>(code);
    if (absl::StatusCodeToString(status_code) == outcome.fail)
      return absl::Status(status_code, outcome.message.empty() ? "declared in the table" : outcome.message);
  }
  return absl::UnknownError(outcome.message);
}

// What the declared outputs lack or have wrong, by the action's spec; empty = nothing.
std::string OutputFault(const ActionSpec& spec, const google::protobuf::Struct& outputs) {
  for (const ActionField& field : spec.outputs) {
    const auto found = outputs.fields().find(field.name);
    if (found == outputs.fields().end()) {
      if (field.required) return StrCat("output ", field.name, " (", field.type, ") is missing");
      continue;
    }
    const std::optional<DataType> type = ParseType(field.type);
    if (type && !ValueMatches(found->second, *type))
      return StrCat("output ", field.name, " = ", DisplayValue(found->second), " is no ", field.type);
  }
  for (const auto& [name, value] : outputs.fields()) {
    if (std::none_of(spec.outputs.begin(), spec.outputs.end(), [&, key = &name](const ActionField& field) { return field.name == *key; }))
      return StrCat("it has no output ", name);
  }
  return "";
}

}  // namespace

std::string_view StepNameOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return path.substr(0, path.find('['));
}

bool NamesStep(std::string_view wanted, std::string_view path) { return wanted == path || wanted == StepNameOf(path); }

Stage::Stage(const Program& program, const TestCase& one, v1::PlaybookRun run, absl::Time start, RehearsalResult& result)
    : program_(program), case_(one), run_(std::move(run)), start_(start), now_(start), result_(result),
      voted_(one.votes.size(), false) {}

void Stage::Say(std::string_view path, std::string_view what) {
  result_.lines.push_back({now_ - start_, StrCat(path, ": ", what)});
}

void Stage::Take(const store::v1::RunEvent& event) {
  if (event.has_step_started()) {
    own_.insert(event.step_started().path());
    Say(event.step_started().path(), StrCat(event.step_started().attempt() > 1 ? "tries again " : "begins ", event.step_started().action()));
  } else if (event.has_step_done()) {
    const auto& outputs = event.step_done().outputs().fields();
    const auto decision = outputs.find("decision");
    const v1::StepState* state = FindState(run_, event.step_done().path());
    const bool asked = state != nullptr && state->phase() == v1::STEP_PHASE_ASKING && decision != outputs.end();
    Say(event.step_done().path(), asked ? StrCat("is answered: ", decision->second.string_value()) : "is done");
  } else if (event.has_step_failed()) {
    Say(event.step_failed().path(), StrCat("fails: ", event.step_failed().error().message()));
  } else if (event.has_step_backing_off()) {
    Say(event.step_backing_off().path(), StrCat("will try again: ", event.step_backing_off().error().message()));
  } else if (event.has_asked()) {
    Say(event.asked().path(), StrCat("asks ", absl::StrJoin(event.asked().roles(), ", "), ": ", event.asked().question()));
  } else if (event.has_step_delayed()) {
    Say(event.step_delayed().path(), "waits before it begins");
  }
  run_ = Apply(std::move(run_), event);
}

const DeclaredOutcome* Stage::OutcomeOf(std::string_view path, const std::string& action) {
  for (const std::string& key : {std::string(path), std::string(StepNameOf(path)), action}) {
    const auto found = case_.outcomes.find(key);
    if (found == case_.outcomes.end()) continue;
    size_t& used = answered_[key];
    const DeclaredOutcome* outcome = &found->second[std::min(used, found->second.size() - 1)];
    ++used;
    return outcome;
  }
  return nullptr;
}

// The answer to a call that begins now; nullopt when the table does not say (which is a failure of the case).
std::optional<Stage::UnderWay> Stage::Call(const std::string& path) {
  const v1::StepState* state = FindState(run_, path);
  const ActionSpec* spec = state == nullptr ? nullptr : program_.FindAction(state->action());
  if (spec == nullptr) {
    result_.failures.push_back(StrCat("step ", path, ": its action is not known here"));
    return std::nullopt;
  }
  calls_.push_back(spec->name);
  const DeclaredOutcome* outcome = OutcomeOf(path, spec->name);
  static const DeclaredOutcome kNothingToSay;
  if (outcome == nullptr) outcome = &kNothingToSay;  // fine for an action without outputs
  if (!outcome->fail.empty()) return UnderWay{now_ + outcome->takes, FailureOf(*outcome)};
  if (const std::string fault = OutputFault(*spec, outcome->outputs); !fault.empty()) {
    result_.failures.push_back(StrCat("step ", path, ": no good outcome is declared for ", spec->name, ": ", fault));
    return std::nullopt;
  }
  return UnderWay{now_ + outcome->takes, ActionResult(ActionDone{outcome->outputs})};
}

bool Stage::PerformAll(const Perform& perform) {
  std::vector<std::string> paths = perform.paths;
  if (paths.empty()) paths.push_back(perform.path);
  absl::Time next = perform.until;
  for (const std::string& path : paths) {
    auto found = under_way_.find(path);
    if (found == under_way_.end()) {
      std::optional<UnderWay> begun = Call(path);
      if (!begun) return false;
      found = under_way_.emplace(path, *std::move(begun)).first;
    }
    const v1::StepState* state = FindState(run_, path);
    const absl::Time deadline = state->has_deadline_at() ? FromProto(state->deadline_at()) : absl::InfiniteFuture();
    const bool ready = found->second.ready <= now_;
    if (ready || deadline <= now_) {
      const absl::StatusOr<ActionResult> pending(ActionResult(ActionPending{absl::Seconds(1), "the table's clock"}));
      std::optional<store::v1::RunEvent> event =
          OutcomeEvent(program_, run_, path, ready ? found->second.answer : pending, now_);
      if (event) {
        under_way_.erase(found);
        Take(*event);
        return true;
      }
      next = std::min(next, now_ + absl::Seconds(1));
      continue;
    }
    next = std::min({next, found->second.ready, deadline});
  }
  return Wait(next);
}

std::optional<absl::Time> Stage::NextOutside() const {
  std::optional<absl::Time> next;
  const auto consider = [&next](absl::Time time) { next = next ? std::min(*next, time) : time; };
  if (case_.cancel_at && !cancelled_) consider(start_ + *case_.cancel_at);
  for (const v1::StepState& state : run_.steps()) {
    if (state.phase() != v1::STEP_PHASE_ASKING) continue;
    for (size_t i = 0; i < voted_.size(); ++i) {
      if (!voted_[i] && NamesStep(case_.votes[i].step, state.path()))
        consider(FromProto(state.started_at()) + case_.votes[i].at);
    }
  }
  return next;
}

bool Stage::Wait(absl::Time until) {
  if (const std::optional<absl::Time> outside = NextOutside()) until = std::min(until, *outside);
  if (until == absl::InfiniteFuture()) {
    result_.failures.push_back("the run waits for something that never happens");
    return false;
  }
  now_ = std::max(now_, until);
  ActOutside();
  return true;
}

// What people do at this moment.
void Stage::ActOutside() {
  if (case_.cancel_at && !cancelled_ && start_ + *case_.cancel_at <= now_) {
    cancelled_ = true;
    store::v1::RunEvent event;
    *event.mutable_time() = ToProto(now_);
    event.mutable_cancel_requested()->set_identity("rehearsal");
    Say("run", "is cancelled");
    Take(event);
  }
  const google::protobuf::RepeatedPtrField<v1::StepState> states = run_.steps();
  for (const v1::StepState& state : states) {
    if (state.phase() != v1::STEP_PHASE_ASKING) continue;
    for (size_t i = 0; i < voted_.size(); ++i) {
      if (voted_[i] || !NamesStep(case_.votes[i].step, state.path()) ||
          FromProto(state.started_at()) + case_.votes[i].at > now_)
        continue;
      voted_[i] = true;
      Vote(case_.votes[i], state);
    }
  }
}

// The same refusals as the service's, so that a table cannot approve what a person could not.
bool Stage::Vote(const DeclaredVote& vote, const v1::StepState& state) {
  const auto& excluded = state.not_identities();
  const auto& roles = state.roles();
  const char* refusal = nullptr;
  if (std::find(excluded.begin(), excluded.end(), vote.by) != excluded.end()) refusal = "may not answer this";
  if (!vote.as.empty() && std::find(roles.begin(), roles.end(), vote.as) == roles.end()) refusal = "has none of its roles";
  Say(state.path(), StrCat(vote.by, refusal != nullptr ? StrCat(" ", refusal) : (vote.approve ? " approves" : " denies")));
  if (refusal != nullptr) return false;
  store::v1::RunEvent event;
  *event.mutable_time() = ToProto(now_);
  event.mutable_voted()->set_path(state.path());
  v1::Vote& cast = *event.mutable_voted()->mutable_vote();
  cast.set_identity(vote.by);
  cast.set_approve(vote.approve);
  cast.set_subject_digest(state.subject_digest());
  *cast.mutable_time() = ToProto(now_);
  Take(event);
  return true;
}

void Stage::Play() {
  for (int moves = 0; moves < kMovesMax && result_.failures.empty(); ++moves) {
    const Move move = Decide(program_, run_, Vantage{.now = now_, .own_intent = {}, .own_intents = &own_});
    if (std::holds_alternative<Finished>(move)) break;
    if (const auto* record = std::get_if<Record>(&move)) {
      Take(record->event);
    } else if (const auto* perform = std::get_if<Perform>(&move)) {
      if (!PerformAll(*perform)) break;
    } else if (const auto* wait = std::get_if<WaitUntil>(&move)) {
      if (!Wait(wait->until)) break;
    }
  }
  if (result_.failures.empty() && !HasEnded(run_)) result_.failures.push_back("the run does not come to an end");
  result_.took = now_ - start_;
  result_.run = run_;
}

}  // namespace firebreak
