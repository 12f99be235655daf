// A fleet of agents in one process: each has its own key, client certificate, connection and open Follow stream, checks every
// decision's signature, and answers it with a signed proof; its place in the chain, files and hooks are left out. Usage:
// bench_fleet <host:port> <ca.pem> <deployment>, join tokens on stdin, one a line. Prints "ready" once every stream has been
// heard from, then one line per acknowledged proof: agent, epoch, nanoseconds since 1970 the decision came, the answer came.
// Ends when killed.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/random.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/channel/channel.h"
#include "firebreak/channel/control_port.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/fleet/decision.h"
#include "firebreak/signing/dsse.h"

namespace firebreak {
namespace {

long long NowNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Between two attempts, as a real agent does: the server is to get some peace.
void BackOff(absl::Duration wait) {
  const SystemClock clock;
  const auto never = [] { return false; };
  absl::Mutex mutex;
  absl::MutexLock lock(&mutex);
  clock.AwaitUntil(mutex, absl::Condition(&never), clock.Now() + wait);
}

class BenchAgent {
 public:
  BenchAgent(std::string server, std::string ca, std::string deployment)
      : server_(std::move(server)), ca_(std::move(ca)), deployment_(std::move(deployment)) {}

  // Enrolment is limited per address: waits its turn.
  absl::Status Enrol(const std::string& join_token, const std::shared_ptr<grpc::Channel>& channel) {
    ASSIGN_OR_RETURN(EcPrivateKey key, EcPrivateKey::Generate(EcCurve::kP256));
    v1::EnrolAgentRequest request;
    request.set_join_token(join_token);
    ASSIGN_OR_RETURN(*request.mutable_certificate_request_pem(), MakeCertificateRequest(key, "firebreak-agent"));
    const std::unique_ptr<ControlPort> guest = MakeGrpcControlPort(channel);
    absl::StatusOr<v1::EnrolAgentResponse> response = guest->EnrolAgent(request);
    while (absl::IsResourceExhausted(response.status())) {
      BackOff(absl::Milliseconds(200));
      response = guest->EnrolAgent(request);
    }
    RETURN_IF_ERROR(response.status());
    name_ = response->agent();
    key_ = std::make_unique<EcPrivateKey>(key);
    ASSIGN_OR_RETURN(EcPublicKey decision_key, EcPublicKey::FromPem(response->decision_key_pem()));
    decision_key_ = std::make_unique<EcPublicKey>(decision_key);
    ChannelOptions options;
    options.address = server_;
    options.ca_pem = ca_;
    options.client_cert_pem = response->certificate_pem();
    options.client_key_pem = key.ToPem();
    ASSIGN_OR_RETURN(const auto own, MakeChannel(options));
    control_ = MakeGrpcControlPort(own);
    return absl::OkStatus();
  }

  // Until the process ends; connects again as a real agent does. `heard` runs once, after the first decision was answered.
  void Follow(const std::function<void()>& heard) {
    SystemRandom random;
    bool first = true;
    for (int failures = 1;; ++failures) {
      v1::FollowRequest request;
      request.set_deployment(deployment_);
      request.set_epoch(epoch_);
      const absl::Status ended = control_->Follow(request, absl::Minutes(2), [&](const v1::FollowEvent& event) -> absl::Status {
        if (event.has_decision()) RETURN_IF_ERROR(Answer(event.decision().envelope()));
        if (first) heard();
        first = false;
        failures = 1;
        return absl::OkStatus();
      });
      if (!absl::IsUnavailable(ended)) std::fprintf(stderr, "%s: %s\n", name_.c_str(), ended.ToString().c_str());
      BackOff(absl::Seconds(std::min(10.0, 0.2 * std::pow(2, failures)) * (0.5 + random.Uniform() / 2)));
    }
  }

 private:
  absl::Status Answer(const v1::Envelope& envelope) {
    const long long came = NowNanos();
    ASSIGN_OR_RETURN(const v1::Decision decision, OpenDecision(envelope, *decision_key_));
    v1::ServingProof proof;
    proof.set_agent(name_);
    proof.set_deployment(deployment_);
    proof.set_epoch(decision.epoch());
    proof.set_decision_digest(Sha256(envelope.payload()).text());
    proof.set_state(decision.has_release() ? v1::SERVING_STATE_SERVING : v1::SERVING_STATE_CONTAINED);
    proof.set_release_digest(decision.release().digest());
    proof.set_snapshot_digest(decision.release().model_digest());
    *proof.mutable_proved_at() = ToProto(SystemClock().Now());
    v1::ReportProofRequest report;
    ASSIGN_OR_RETURN(*report.mutable_proof(), SignEnvelope(*key_, kProofPayloadType, MessageToJson(proof)));
    RETURN_IF_ERROR(control_->ReportProof(report));
    epoch_ = decision.epoch();
    std::printf("%s %llu %lld %lld\n", name_.c_str(), static_cast<unsigned long long>(decision.epoch()), came, NowNanos());
    std::fflush(stdout);
    return absl::OkStatus();
  }

  const std::string server_, ca_, deployment_;
  std::string name_;
  uint64_t epoch_ = 0;
  std::unique_ptr<EcPrivateKey> key_;
  std::unique_ptr<EcPublicKey> decision_key_;
  std::unique_ptr<ControlPort> control_;
};

absl::Status Main(const std::string& server, const std::string& ca_path, const std::string& deployment) {
  std::ifstream file(ca_path);
  const std::string ca((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ChannelOptions options;
  options.address = server;
  options.ca_pem = ca;
  ASSIGN_OR_RETURN(const auto channel, MakeChannel(options));
  std::vector<std::unique_ptr<BenchAgent>> agents;
  for (std::string token; std::getline(std::cin, token);) {
    agents.push_back(std::make_unique<BenchAgent>(server, ca, deployment));
    RETURN_IF_ERROR(agents.back()->Enrol(token, channel));
  }
  absl::Mutex mutex;
  size_t waiting = agents.size();
  std::vector<std::thread> threads;
  for (const auto& agent : agents) {
    threads.emplace_back([&] {
      agent->Follow([&] {
        absl::MutexLock lock(&mutex);
        --waiting;
      });
    });
  }
  {
    absl::MutexLock lock(&mutex);
    const auto all = [&] { return waiting == 0; };
    mutex.Await(absl::Condition(&all));
  }
  std::printf("ready\n");
  std::fflush(stdout);
  for (std::thread& thread : threads) thread.join();
  return absl::OkStatus();
}

}  // namespace
}  // namespace firebreak

int main(int count, char** arguments) {
  if (count != 4) {
    std::fprintf(stderr, "usage: bench_fleet <host:port> <ca.pem> <deployment>\n");
    return 2;
  }
  const absl::Status status = firebreak::Main(arguments[1], arguments[2], arguments[3]);
  if (!status.ok()) std::fprintf(stderr, "bench_fleet: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
