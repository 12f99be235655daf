#include "clients/agent/agent_loop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/signing/dsse.h"

namespace firebreak {
namespace {

constexpr absl::Duration kSaveCheckpointEvery = absl::Minutes(1);   // it grows with every entry; a sync each time is too much

// The second line of a signed checkpoint (C2SP tlog-checkpoint); 0 when it is none. Only who signed it can tell whether it is true.
uint64_t CheckpointSize(const std::string& note) {
  const size_t begin = note.find('\n');
  if (begin == std::string::npos) return 0;
  const size_t end = note.find('\n', begin + 1);
  uint64_t size = 0;
  if (end == std::string::npos || !absl::SimpleAtoi(note.substr(begin + 1, end - begin - 1), &size)) return 0;
  return size;
}

constexpr int kChainPagesMax = 4096;   // of 256 decisions: an endless chain is an attack, not a history

}  // namespace

absl::Duration BackoffAfter(int failures, const LoopOptions& options, Random& random) {
  absl::Duration wait = options.retry_first;
  for (int i = 1; i < failures && wait < options.retry_max; ++i) wait *= 2;
  return std::min(wait, options.retry_max) * (0.5 + random.Uniform() / 2);
}

AgentLoop::AgentLoop(ServingSlot& slot, ControlPort& control, EcPrivateKey agent_key, const Clock& clock, Random& random,
                     Log& log, const CrashPoints& crash, LoopOptions options)
    : slot_(slot),
      control_(control),
      agent_key_(std::move(agent_key)),
      clock_(clock),
      random_(random),
      log_(log),
      crash_(crash),
      options_(options),
      deployment_(slot.head().deployment.text()),
      slot_epoch_(slot.head().epoch.value),
      slot_head_(slot.head_envelope()) {
  if (absl::StatusOr<std::string> kept = slot_.folder().LoadCheckpoint(); kept.ok()) {
    checkpoint_size_ = CheckpointSize(*kept);
    if (checkpoint_size_ > 0) checkpoint_ = *std::move(kept);
  }
}

void AgentLoop::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  control_.Cancel();
}

bool AgentLoop::NewerWaiting() const {
  absl::MutexLock lock(&mutex_);
  return pushed_.has_value() || stopping_;
}

void AgentLoop::Heard() {
  absl::MutexLock lock(&mutex_);
  last_contact_ = clock_.Now();
  reconnected_ = reconnected_ || !connected_;
  connected_ = true;
}

void AgentLoop::Remember(const std::string& checkpoint) {
  const uint64_t size = CheckpointSize(checkpoint);
  if (size <= checkpoint_size_) return;
  checkpoint_ = checkpoint;
  checkpoint_size_ = size;
  if (clock_.Now() < checkpoint_saved_ + kSaveCheckpointEvery) return;
  const absl::Status saved = slot_.folder().SaveCheckpoint(checkpoint_);
  if (!saved.ok()) log_.Debug("agent.checkpoint-not-saved", {{"error", saved.ToString()}});
  checkpoint_saved_ = clock_.Now();
}

void AgentLoop::Follow() {
  int failures = 0;
  while (true) {
    v1::FollowRequest request;
    request.set_deployment(deployment_);
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      request.set_epoch(slot_epoch_);
      if (slot_epoch_ > 0) *request.mutable_head() = slot_head_;
    }
    request.set_checkpoint(checkpoint_);
    const absl::Status ended = control_.Follow(request, options_.silence_max, [&](const v1::FollowEvent& event) {
      failures = 0;
      Heard();
      Remember(event.checkpoint());
      {
        absl::MutexLock lock(&mutex_);
        wanted_ = std::set<std::string>(event.wanted_chunks().begin(), event.wanted_chunks().end());
        std::erase_if(looked_for_, [&](const std::string& digest) ABSL_NO_THREAD_SAFETY_ANALYSIS { return !wanted_.contains(digest); });
      }
      if (event.has_decision()) {
        absl::MutexLock lock(&mutex_);
        pushed_ = event.decision().envelope();
      }
      WriteStatus();
      return absl::OkStatus();
    });
    ++failures;
    const absl::Duration wait = BackoffAfter(failures, options_, random_);
    if (!absl::IsCancelled(ended)) {
      log_.Warning("agent.contact-lost", {{"error", ended.ToString()}, {"retry_in", absl::FormatDuration(wait)}});
    }
    {
      absl::MutexLock lock(&mutex_);
      connected_ = false;
      last_error_ = ended.ToString();
    }
    WriteStatus();
    absl::MutexLock lock(&mutex_);
    clock_.AwaitUntil(mutex_, absl::Condition(&stopping_), clock_.Now() + wait);
  }
}

absl::Status AgentLoop::Work() {
  absl::Time next_turn = clock_.Now();
  int failures = 0;
  while (true) {
    std::optional<v1::Envelope> pushed;
    {
      absl::MutexLock lock(&mutex_);
      const auto due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || pushed_.has_value() || reconnected_ || (options_.offer && looked_for_.size() < wanted_.size());
      };
      clock_.AwaitUntil(mutex_, absl::Condition(&due), next_turn);
      if (stopping_) return absl::OkStatus();
      pushed.swap(pushed_);
      reconnected_ = false;
    }
    if (pushed) {
      const absl::Status taken = Take(*pushed);
      if (absl::IsCancelled(taken)) return taken;
      if (!taken.ok()) log_.Error("agent.decision-refused", {{"error", taken.ToString()}});
    }
    Offer();
    const absl::Status turn = ConvergeAndReport();
    if (absl::IsCancelled(turn)) return turn;
    failures = turn.ok() ? 0 : failures + 1;
    next_turn = clock_.Now() + (turn.ok() ? options_.prove_every : BackoffAfter(failures, options_, random_));
    WriteStatus();
  }
}

void AgentLoop::Offer() {
  std::set<std::string> wanted;
  {
    absl::MutexLock lock(&mutex_);
    if (!options_.offer || looked_for_.size() >= wanted_.size()) return;
    for (const std::string& digest : wanted_) {
      if (!looked_for_.contains(digest)) wanted.insert(digest);
    }
    looked_for_ = wanted_;   // once: what is not here now, or not taken, will not be either
  }
  const absl::StatusOr<uint64_t> taken = options_.offer(wanted, slot_.HeldSnapshots());
  if (!taken.ok()) {
    log_.Warning("agent.offer-failed", {{"error", taken.status().ToString()}});
  } else if (*taken > 0) {
    log_.Info("agent.chunks-offered", {{"taken", StrCat(*taken)}});
  }
}

absl::Status AgentLoop::Take(const v1::Envelope& pushed) {
  if (Sha256(pushed.payload()).text() == slot_.head().digest) return absl::OkStatus();
  absl::Status taken = slot_.Accept(pushed);
  if (ChainFaultOf(taken) == ChainFault::kSkipped) taken = CatchUp(pushed);
  {
    absl::MutexLock lock(&mutex_);
    slot_epoch_ = slot_.head().epoch.value;
    slot_head_ = slot_.head_envelope();
    if (!taken.ok()) last_error_ = taken.ToString();
  }
  if (!taken.ok() && !absl::IsCancelled(taken)) refusal_ = StrCat("refused a ", MessageOf(taken));
  return taken;
}

absl::Status AgentLoop::CatchUp(const v1::Envelope& pushed) {
  RETURN_IF_ERROR(WalkChain());
  ASSIGN_OR_RETURN(const v1::Decision seen, OpenDecision(pushed, slot_.decision_key()));
  if (seen.epoch() <= slot_.head().epoch.value) return absl::OkStatus();
  return absl::OutOfRangeError(StrCat("skipped decision: the chain ends at epoch ", slot_.head().epoch.value,
                                      " and does not lead to epoch ", seen.epoch()));
}

absl::Status AgentLoop::WalkChain() {
  for (int page = 0; page < kChainPagesMax; ++page) {
    v1::GetDecisionChainRequest request;
    request.set_deployment(slot_.head().deployment.text());
    request.set_after_epoch(slot_.head().epoch.value);
    ASSIGN_OR_RETURN(const v1::GetDecisionChainResponse response, control_.GetDecisionChain(request));
    for (const v1::Envelope& envelope : response.envelopes()) RETURN_IF_ERROR(slot_.Accept(envelope));
    if (!response.more() || response.envelopes_size() == 0) return absl::OkStatus();
  }
  return absl::ResourceExhaustedError("the decision chain has no end");
}

absl::Status AgentLoop::ConvergeAndReport() {
  ASSIGN_OR_RETURN(v1::ServingProof proof, slot_.Converge([this] { return NewerWaiting(); }));
  const bool diverged = !proof.error().empty();
  // A refused decision is shown to the control plane once; what is served is as decided, so the next proof is clean again.
  const bool refused = !refusal_.empty();
  if (refused && !diverged) proof.set_error(refusal_.substr(0, 512));
  {
    absl::MutexLock lock(&mutex_);
    last_proof_ = proof;
    if (proof.error().empty()) last_error_.clear();
  }
  RETURN_IF_ERROR(crash_.Pass("before-report"));
  RETURN_IF_ERROR(Report(std::move(proof)));
  refusal_.clear();
  if (diverged) return absl::FailedPreconditionError("not converged");
  if (refused) return absl::FailedPreconditionError("a decision was refused");   // soon again, without the refusal
  return absl::OkStatus();
}

absl::Status AgentLoop::Report(v1::ServingProof proof) {
  v1::ReportProofRequest request;
  ASSIGN_OR_RETURN(*request.mutable_proof(), SignEnvelope(agent_key_, kProofPayloadType, MessageToJson(proof)));
  const absl::Status reported = control_.ReportProof(request);
  if (reported.ok()) {
    absl::MutexLock lock(&mutex_);
    last_contact_ = clock_.Now();
    return absl::OkStatus();
  }
  log_.Warning("agent.proof-not-reported", {{"error", reported.ToString()}});
  // The worker tries again, whatever the reason: a proof nobody has is no proof. Cancelled means something else to it.
  return absl::IsCancelled(reported) || absl::IsAborted(reported) ? absl::UnavailableError(reported.message()) : reported;
}

void AgentLoop::WriteStatus() {
  store::v1::AgentStatusFile status;
  absl::MutexLock lock(&mutex_);   // held while writing: two threads do
  if (last_contact_ != absl::InfinitePast()) *status.mutable_last_contact() = ToProto(last_contact_);
  *status.mutable_written_at() = ToProto(clock_.Now());
  status.set_connected(connected_);
  status.set_last_error(last_error_);
  *status.mutable_proof() = last_proof_;
  const absl::Status written = slot_.folder().SaveStatus(status);
  if (!written.ok()) log_.Debug("agent.status-not-written", {{"error", written.ToString()}});
}

}  // namespace firebreak
