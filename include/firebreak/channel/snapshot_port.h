// The transfer library's SnapshotPort over a gRPC channel, for the CLI's pushes and pulls and the agent's staging.
#ifndef FIREBREAK_CHANNEL_SNAPSHOT_PORT_H_
#define FIREBREAK_CHANNEL_SNAPSHOT_PORT_H_

#include <memory>

#include "firebreak/transfer/snapshot_port.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace firebreak {

// Thread-safe. Each call has a deadline of its own (60 s).
std::unique_ptr<SnapshotPort> MakeGrpcSnapshotPort(std::shared_ptr<grpc::Channel> channel);

}  // namespace firebreak

#endif  // FIREBREAK_CHANNEL_SNAPSHOT_PORT_H_
