#include "services/runs/new_run.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/expression.h"
#include "firebreak/playbooks/incident_values.h"
#include "firebreak/runs/apply.h"
#include "firebreak/storage/keys/runs.h"
#include "services/runs/resolve.h"
#include "services/runs/run_writer.h"

namespace firebreak {
namespace {

using google::protobuf::Value;

constexpr int kWaitingMax = 64;  // runs in line for one lock
constexpr int kAttachedMax = 64;  // incidents that join one run; the next waits in line
constexpr size_t kInputsBytesMax = 64 * 1024;

absl::Status CheckGiven(const v1::Playbook& playbook, const google::protobuf::Struct& inputs) {
  if (inputs.ByteSizeLong() > kInputsBytesMax) return absl::InvalidArgumentError("inputs are larger than 64 KiB");
  std::vector<std::string> known;
  for (const v1::InputDeclaration& input : playbook.inputs()) known.push_back(input.name());
  for (const auto& [name, value] : inputs.fields()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string nearest = NearestName(name, known);
    return absl::InvalidArgumentError(
        StrCat("playbook ", playbook.name(), " has no input ", name,
               nearest.empty() ? std::string() : StrCat(" (next: did you mean ", nearest, ")")));
  }
  return absl::OkStatus();
}

// deployment/$input -> deployment/fraud-prod
absl::Status BindLock(const v1::Playbook& playbook, v1::PlaybookRun& run) {
  if (!playbook.has_lock()) return absl::OkStatus();
  const std::string_view text = playbook.lock().text();
  const size_t dollar = text.find('$');
  if (dollar == std::string_view::npos) return absl::InvalidArgumentError(StrCat("lock ", text, " names no input"));
  ASSIGN_OR_RETURN(const Value value, EvaluateText(text.substr(dollar), ValuesOf(run)));
  RETURN_IF_ERROR(CheckName("deployment", value.string_value()));
  run.set_lock_key(StrCat(text.substr(0, dollar), value.string_value()));
  run.set_deployment(value.string_value());
  return absl::OkStatus();
}

void AddPending(const NodeList& list, const std::string& path, v1::PlaybookRun& run) {
  for (const Node* node : list.nodes) {
    if (run.steps_size() >= kRunStepsMax) return;
    v1::StepState& state = *run.add_steps();
    state.set_path(path + list.link + node->step->name());
    state.set_phase(v1::STEP_PHASE_PENDING);
    if (node->kind == StepKind::kDo) state.set_action(node->step->do_().action());
    if (node->kind == StepKind::kAsk) {
      state.set_question(node->step->ask().question());
      *state.mutable_roles() = node->step->ask().roles();
      state.set_need(node->step->ask().need());
    }
    const std::string inside = node->IsLoop() ? StrCat(state.path(), "[1]") : state.path();
    for (const NodeList& lower : node->lists) AddPending(lower, inside, run);
  }
}

bool CanJoin(const v1::PlaybookRun& holder, const v1::PlaybookRun& run) {
  return holder.playbook() == run.playbook() && !holder.cancel_requested() && holder.attached_size() < kAttachedMax;
}

// The run of the same playbook that `run` may join: the holder of the lock or one in line. Another playbook's run does not do
// what this one is for.
absl::StatusOr<std::optional<v1::PlaybookRun>> FindHost(Draft& draft, const store::v1::RunLock& lock,
                                                        const v1::PlaybookRun& run) {
  std::vector<std::string> hosts(lock.waiting().begin(), lock.waiting().end());
  if (!lock.run().empty()) hosts.insert(hosts.begin(), lock.run());
  for (const std::string& id : hosts) {
    ASSIGN_OR_RETURN(v1::PlaybookRun host, draft.Load(keys::Run(RunId(id)), StrCat("run ", id)));
    if (CanJoin(host, run)) return std::optional<v1::PlaybookRun>(std::move(host));
  }
  return std::optional<v1::PlaybookRun>();
}

// `run` is not started; its incident joins `host`, which settles it at its end.
absl::StatusOr<Started> JoinRun(Draft& draft, v1::PlaybookRun host, const v1::PlaybookRun& run, absl::Time now,
                                const IncidentHooks& hooks) {
  const auto& attached = host.attached();
  const bool known = run.incident().empty() || run.incident() == host.incident() ||
                     std::find(attached.begin(), attached.end(), run.incident()) != attached.end();
  if (known) return Started{std::move(host), true, false};
  store::v1::RunEvent event;
  *event.mutable_time() = ToProto(now);
  event.mutable_incident_attached()->set_incident(run.incident());
  event.mutable_incident_attached()->set_identity(run.started_by());
  host = Apply(std::move(host), event);
  RETURN_IF_ERROR(WriteEvents(draft, host, {event}, hooks));
  return Started{std::move(host), true, true};
}

// The holder is cancelled: it settles what is under way, does what it always does and leaves containment where it is.
absl::Status Preempt(Draft& draft, v1::PlaybookRun holder, const v1::PlaybookRun& run, absl::Time now,
                     const IncidentHooks& hooks) {
  store::v1::RunEvent event;
  *event.mutable_time() = ToProto(now);
  store::v1::CancelRequested& cancel = *event.mutable_cancel_requested();
  cancel.set_identity(run.started_by());
  cancel.set_preempted_by(run.id());
  cancel.set_reason(StrCat("playbook ", run.playbook(), " is more severe: ", run.severity(), " over ", holder.severity()));
  holder = Apply(std::move(holder), event);
  return WriteEvents(draft, holder, {event}, hooks);
}

// At the end, or before every less severe run when this one may preempt; then the holder gives way too if it is less severe.
absl::Status StandInLine(Draft& draft, const v1::PlaybookRun& run, store::v1::RunLock& lock, absl::Time now,
                         const IncidentHooks& hooks) {
  int place = lock.waiting_size();
  if (run.if_locked() == "preempt") {
    for (; place > 0; --place) {
      ASSIGN_OR_RETURN(const std::optional<v1::PlaybookRun> before, draft.Find(keys::Run(RunId(lock.waiting(place - 1)))));
      if (before && before->severity() >= run.severity()) break;
    }
    ASSIGN_OR_RETURN(std::optional<v1::PlaybookRun> holder, draft.Find(keys::Run(RunId(lock.run()))));
    if (holder && !lock.run().empty() && holder->severity() < run.severity() && !holder->cancel_requested() && !HasEnded(*holder))
      RETURN_IF_ERROR(Preempt(draft, *std::move(holder), run, now, hooks));
  }
  lock.add_waiting(run.id());
  std::rotate(lock.mutable_waiting()->begin() + place, lock.mutable_waiting()->end() - 1, lock.mutable_waiting()->end());
  return absl::OkStatus();
}

// Settles what a held lock means for `run`: an answer to give back, or nullopt to go on (with the lock or in line).
absl::StatusOr<std::optional<Started>> TakeOrWait(Draft& draft, v1::PlaybookRun& run, absl::Time now,
                                                  const IncidentHooks& hooks) {
  ASSIGN_OR_RETURN(std::optional<store::v1::RunLock> found, draft.Find(keys::RunLock(run.lock_key())));
  store::v1::RunLock lock = found.value_or(store::v1::RunLock());
  if (run.if_locked() == "attach" || run.if_locked() == "preempt") {
    ASSIGN_OR_RETURN(std::optional<v1::PlaybookRun> host, FindHost(draft, lock, run));
    if (host) {
      ASSIGN_OR_RETURN(Started joined, JoinRun(draft, *std::move(host), run, now, hooks));
      return std::optional<Started>(std::move(joined));
    }
  }
  if (!lock.run().empty() && run.if_locked() == "fail") {
    return absl::FailedPreconditionError(
        StrCat(run.lock_key(), " is locked by ", lock.run(), " (next: firebreak run show ", lock.run(), ")"));
  }
  if (!lock.run().empty() || lock.waiting_size() > 0) {
    if (lock.waiting_size() >= kWaitingMax)
      return absl::ResourceExhaustedError(StrCat(kWaitingMax, " runs already wait for ", run.lock_key()));
    RETURN_IF_ERROR(StandInLine(draft, run, lock, now, hooks));
    run.set_state(v1::RUN_STATE_WAITING_FOR_LOCK);
  } else {
    lock.set_run(run.id());
    lock.set_fence(lock.fence() + 1);
    *lock.mutable_taken_at() = ToProto(now);
    run.set_fence(lock.fence());
  }
  draft.Put(keys::RunLock(run.lock_key()), lock);
  return std::optional<Started>();
}

}  // namespace

absl::StatusOr<v1::PlaybookRun> DrawRun(const RunOrder& order, absl::Time now) {
  const v1::Playbook& playbook = order.playbook.playbook();
  v1::PlaybookRun run;
  run.set_playbook(playbook.name());
  run.set_playbook_digest(playbook.digest());
  run.set_playbook_author(order.playbook.stored_by());
  run.set_incident(order.incident.id());
  run.set_deployment(order.incident.deployment());
  run.set_started_by(order.started_by);
  run.set_reason(order.reason);
  run.set_plan_digest(order.plan_digest);
  run.set_severity(playbook.severity());
  run.set_state(v1::RUN_STATE_RUNNING);
  run.set_phase(v1::RUN_PHASE_FORWARD);
  run.set_if_locked(playbook.if_locked().empty() ? "attach" : playbook.if_locked());
  *run.mutable_started_at() = ToProto(now);
  *run.mutable_deadline_at() =
      ToProto(now + (playbook.has_timeout() ? FromProto(playbook.timeout()) : kDefaultRunTimeout));
  if (!order.incident.id().empty()) *run.mutable_incident_values() = IncidentValues(order.incident);
  RETURN_IF_ERROR(CheckGiven(playbook, order.inputs));
  ASSIGN_OR_RETURN(*run.mutable_inputs(), BindInputs(playbook, order.inputs, ValuesOf(run)));
  if (run.deployment().empty()) {
    for (const v1::InputDeclaration& input : playbook.inputs()) {
      if (input.type() == "deployment") run.set_deployment(run.inputs().fields().at(input.name()).string_value());
    }
  }
  RETURN_IF_ERROR(BindLock(playbook, run));
  return run;
}

bool TriggerMatches(const v1::Playbook& playbook, const v1::Incident& incident) {
  if (!playbook.has_trigger() || playbook.trigger().event() != "incident.opened") return false;
  if (!playbook.trigger().has_when()) return true;
  v1::PlaybookRun probe;
  *probe.mutable_incident_values() = IncidentValues(incident);
  // A field the incident does not have cannot make a trigger fire.
  const absl::StatusOr<Value> value = EvaluateText(playbook.trigger().when().text(), ValuesOf(probe));
  return value.ok() && value->bool_value();
}

absl::StatusOr<Started> StartIn(Draft& draft, const Program& program, v1::PlaybookRun run, absl::Time now,
                                const IncidentHooks& hooks) {
  ASSIGN_OR_RETURN(const uint64_t number, draft.NextNumber("RUN"));
  run.set_id(NumberedId("RUN", number));
  if (!run.lock_key().empty()) {
    ASSIGN_OR_RETURN(std::optional<Started> attached, TakeOrWait(draft, run, now, hooks));
    if (attached) return *std::move(attached);
  }
  store::v1::RunEvent event;
  *event.mutable_time() = ToProto(now);
  *event.mutable_run_started()->mutable_run() = std::move(run);
  std::vector<store::v1::RunEvent> events;
  events.push_back(std::move(event));
  LoadedRun loaded(program, v1::PlaybookRun());
  Progress progress =
      DecideAll(loaded, std::move(events), {now, ""}, {.entries_max = 3, .stops_before_once = true});
  RETURN_IF_ERROR(WriteEvents(draft, loaded.mutable_run(), std::move(progress.events), hooks));
  const auto& techniques = program.playbook().techniques();
  if (hooks.add_techniques && !loaded.run().incident().empty() && !techniques.empty()) {
    RETURN_IF_ERROR(hooks.add_techniques(draft, IncidentId(loaded.run().incident()), {techniques.begin(), techniques.end()}));
  }
  return Started{loaded.run(), false, false};
}

void AddPendingSteps(const Program& program, v1::PlaybookRun& run) {
  AddPending(program.steps(), "", run);
  AddPending(program.handlers(), "", run);
}

}  // namespace firebreak
