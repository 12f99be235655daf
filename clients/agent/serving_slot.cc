#include "clients/agent/serving_slot.h"

#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;

constexpr size_t kErrorBytesMax = 1024;

struct Part {
  Digest digest;
  v1::SnapshotKind kind;
  fs::path path;   // below the release's folder
};

// Folder names come from digests, never from names somebody chose.
absl::StatusOr<std::vector<Part>> PartsOf(const v1::Release& release) {
  std::vector<Part> parts;
  ASSIGN_OR_RETURN(const Digest model, Digest::Parse(release.model_digest()));
  parts.push_back({model, v1::SNAPSHOT_KIND_MODEL, "model"});
  if (!release.config_digest().empty()) {
    ASSIGN_OR_RETURN(const Digest config, Digest::Parse(release.config_digest()));
    parts.push_back({config, v1::SNAPSHOT_KIND_CONFIG, "config"});
  }
  for (const std::string& text : release.dataset_digests()) {
    ASSIGN_OR_RETURN(const Digest dataset, Digest::Parse(text));
    parts.push_back({dataset, v1::SNAPSHOT_KIND_DATASET, fs::path("datasets") / ToHex(dataset.raw())});
  }
  return parts;
}

bool StopsHere(const absl::Status& status) { return absl::IsCancelled(status) || absl::IsAborted(status); }

std::string Shorten(std::string_view text) {
  std::string cut(text.substr(0, kErrorBytesMax));
  while (!IsValidUtf8(cut)) cut.pop_back();
  return cut;
}

}  // namespace

ServingSlot::ServingSlot(SlotOptions options, SlotPorts ports, EcPublicKey decision_key)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      decision_key_(std::move(decision_key)),
      folder_(options_.folder) {}

absl::StatusOr<std::unique_ptr<ServingSlot>> ServingSlot::Open(SlotOptions options, SlotPorts ports,
                                                               EcPublicKey decision_key) {
  auto slot = std::unique_ptr<ServingSlot>(new ServingSlot(std::move(options), std::move(ports), std::move(decision_key)));
  ASSIGN_OR_RETURN(slot->state_, slot->folder_.LoadState());
  const absl::Status prepared = slot->folder_.Prepare(slot->options_.safe_folder);
  if (!prepared.ok()) slot->ports_.log->Warning("agent.folder-not-ready", {{"error", prepared.ToString()}});
  if (slot->state_.decision().epoch() == 0) return slot;
  // The disk is believed for what is signed only: the decision is read again from its envelope.
  const absl::StatusOr<v1::Decision> decision = OpenDecision(slot->state_.head(), slot->decision_key_);
  if (!decision.ok() || decision->deployment() != slot->options_.deployment.text()) {
    return absl::DataLossError(StrCat("state.pb in ", slot->options_.folder.string(), " holds no decision for ",
                                      slot->options_.deployment.text(), " signed by the pinned key: ",
                                      decision.ok() ? std::string("it is for ") + decision->deployment()
                                                    : std::string(decision.status().message())));
  }
  *slot->state_.mutable_decision() = *decision;
  slot->state_.set_head_digest(Sha256(slot->state_.head().payload()).text());
  return slot;
}

ChainHead ServingSlot::head() const {
  return {options_.deployment, Epoch{state_.decision().epoch()}, state_.head_digest()};
}

absl::Status ServingSlot::Accept(const v1::Envelope& envelope) {
  ASSIGN_OR_RETURN(v1::Decision decision, CheckSuccessor(head(), envelope, decision_key_));
  if (decision.has_release() && ReleaseDigest(decision.release()).text() != decision.release().digest()) {
    return absl::DataLossError(StrCat("decision ", decision.epoch(), ": its release digest does not cover its parts"));
  }
  store::v1::AgentState next = state_;
  *next.mutable_head() = envelope;
  *next.mutable_decision() = std::move(decision);
  next.set_head_digest(Sha256(envelope.payload()).text());
  // From here on a half-done switch to another target is possible: what was carried out no longer counts.
  if (TargetOf(next) != next.carried_out()) next.clear_carried_out();
  RETURN_IF_ERROR(folder_.SaveState(next));
  state_ = std::move(next);
  ports_.log->Info("agent.decision-accepted", {{"epoch", StrCat(state_.decision().epoch())},
                                               {"kind", v1::DecisionKind_Name(state_.decision().kind())}});
  return ports_.crash->Pass("after-decision-persisted");
}

absl::Status ServingSlot::Stage(const std::function<bool()>& abandoned) {
  const v1::Release& release = state_.decision().release();
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(release.digest()));
  ASSIGN_OR_RETURN(const std::vector<Part> parts, PartsOf(release));
  const fs::path staging = folder_.StagingFolder(digest);
  for (const Part& part : parts) {
    const fs::path into = staging / part.path;
    std::error_code error;
    fs::create_directories(into.parent_path(), error);
    if (error) return absl::UnavailableError(StrCat("stage ", into.string(), ": ", error.message()));
    if (fs::exists(into, error)) {   // from an attempt that was cut
      const absl::StatusOr<Digest> there = ports_.hash(into, part.kind);
      if (there.ok() && *there == part.digest) continue;
      fs::remove_all(into, error);
    }
    RETURN_IF_ERROR(Annotate(ports_.fetch(part.digest, into, abandoned), StrCat("stage ", part.digest.text())));
    ASSIGN_OR_RETURN(const Digest found, ports_.hash(into, part.kind));
    if (found != part.digest) {
      fs::remove_all(into, error);
      return absl::DataLossError(StrCat("stage ", part.digest.text(), ": what arrived is ", found.text()));
    }
  }
  RETURN_IF_ERROR(folder_.FinishStaging(release, digest));
  return ports_.crash->Pass("after-staged");
}

std::vector<HeldSnapshot> ServingSlot::HeldSnapshots() const {
  std::vector<HeldSnapshot> held;
  for (const v1::Release* release : {&state_.decision().release(), &state_.good_release(), &state_.previous_good()}) {
    const absl::StatusOr<Digest> digest = Digest::Parse(release->digest());
    if (!digest.ok() || !folder_.Staged(*digest)) continue;
    const absl::StatusOr<std::vector<Part>> parts = PartsOf(*release);
    if (!parts.ok()) continue;
    for (const Part& part : *parts) held.emplace_back(part.digest, folder_.ReleaseFolder(*digest) / part.path);
  }
  return held;
}

absl::Status ServingSlot::CheckStaged() {
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(state_.decision().release().digest()));
  ASSIGN_OR_RETURN(const std::vector<Part> parts, PartsOf(state_.decision().release()));
  for (const Part& part : parts) {
    const absl::StatusOr<Digest> found = ports_.hash(folder_.ReleaseFolder(digest) / part.path, part.kind);
    if (found.ok() && *found == part.digest) continue;
    ports_.log->Warning("agent.staged-release-damaged", {{"release", digest.text()}, {"part", part.path.string()}});
    RETURN_IF_ERROR(folder_.Unstage(digest));
    return absl::DataLossError(StrCat("staged release ", digest.text(), ": ", part.path.string(), " is not what was staged"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ServingSlot::RunHook(const std::string& command) {
  if (command.empty()) return std::string();
  HookCall call;
  call.command = command;
  call.folder = options_.folder.string();
  call.timeout = options_.hook_timeout;
  const v1::Decision& decision = state_.decision();
  call.variables = {{"FIREBREAK_DEPLOYMENT", options_.deployment.text()},
                    {"FIREBREAK_EPOCH", StrCat(decision.epoch())},
                    {"FIREBREAK_STATE", decision.has_release() ? "serving" : "contained"},
                    {"FIREBREAK_CURRENT", folder_.current().string()},
                    {"FIREBREAK_RELEASE", decision.release().digest()},
                    {"FIREBREAK_MODEL", decision.release().model_name()}};
  return ports_.hooks->Run(call);
}

absl::Status ServingSlot::Do(AgentStep step, const std::function<bool()>& abandoned, std::string& probe) {
  switch (step) {
    case AgentStep::kMarkContained: {
      // The mark explains; the switch protects. A full or read-only disk must not stop it.
      const absl::Status marked = folder_.MarkContained(state_.decision());
      if (!marked.ok()) ports_.log->Warning("agent.contained-mark-failed", {{"error", marked.ToString()}});
      return absl::OkStatus();
    }
    case AgentStep::kStage:
      return Stage(abandoned);
    case AgentStep::kCheckStaged: {
      const absl::Status checked = CheckStaged();
      return absl::IsDataLoss(checked) ? Stage(abandoned) : checked;
    }
    case AgentStep::kSwitch:
      RETURN_IF_ERROR(folder_.SwitchTo(TargetOf(state_)));
      return ports_.crash->Pass("after-switched");
    case AgentStep::kReload:
      RETURN_IF_ERROR(Annotate(RunHook(options_.reload).status(), "reload"));
      return ports_.crash->Pass("after-reload");
    case AgentStep::kProbe: {
      ASSIGN_OR_RETURN(probe, RunHook(state_.decision().has_release() ? options_.probe : options_.probe_contained));
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::Status ServingSlot::CarryOut(const std::function<bool()>& abandoned, std::string& probe) {
  Observed observed;
  observed.current = folder_.CurrentTarget();
  if (state_.decision().has_release()) {
    ASSIGN_OR_RETURN(const Digest release, Digest::Parse(state_.decision().release().digest()));
    observed.staged = folder_.Staged(release);
  }
  for (const AgentStep step : PlanSteps(state_, observed)) {
    if (abandoned && abandoned()) return absl::AbortedError("a newer decision is waiting");
    RETURN_IF_ERROR(Do(step, abandoned, probe));
  }
  return absl::OkStatus();
}

absl::Status ServingSlot::MeasureServed(v1::ServingProof& proof) const {
  const std::string current = folder_.CurrentTarget();
  if (current == "?") return absl::DataLossError(StrCat(folder_.current().string(), " is not a link the agent made"));
  if (current.empty()) {
    proof.set_state(v1::SERVING_STATE_EMPTY);
    return absl::OkStatus();
  }
  if (current == kContainedTarget) {
    proof.set_state(v1::SERVING_STATE_CONTAINED);
    return absl::OkStatus();
  }
  proof.set_state(v1::SERVING_STATE_SERVING);
  std::error_code error;
  v1::Release found;   // put together from what the files are, not from what the decision says
  ASSIGN_OR_RETURN(const Digest model, ports_.hash(folder_.current() / "model", v1::SNAPSHOT_KIND_MODEL));
  found.set_model_digest(model.text());
  if (fs::exists(folder_.current() / "config", error)) {
    ASSIGN_OR_RETURN(const Digest config, ports_.hash(folder_.current() / "config", v1::SNAPSHOT_KIND_CONFIG));
    found.set_config_digest(config.text());
  }
  for (fs::directory_iterator it(folder_.current() / "datasets", error), end; !error && it != end; it.increment(error)) {
    ASSIGN_OR_RETURN(const Digest dataset, ports_.hash(it->path(), v1::SNAPSHOT_KIND_DATASET));
    found.add_dataset_digests(dataset.text());
  }
  proof.set_snapshot_digest(model.text());
  proof.set_release_digest(ReleaseDigest(found).text());
  if (proof.release_digest() != current) {
    return absl::DataLossError(StrCat("what is served (", proof.release_digest(), ") is not what was staged as ", current));
  }
  return absl::OkStatus();
}

absl::Status ServingSlot::Remember() {
  const v1::Decision& decision = state_.decision();
  store::v1::AgentState next = state_;
  next.set_proven_epoch(decision.epoch());
  next.set_carried_out(TargetOf(state_));
  if (decision.has_release() && decision.release().digest() != state_.good_release().digest()) {
    if (state_.has_good_release()) *next.mutable_previous_good() = state_.good_release();
    *next.mutable_good_release() = decision.release();
  }
  if (next.proven_epoch() == state_.proven_epoch() && next.carried_out() == state_.carried_out()) return absl::OkStatus();
  RETURN_IF_ERROR(folder_.SaveState(next));
  state_ = std::move(next);
  folder_.Prune({TargetOf(state_), state_.good_release().digest(), state_.previous_good().digest()});
  return absl::OkStatus();
}

absl::StatusOr<v1::ServingProof> ServingSlot::Converge(const std::function<bool()>& abandoned) {
  v1::ServingProof proof;
  proof.set_agent(options_.agent);
  proof.set_deployment(options_.deployment.text());
  std::string probe;
  absl::Status done = CarryOut(abandoned, probe);
  if (StopsHere(done)) return done;
  const absl::Status measured = MeasureServed(proof);
  const std::string target = TargetOf(state_);
  const std::string current = folder_.CurrentTarget();
  if (done.ok()) done = measured;
  if (done.ok() && current != target) done = absl::DataLossError("`current` was changed by somebody else meanwhile");
  if (done.ok() && !target.empty()) done = Remember();
  // A damaged release is taken for what it is: the next turn stages it again, switches and reloads.
  if (!measured.ok() && !absl::IsUnavailable(measured) && current == target && target != kContainedTarget) {
    const absl::StatusOr<Digest> release = Digest::Parse(target);
    const absl::Status unstaged = release.ok() ? folder_.Unstage(*release) : release.status();
    if (!unstaged.ok()) ports_.log->Warning("agent.unstage-failed", {{"error", unstaged.ToString()}});
  }
  if (!done.ok()) {
    ports_.log->Warning("agent.diverged", {{"epoch", StrCat(state_.decision().epoch())}, {"error", done.ToString()}});
    proof.set_state(v1::SERVING_STATE_DIVERGED);
    proof.set_error(Shorten(StrCat(absl::StatusCodeToString(done.code()), ": ", MessageOf(done))));
  }
  proof.set_epoch(state_.decision().epoch());
  proof.set_decision_digest(state_.head_digest());
  proof.set_probe(Shorten(probe));
  *proof.mutable_proved_at() = ToProto(ports_.clock->Now());
  const v1::Release& spare =
      state_.previous_good().digest() == proof.release_digest() ? state_.good_release() : state_.previous_good();
  const absl::StatusOr<Digest> staged = Digest::Parse(spare.digest());
  if (staged.ok() && folder_.Staged(*staged)) proof.set_staged_release_digest(staged->text());
  return proof;
}

}  // namespace firebreak
