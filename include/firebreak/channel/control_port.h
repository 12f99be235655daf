// ControlPort: what an agent asks of the control plane. GrpcControlPort is the real one; tests play the control plane.
#ifndef FIREBREAK_CHANNEL_CONTROL_PORT_H_
#define FIREBREAK_CHANNEL_CONTROL_PORT_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/base/ids.h"
#include "firebreak/v1/fleet.pb.h"
#include "firebreak/v1/upkeep.pb.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace firebreak {

class ControlPort {
 public:
  virtual ~ControlPort() = default;

  // Blocks while the stream is open and calls `on_event` for each event, on this thread; an error from it ends the stream and
  // is returned. Ends with kUnavailable when nothing (not even a heartbeat) came for `silence_max`, and with kCancelled after Cancel.
  virtual absl::Status Follow(const v1::FollowRequest& request, absl::Duration silence_max,
                              const std::function<absl::Status(const v1::FollowEvent&)>& on_event) = 0;
  // Ends a Follow that is open, from any thread; later ones end at once.
  virtual void Cancel() = 0;

  virtual absl::StatusOr<v1::GetDecisionChainResponse> GetDecisionChain(const v1::GetDecisionChainRequest& request) = 0;
  virtual absl::Status ReportProof(const v1::ReportProofRequest& request) = 0;
  // Bytes the control plane's store has damaged. kUnimplemented where nobody takes them.
  virtual absl::StatusOr<v1::OfferChunksResponse> OfferChunks(const v1::OfferChunksRequest&) {
    return absl::UnimplementedError("offer chunks: nobody takes them here");
  }
  virtual absl::StatusOr<v1::EnrolAgentResponse> EnrolAgent(const v1::EnrolAgentRequest& request) = 0;
};

std::unique_ptr<ControlPort> MakeGrpcControlPort(std::shared_ptr<grpc::Channel> channel);

}  // namespace firebreak

#endif  // FIREBREAK_CHANNEL_CONTROL_PORT_H_
