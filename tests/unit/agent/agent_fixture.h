// One host with a control plane the test plays: decisions are signed here, snapshots are folders, hooks are recorded.
#ifndef FIREBREAK_TESTS_UNIT_AGENT_AGENT_FIXTURE_H_
#define FIREBREAK_TESTS_UNIT_AGENT_AGENT_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "clients/agent/agent_loop.h"
#include "clients/agent/serving_slot.h"
#include "firebreak/base/json.h"
#include "firebreak/base/random.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/fleet/proof.h"
#include "firebreak/signing/dsse.h"
#include "tests/support/scratch_folder.h"

namespace firebreak::testing {

namespace fs = std::filesystem;

class RecordingHooks final : public HookRunner {
 public:
  absl::StatusOr<std::string> Run(const HookCall& call) override {
    calls.push_back(call.command + " " + call.variables.at("FIREBREAK_STATE"));
    const auto failing = failures.find(call.command);
    if (failing != failures.end()) return failing->second;
    return std::string("ok");
  }
  std::vector<std::string> calls;
  std::map<std::string, absl::Status> failures;
};

// The control plane as an agent sees it.
class FakeControl final : public ControlPort {
 public:
  absl::Status Follow(const v1::FollowRequest&, absl::Duration,
                      const std::function<absl::Status(const v1::FollowEvent&)>& on_event) override {
    v1::FollowEvent event;
    if (!chain.empty()) *event.mutable_decision() = chain.back();
    RETURN_IF_ERROR(on_event(event));
    cancelled.WaitForNotification();
    return absl::CancelledError("follow: stopped");
  }
  void Cancel() override { cancelled.Notify(); }
  absl::StatusOr<v1::GetDecisionChainResponse> GetDecisionChain(const v1::GetDecisionChainRequest& request) override {
    if (!reachable) return absl::UnavailableError("no contact");
    v1::GetDecisionChainResponse response;
    for (const v1::IssuedDecision& issued : chain) {
      if (issued.decision().epoch() > request.after_epoch()) *response.add_envelopes() = issued.envelope();
    }
    return response;
  }
  absl::Status ReportProof(const v1::ReportProofRequest& request) override {
    if (!reachable) return absl::UnavailableError("no contact");
    v1::ServingProof proof;
    RETURN_IF_ERROR(VerifyEnvelope(agent_key->public_key(), request.proof(), kProofPayloadType));
    RETURN_IF_ERROR(JsonToMessage(request.proof().payload(), proof));
    proofs.push_back(proof);
    if (proof.epoch() > 0 && !proved.HasBeenNotified()) proved.Notify();
    return absl::OkStatus();
  }
  absl::StatusOr<v1::EnrolAgentResponse> EnrolAgent(const v1::EnrolAgentRequest&) override {
    return absl::UnimplementedError("not used");
  }

  std::vector<v1::IssuedDecision> chain;
  std::vector<v1::ServingProof> proofs;
  const EcPrivateKey* agent_key = nullptr;
  bool reachable = true;
  absl::Notification cancelled;
  absl::Notification proved;
};

// A folder's names and bytes, whatever the kind: enough to tell contents apart.
inline absl::StatusOr<Digest> HashTestFolder(const fs::path& folder, v1::SnapshotKind kind) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return absl::NotFoundError(folder.string());
  std::map<std::string, std::string> files;
  const fs::path real = fs::canonical(folder);
  for (const auto& entry : fs::recursive_directory_iterator(real)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[fs::relative(entry.path(), real).string()] =
        std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  }
  std::string text = StrCat(static_cast<int>(kind), "\n");
  for (const auto& [name, bytes] : files) StrAppend(&text, name, "=", bytes, "\n");
  return Sha256(text);
}

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    deployment_.set_name("fraud-prod");
    control_.agent_key = &agent_key_;
    Start();
  }

  // Content "weights of <model>" as a snapshot that can be fetched.
  v1::Release ReleaseOf(const std::string& model) {
    v1::Release release;
    const Digest digest = Sha256(StrCat(static_cast<int>(v1::SNAPSHOT_KIND_MODEL), "\nweights=", model, "\n"));
    contents_[digest.text()] = model;
    release.set_model_digest(digest.text());
    release.set_model_name(model);
    release.set_digest(ReleaseDigest(release).text());
    return release;
  }
  v1::IssuedDecision Decide(v1::DecisionKind kind, const std::string& model = "") {
    DecisionWish wish;
    wish.deployment = DeploymentName("fraud-prod");
    wish.kind = kind;
    wish.reason = "test";
    if (!model.empty()) wish.release = ReleaseOf(model);
    const v1::IssuedDecision issued = *SignDecision(decision_key_, *NextDecision(deployment_, wish, clock_.Now()));
    ApplyDecision(deployment_, issued);
    control_.chain.push_back(issued);
    return issued;
  }

  // As a process start: everything that is not on disk is new.
  void Start(const std::string& crash_at = "") {
    loop_.reset();
    slot_.reset();
    crash_ = std::make_unique<CrashPoints>(crash_at, CrashPoints::Mode::kStop);
    absl::StatusOr<std::unique_ptr<ServingSlot>> slot = TryOpen();
    ASSERT_TRUE(slot.ok()) << slot.status();
    slot_ = *std::move(slot);
    loop_ = std::make_unique<AgentLoop>(*slot_, control_, agent_key_, clock_, random_, *log_, *crash_);
  }
  absl::StatusOr<std::unique_ptr<ServingSlot>> TryOpen() {
    SlotOptions options;
    options.agent = "web-1";
    options.deployment = DeploymentName("fraud-prod");
    options.folder = folder_.path();
    options.reload = "reload";
    options.probe = "probe";
    SlotPorts ports;
    ports.fetch = [this](const Digest& digest, const fs::path& into, const std::function<bool()>&) { return Fetch(digest, into); };
    ports.hash = HashTestFolder;
    ports.hooks = &hooks_;
    ports.clock = &clock_;
    ports.log = log_.get();
    ports.crash = crash_.get();
    return ServingSlot::Open(options, ports, decision_key_.public_key());
  }
  absl::Status Fetch(const Digest& digest, const fs::path& into) {
    ++fetches_;
    RETURN_IF_ERROR(fetch_failure_);
    const auto content = contents_.find(digest.text());
    if (content == contents_.end()) return absl::NotFoundError(digest.text());
    fs::create_directory(into);
    std::ofstream(into / "weights") << content->second;
    return absl::OkStatus();
  }

  // One turn of the worker. kCancelled = crashed.
  absl::Status Turn(const v1::IssuedDecision& issued) {
    const absl::Status taken = loop_->Take(issued.envelope());
    if (absl::IsCancelled(taken)) return taken;
    const absl::Status done = loop_->ConvergeAndReport();
    return taken.ok() ? done : taken;
  }
  absl::Status TurnAgain() { return loop_->ConvergeAndReport(); }

  std::string Served() {
    const fs::path current = fs::path(folder_.path()) / "current";
    std::error_code error;
    if (!fs::exists(fs::symlink_status(current, error))) return "nothing";
    if (fs::exists(current / "CONTAINED.json", error)) return "contained";
    std::ifstream file(current / "model" / "weights");
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  }
  const v1::ServingProof& LastProof() { return control_.proofs.back(); }
  int CountHooks(const std::string& call) {
    return static_cast<int>(std::count(hooks_.calls.begin(), hooks_.calls.end(), call));
  }

  ScratchFolder folder_;
  ManualClock clock_{absl::FromUnixSeconds(1767225600)};
  SeededRandom random_{11};
  std::unique_ptr<Log> log_ = Log::Silent();
  EcPrivateKey decision_key_ = *EcPrivateKey::Generate(EcCurve::kP256);
  EcPrivateKey agent_key_ = *EcPrivateKey::Generate(EcCurve::kP256);
  v1::Deployment deployment_;
  FakeControl control_;
  RecordingHooks hooks_;
  std::map<std::string, std::string> contents_;
  absl::Status fetch_failure_;
  int fetches_ = 0;
  std::unique_ptr<CrashPoints> crash_;
  std::unique_ptr<ServingSlot> slot_;
  std::unique_ptr<AgentLoop> loop_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_AGENT_AGENT_FIXTURE_H_
