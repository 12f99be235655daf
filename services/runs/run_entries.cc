// What the audit log says about a run's events.
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "services/runs/run_writer.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

constexpr size_t kSummaryBytesMax = 512;
constexpr size_t kFactBytesMax = 256;

// Cuts at a character's start, so that the rest stays UTF-8.
std::string Shorten(std::string text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

std::string_view StateName(v1::RunState state) {
  switch (state) {
    case v1::RUN_STATE_SUCCEEDED:
      return "succeeded";
    case v1::RUN_STATE_FAILED:
      return "failed";
    case v1::RUN_STATE_CANCELLED:
      return "was cancelled";
    case v1::RUN_STATE_RUNNING:
      return "is running";
    case v1::RUN_STATE_WAITING_FOR_LOCK:
      return "waits for the lock";
    case v1::RUN_STATE_WAITING_FOR_APPROVAL:
      return "waits for approval";
    case v1::RUN_STATE_PAUSED:
      return "is paused";
    case v1::RUN_STATE_UNSPECIFIED:
    case v1::RunState_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::RunState_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return "is in an unknown state";
}

class EntryWriter {
 public:
  explicit EntryWriter(const v1::PlaybookRun& run) : run_(run) {
    entry_.set_actor(ServiceCaller().identity.text());
    entry_.add_subjects(StrCat("run/", run.id()));
    if (!run.incident().empty()) entry_.add_subjects(StrCat("incident/", run.incident()));
    if (!run.deployment().empty()) entry_.add_subjects(StrCat("deployment/", run.deployment()));
    Fact("playbook", run.playbook());
  }

  EntryWriter& Act(std::string_view action, std::string summary) {
    entry_.set_action(std::string(action));
    entry_.set_summary(Shorten(std::move(summary), kSummaryBytesMax));
    return *this;
  }
  EntryWriter& By(const std::string& actor) {
    if (!actor.empty()) entry_.set_actor(actor);
    return *this;
  }
  EntryWriter& Fact(const std::string& name, std::string_view value) {
    if (!value.empty()) (*entry_.mutable_facts())[name] = Shorten(std::string(value), kFactBytesMax);
    return *this;
  }
  EntryWriter& About(const std::string& subject) {
    entry_.add_subjects(subject);
    return *this;
  }
  v1::AuditEntry Take() { return std::move(entry_); }

  // "step contain" with the facts every step's entry has.
  std::string Step(const std::string& path) {
    Fact("step", path);
    if (const v1::StepState* state = FindState(run_, path)) {
      Fact("action", state->action());
      Fact("effect", state->effect_id());
    }
    return StrCat(run_.id(), " step ", path);
  }

 private:
  const v1::PlaybookRun& run_;
  v1::AuditEntry entry_;
};

void DescribeDone(const v1::PlaybookRun& run, const store::v1::StepDone& done, EntryWriter& to) {
  const std::string step = to.Step(done.path());
  const auto decision = done.outputs().fields().find("decision");
  const v1::StepState* state = FindState(run, done.path());
  if (state != nullptr && state->need() > 0 && decision != done.outputs().fields().end()) {
    const bool expired = done.outputs().fields().at("expired").bool_value();
    to.Act("approval.closed",
           StrCat(step, expired ? ": nobody decided in time, denied"
                                : (decision->second.string_value() == "approve" ? ": approved" : ": denied")));
    to.Fact("decision", decision->second.string_value()).Fact("subject_digest", state->subject_digest());
  } else if (IsUndoPath(done.path())) {
    to.Act("step.undone", StrCat(step, " done"));
  } else {
    to.Act("step.done", StrCat(step, " done"));
  }
}

void DescribeStart(const v1::PlaybookRun& run, const store::v1::RunStarted& started, EntryWriter& to) {
  const bool waits = started.run().state() == v1::RUN_STATE_WAITING_FOR_LOCK;
  to.Act("run.started", StrCat(run.id(), ": playbook ", run.playbook(), " started", waits ? ", waits for the lock" : ""));
  to.By(run.started_by())
      .Fact("playbook_digest", run.playbook_digest())
      .Fact("plan", run.plan_digest())
      .Fact("resumed_from", run.resumed_from())
      .Fact("resumed_step", run.resumed_step())
      .Fact("lock", run.lock_key())
      .Fact("reason", run.reason());
}

void DescribeVote(const std::string& path, const v1::Vote& vote, EntryWriter& to) {
  to.Act("approval.voted", StrCat(to.Step(path), ": ", vote.identity(), vote.approve() ? " approves" : " denies"));
  to.By(vote.identity()).Fact("subject_digest", vote.subject_digest());
  to.Fact("reason", vote.reason());
}

void DescribeAttached(const v1::PlaybookRun& run, const store::v1::IncidentAttached& attached, EntryWriter& to) {
  to.Act("run.attached", StrCat(attached.incident(), " joined ", run.id(), " of playbook ", run.playbook(),
                                ", which has or awaits ", run.lock_key()));
  to.By(attached.identity()).About(StrCat("incident/", attached.incident()));
}

void DescribeEntered(const store::v1::StepEntered& entered, EntryWriter& to) {
  const std::string step = to.Step(entered.path());
  if (entered.branch().empty()) {
    const std::string& digest = entered.playbook_digest();
    to.Act("step.entered", digest.empty() ? StrCat(step, " begins") : StrCat(step, " runs playbook ", digest));
    to.Fact("playbook_digest", digest);
  } else if (entered.branch() == "then" || entered.branch() == "else") {
    to.Act("branch.taken", StrCat(step, entered.condition() ? ": yes" : ": no"));
  } else {
    to.Act("branch.taken", StrCat(step, ": ", entered.branch()));
  }
}

void DescribeCancel(const v1::PlaybookRun& run, const store::v1::CancelRequested& cancel, EntryWriter& to) {
  if (cancel.preempted_by().empty()) {
    to.Act("run.cancel_requested", StrCat(run.id(), " is to be cancelled"));
  } else {
    to.Act("run.preempted", StrCat(run.id(), " gives ", run.lock_key(), " to ", cancel.preempted_by(), ", which is more severe"));
    to.About(StrCat("run/", cancel.preempted_by()));
  }
  to.By(cancel.identity()).Fact("reason", cancel.reason());
}

// What happened to one step. False when there is nothing to say.
bool DescribeStep(const v1::PlaybookRun& run, const RunEvent& event, EntryWriter& to) {
  if (event.has_step_started()) {
    to.Act("step.started", StrCat(to.Step(event.step_started().path()), ": ", event.step_started().action()));
    to.Fact("attempt", StrCat(event.step_started().attempt()));
  } else if (event.has_step_done()) {
    if (event.step_done().by_children()) return false;  // what they did has been said
    DescribeDone(run, event.step_done(), to);
  } else if (event.has_step_failed()) {
    if (event.step_failed().by_children()) return false;
    to.Act("step.failed", StrCat(to.Step(event.step_failed().path()), " failed: ", event.step_failed().error().message()));
  } else if (event.has_step_backing_off()) {
    to.Act("step.retrying", StrCat(to.Step(event.step_backing_off().path()),
                                   " is tried again: ", event.step_backing_off().error().message()));
  } else if (event.has_step_in_doubt()) {
    to.Act("step.in_doubt", StrCat(to.Step(event.step_in_doubt().path()), ": ", event.step_in_doubt().error().message()));
  } else if (event.has_step_resolved()) {
    const store::v1::StepResolved& resolved = event.step_resolved();
    to.Act("step.resolved", StrCat(to.Step(resolved.path()), resolved.happened() ? " did happen" : " did not happen", ", says ",
                                   resolved.identity()));
    to.By(resolved.identity()).Fact("reason", resolved.reason());
  } else if (event.has_branch_taken()) {
    to.Act("branch.taken", StrCat(to.Step(event.branch_taken().path()), event.branch_taken().condition() ? ": yes" : ": no"));
  } else if (event.has_step_entered()) {
    DescribeEntered(event.step_entered(), to);
  } else if (event.has_round_entered()) {
    to.Act("step.round", StrCat(to.Step(event.round_entered().path()), ": round ", event.round_entered().round()));
  } else if (event.has_step_delayed()) {
    to.Act("step.delayed", StrCat(to.Step(event.step_delayed().path()), " begins at ",
                                  FormatRfc3339(FromProto(event.step_delayed().until()))));
  } else if (event.has_asked()) {
    to.Act("approval.asked", StrCat(to.Step(event.asked().path()), " asks: ", event.asked().question()));
    to.Fact("subject_digest", event.asked().subject_digest()).Fact("roles", absl::StrJoin(event.asked().roles(), ", "));
    to.Fact("need", StrCat(event.asked().need()));
  } else if (event.has_voted()) {
    DescribeVote(event.voted().path(), event.voted().vote(), to);
  } else {
    return false;
  }
  return true;
}

// What happened to the run as a whole. False when there is nothing to say.
bool DescribeRun(const v1::PlaybookRun& run, const RunEvent& event, EntryWriter& to) {
  if (event.has_run_started()) {
    DescribeStart(run, event.run_started(), to);
  } else if (event.has_lock_taken()) {
    to.Act("run.lock_taken", StrCat(run.id(), " has the lock ", run.lock_key())).Fact("fence", StrCat(event.lock_taken().fence()));
  } else if (event.has_cancel_requested()) {
    DescribeCancel(run, event.cancel_requested(), to);
  } else if (event.has_pause_requested()) {
    to.Act("run.paused", StrCat(run.id(), " is paused: it begins nothing new")).By(event.pause_requested().identity());
    to.Fact("reason", event.pause_requested().reason());
  } else if (event.has_continue_requested()) {
    to.Act("run.continued", StrCat(run.id(), " goes on")).By(event.continue_requested().identity());
    to.Fact("reason", event.continue_requested().reason());
  } else if (event.has_phase_entered()) {
    if (!event.phase_entered().has_error()) return false;
    to.Act("run.failing", StrCat(run.id(), " goes no further: ", event.phase_entered().error().message()));
  } else if (event.has_incident_attached()) {
    DescribeAttached(run, event.incident_attached(), to);
  } else if (event.has_run_finished()) {
    const store::v1::RunFinished& finished = event.run_finished();
    to.Act("run.finished", StrCat(run.id(), ": playbook ", run.playbook(), " ", StateName(finished.state())));
    to.Fact("state", StateName(finished.state())).Fact("error", finished.error().message());
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<v1::AuditEntry> EntryFor(const v1::PlaybookRun& run, const RunEvent& event) {
  EntryWriter to(run);
  if (!DescribeStep(run, event, to) && !DescribeRun(run, event, to)) return std::nullopt;
  return to.Take();
}

bool MakesEntry(const RunEvent& event) {
  if (event.has_phase_entered()) return event.phase_entered().has_error();
  return event.kind_case() != RunEvent::KIND_NOT_SET && !event.step_done().by_children() && !event.step_failed().by_children();
}

std::vector<v1::AuditEntry> EntriesFor(const v1::PlaybookRun& run, const store::v1::RunRecord& record) {
  std::vector<v1::AuditEntry> entries;
  for (const RunEvent& event : record.events()) {
    if (std::optional<v1::AuditEntry> entry = EntryFor(run, event)) entries.push_back(*std::move(entry));
  }
  if (entries.empty()) entries.push_back(EntryWriter(run).Act("run.moved", StrCat(run.id(), " went on")).Take());
  return entries;
}

}  // namespace firebreak
