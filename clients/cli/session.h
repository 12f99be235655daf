// Session: one command's connection to the service. Built from flags, environment and context; every call has a deadline.
#ifndef FIREBREAK_CLIENTS_CLI_SESSION_H_
#define FIREBREAK_CLIENTS_CLI_SESSION_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "clients/cli/contexts.h"
#include "clients/cli/output.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/random.h"
#include "firebreak/base/status.h"
#include "firebreak/channel/channel.h"
#include "firebreak/v1/fleet.pb.h"
#include "grpcpp/grpcpp.h"

namespace firebreak::cli {

// As given on the command line; empty = look further (environment, then context).
struct GlobalOptions {
  std::string context;
  std::string server;
  std::string ca_file;
  std::string token_file;
  std::string output = "table";
  std::string timeout = "30s";
  bool no_color = false;
};

class Session {
 public:
  Session(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  GlobalOptions& options() { return options_; }
  Output& out() { return out_; }
  const Clock& clock() const { return clock_; }
  Random& random() { return random_; }

  // Checks --timeout and -o; call once, after parsing.
  absl::Status Prepare();
  absl::Duration timeout() const { return timeout_; }

  // Where this command would connect to. kFailedPrecondition names the next step when nothing is configured.
  absl::StatusOr<Context> ResolveContext() const;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Channel();

  // One unary call: tried again once the connection is back when the service could not be reached. Requests carry ids of
  // their own where a second arrival would matter.
  template <typename Service, typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, Channel());
    auto stub = Service::NewStub(channel);
    Response response;
    RETURN_IF_ERROR(Attempt([&](grpc::ClientContext* context) { return (stub.get()->*method)(context, request, &response); }));
    return response;
  }

  // For commands that are more than one call: kOk when the service answers this token, else what Call would say. Quick
  // when nothing listens, whatever --timeout is.
  absl::Status CheckReachable();

  // Between two tries of a stream that ended with `ended`: kOk once the service can be reached again; the status when
  // trying again cannot help. `meanwhile` tells the person what an ended watch does not end.
  absl::Status AwaitStreamAgain(const absl::Status& ended, std::string_view meanwhile);

  // A fresh id for a request that must not happen twice.
  std::string NewRequestId();

  // Blocks for `duration`; the pause between two looks at something that changes elsewhere.
  void Pause(absl::Duration duration) const;

  // Waits until every connected agent proved `epoch`; kDeadlineExceeded names who is missing.
  absl::Status AwaitProof(const std::string& deployment, uint64_t epoch);

 private:
  absl::Status Attempt(const std::function<grpc::Status(grpc::ClientContext*)>& call);
  // The same failure for a person who knows an address and some files, not a transport.
  absl::Status ExplainUnreachable(const absl::Status& status) const;

  const Clock& clock_;
  Random& random_;
  GlobalOptions options_;
  Output out_;
  absl::Duration timeout_ = absl::Seconds(30);
  Context context_;                            // what channel_ was made from
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_SESSION_H_
