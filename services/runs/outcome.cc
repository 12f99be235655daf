#include "firebreak/runs/outcome.h"

#include <algorithm>
#include <string>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/playbooks/value_type.h"
#include "firebreak/runs/decide.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

constexpr size_t kErrorBytesMax = 1024;

void SetError(const absl::Status& status, v1::StepError& error) {
  error.set_code(static_cast<int32_t>(status.code()));
  error.set_message(std::string(MessageOf(status).substr(0, kErrorBytesMax)));
}

RunEvent Failed(std::string_view path, const absl::Status& status) {
  RunEvent event;
  event.mutable_step_failed()->set_path(std::string(path));
  SetError(status, *event.mutable_step_failed()->mutable_error());
  return event;
}

RunEvent InDoubt(std::string_view path, const absl::Status& status) {
  RunEvent event;
  event.mutable_step_in_doubt()->set_path(std::string(path));
  SetError(status, *event.mutable_step_in_doubt()->mutable_error());
  return event;
}

// Doubles from min to max, then varied by up to half so that many runs do not come back at once. The variation hangs on
// the effect id, so deciding again gives the same moment.
absl::Duration Backoff(const v1::Step* step, const v1::StepState& state) {
  absl::Duration lo = kDefaultBackoffMin;
  absl::Duration hi = kDefaultBackoffMax;
  if (step != nullptr && step->retry().has_backoff_min()) {
    lo = FromProto(step->retry().backoff_min());
    hi = FromProto(step->retry().backoff_max());
  }
  absl::Duration wait = lo;
  for (uint32_t i = 1; i < state.attempt() && wait < hi; ++i) wait *= 2;
  wait = std::min(wait, hi);
  const uint64_t roll =
      FromBigEndian64(std::string_view(Sha256(StrCat(state.effect_id(), "/", state.attempt())).raw()).substr(0, 8));
  const double share = 0.5 + 0.5 * (static_cast<double>(roll >> 11) / 9007199254740992.0);
  return std::max(lo / 2, wait * share);
}

// The answer must hold every output the linter let other steps rely on.
absl::Status CheckOutputs(const ActionSpec& spec, const google::protobuf::Struct& outputs, const LoadedRun& run) {
  if (outputs.ByteSizeLong() > kOutputsBytesMax || run.bytes() + outputs.ByteSizeLong() > kRunBytesMax) {
    return absl::ResourceExhaustedError(
        StrCat(spec.name, " answered ", outputs.ByteSizeLong(), " bytes: more than a run may hold"));
  }
  for (const ActionField& field : spec.outputs) {
    const auto found = outputs.fields().find(field.name);
    if (found == outputs.fields().end()) {
      if (!field.required) continue;
      return absl::InternalError(StrCat(spec.name, " did not answer its output ", field.name));
    }
    const std::optional<DataType> type = ParseType(field.type);
    // A reference may be empty ("no previous release"); everything else is as declared.
    const bool text = found->second.kind_case() == google::protobuf::Value::kStringValue;
    if (type && !ValueMatches(found->second, *type) && !(text && type->kind != ValueType::kEnum && Accepts(ValueType::kString, *type))) {
      return absl::InternalError(StrCat(spec.name, " answered an output ", field.name, " that is no ", field.type));
    }
  }
  return absl::OkStatus();
}

struct Attempt {
  const v1::PlaybookRun& run;
  const v1::StepState& state;
  const Node* node;  // nullptr: not of this playbook
  const ActionSpec* spec;
  absl::Time now;

  const v1::Step* step() const { return node == nullptr ? nullptr : node->step; }

  absl::Time limit() const {
    const absl::Time deadline = FromProto(state.deadline_at());
    return run.phase() <= v1::RUN_PHASE_FORWARD && run.has_deadline_at()
               ? std::min(deadline, FromProto(run.deadline_at()))
               : deadline;
  }
  bool is_once() const { return spec != nullptr && spec->action_class == ActionClass::kOnce; }
  // What always runs is not given up for a cancel.
  bool is_cancelled() const {
    return run.cancel_requested() && run.phase() <= v1::RUN_PHASE_FORWARD && !IsAlways(node);
  }
  bool is_excepted(const absl::Status& status) const {
    if (step() == nullptr) return false;
    const auto& codes = step()->retry().unless();
    return std::find(codes.begin(), codes.end(), absl::StatusCodeToString(status.code())) != codes.end();
  }
};

std::optional<RunEvent> AfterPending(const Attempt& attempt, const ActionPending& pending) {
  const std::string& path = attempt.state.path();
  if (attempt.is_once()) return InDoubt(path, absl::UnavailableError(StrCat("not confirmed: ", pending.waiting_for)));
  if (attempt.is_cancelled())
    return Failed(path, absl::CancelledError(StrCat("cancelled while waiting for ", pending.waiting_for)));
  if (attempt.now >= attempt.limit()) {
    return Failed(path, absl::DeadlineExceededError(StrCat("timed out waiting for ", pending.waiting_for)));
  }
  return std::nullopt;
}

RunEvent AfterError(const Attempt& attempt, const absl::Status& status) {
  const std::string& path = attempt.state.path();
  if (attempt.is_once() && (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)))
    return InDoubt(path, status);
  if (!IsRetryable(status) || attempt.is_excepted(status) || attempt.is_cancelled()) return Failed(path, status);
  const v1::Step* step = attempt.step();
  const uint32_t times = step != nullptr && step->has_retry() ? step->retry().times() : kDefaultRetryTimes;
  const absl::Time wake = attempt.now + Backoff(step, attempt.state);
  if (attempt.state.attempt() > times || wake >= attempt.limit()) {
    return Failed(path, absl::Status(status.code(),
                                     StrCat(MessageOf(status), " (attempt ", attempt.state.attempt(), ", no more)")));
  }
  RunEvent event;
  event.mutable_step_backing_off()->set_path(path);
  SetError(status, *event.mutable_step_backing_off()->mutable_error());
  *event.mutable_step_backing_off()->mutable_wake_at() = ToProto(wake);
  return event;
}

}  // namespace

bool IsRetryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) || absl::IsDeadlineExceeded(status);
}

std::optional<RunEvent> OutcomeEvent(const Program& program, const v1::PlaybookRun& run, std::string_view path,
                                     const absl::StatusOr<ActionResult>& result, absl::Time now) {
  return OutcomeEvent(LoadedRun(program, run), path, result, now);
}

std::optional<RunEvent> OutcomeEvent(const LoadedRun& run, std::string_view path, const absl::StatusOr<ActionResult>& result,
                                     absl::Time now) {
  const v1::StepState* state = run.Find(path);
  if (state == nullptr || state->phase() != v1::STEP_PHASE_STARTED) return std::nullopt;
  const Attempt attempt{run.run(), *state, run.program().FindNode(path), run.program().FindAction(state->action()), now};
  std::optional<RunEvent> event;
  if (!result.ok()) {
    event = AfterError(attempt, result.status());
  } else if (const auto* pending = std::get_if<ActionPending>(&*result)) {
    event = AfterPending(attempt, *pending);
  } else {
    const google::protobuf::Struct& outputs = std::get<ActionDone>(*result).outputs;
    const absl::Status fits = attempt.spec == nullptr ? absl::OkStatus() : CheckOutputs(*attempt.spec, outputs, run);
    if (fits.ok()) {
      event.emplace();
      event->mutable_step_done()->set_path(std::string(path));
      *event->mutable_step_done()->mutable_outputs() = outputs;
    } else {
      event = Failed(path, fits);
    }
  }
  if (!event) return event;
  *event->mutable_time() = ToProto(now);
  if (event->has_step_failed() && attempt.step() != nullptr && !IsUndoPath(path))
    event->mutable_step_failed()->set_continued(attempt.step()->continue_on_failure());
  return event;
}

}  // namespace firebreak
