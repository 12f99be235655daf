#include "firebreak/channel/control_port.h"

#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "clients/channel/call.h"
#include "firebreak/v1/fleet.grpc.pb.h"
#include "firebreak/v1/upkeep.grpc.pb.h"

namespace firebreak {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(30);
constexpr int kEnrolAttempts = 3;
// Waiting for the connection is cut into slices so that Cancel is noticed.
constexpr absl::Duration kConnectPatience = absl::Seconds(10);
constexpr absl::Duration kConnectSlice = absl::Milliseconds(200);

// Ends a stream on which nothing came for too long: a dead network otherwise looks like a quiet control plane.
class SilenceWatch {
 public:
  SilenceWatch(grpc::ClientContext& context, absl::Duration silence_max)
      : context_(context), silence_max_(silence_max), thread_([this] { Run(); }) {}
  ~SilenceWatch() {
    {
      absl::MutexLock lock(&mutex_);
      over_ = true;
    }
    thread_.join();
  }
  void Heard() {
    absl::MutexLock lock(&mutex_);
    heard_ = true;
  }
  bool silent() const {
    absl::MutexLock lock(&mutex_);
    return silent_;
  }

 private:
  void Run() {
    absl::MutexLock lock(&mutex_);
    while (!over_) {
      heard_ = false;
      const auto woken = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return over_ || heard_; };
      if (mutex_.AwaitWithTimeout(absl::Condition(&woken), silence_max_)) continue;
      silent_ = true;
      context_.TryCancel();
      return;
    }
  }

  grpc::ClientContext& context_;
  const absl::Duration silence_max_;
  mutable absl::Mutex mutex_;
  bool heard_ ABSL_GUARDED_BY(mutex_) = false;
  bool silent_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

class GrpcControlPort final : public ControlPort {
 public:
  explicit GrpcControlPort(std::shared_ptr<grpc::Channel> channel)
      : channel_(std::move(channel)), stub_(v1::Fleet::NewStub(channel_)) {}

  absl::Status Follow(const v1::FollowRequest& request, absl::Duration silence_max,
                      const std::function<absl::Status(const v1::FollowEvent&)>& on_event) override {
    grpc::ClientContext context;
    for (absl::Duration waited; waited < kConnectPatience && !cancelled(); waited += kConnectSlice) {
      if (channel_->GetState(true) == GRPC_CHANNEL_READY) break;
      AwaitConnection(*channel_, kConnectSlice);
    }
    {
      absl::MutexLock lock(&mutex_);
      if (cancelled_) return absl::CancelledError("follow: stopped");
      open_ = &context;
    }
    absl::Status result = absl::OkStatus();
    bool silent = false;
    {
      const std::unique_ptr<grpc::ClientReader<v1::FollowEvent>> reader = stub_->Follow(&context, request);
      {
        SilenceWatch watch(context, silence_max);
        v1::FollowEvent event;
        while (result.ok() && reader->Read(&event)) {
          watch.Heard();
          result = on_event(event);
          // Acting on a decision may take longer than the silence allowed; that is our silence, not the server's.
          watch.Heard();
        }
        silent = watch.silent();
      }
      if (!result.ok()) context.TryCancel();
      v1::FollowEvent rest;
      while (reader->Read(&rest)) {
      }
      const grpc::Status finished = reader->Finish();
      if (result.ok()) result = FromGrpcStatus(finished);
    }
    absl::MutexLock lock(&mutex_);
    open_ = nullptr;
    if (cancelled_) return absl::CancelledError("follow: stopped");
    if (silent) return absl::UnavailableError("follow: the control plane went silent");
    if (result.ok()) return absl::UnavailableError("follow: the control plane ended the stream");
    return result;
  }

  void Cancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    if (open_ != nullptr) open_->TryCancel();
  }

  absl::StatusOr<v1::GetDecisionChainResponse> GetDecisionChain(const v1::GetDecisionChainRequest& request) override {
    return Call(*channel_, *stub_, &v1::Fleet::Stub::GetDecisionChain, request, kTimeout);
  }
  absl::Status ReportProof(const v1::ReportProofRequest& request) override {
    return Call(*channel_, *stub_, &v1::Fleet::Stub::ReportProof, request, kTimeout).status();
  }
  absl::StatusOr<v1::OfferChunksResponse> OfferChunks(const v1::OfferChunksRequest& request) override {
    const std::unique_ptr<v1::Upkeep::Stub> upkeep = v1::Upkeep::NewStub(channel_);
    return Call(*channel_, *upkeep, &v1::Upkeep::Stub::OfferChunks, request, kOfferTimeout);
  }
  absl::StatusOr<v1::EnrolAgentResponse> EnrolAgent(const v1::EnrolAgentRequest& request) override {
    // The same request for the same key is answered alike, so a lost answer is asked for again.
    absl::StatusOr<v1::EnrolAgentResponse> answer;
    for (int attempt = 0; attempt < kEnrolAttempts; ++attempt) {
      answer = Call(*channel_, *stub_, &v1::Fleet::Stub::EnrolAgent, request, kTimeout);
      if (!absl::IsUnavailable(answer.status())) break;
    }
    return answer;
  }

 private:
  bool cancelled() {
    absl::MutexLock lock(&mutex_);
    return cancelled_;
  }

  static constexpr absl::Duration kOfferTimeout = absl::Seconds(60);   // up to 8 MiB
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Fleet::Stub> stub_;
  absl::Mutex mutex_;
  grpc::ClientContext* open_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<ControlPort> MakeGrpcControlPort(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcControlPort>(std::move(channel));
}

}  // namespace firebreak
