#include "firebreak/channel/channel.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <thread>

#include "firebreak/base/text.h"
#include "firebreak/channel/control_port.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/v1/fleet.grpc.pb.h"

namespace firebreak {
namespace {

// A control plane that notes who calls and keeps streams open.
class TestFleet final : public v1::Fleet::Service {
 public:
  grpc::Status GetDecisionChain(grpc::ServerContext* context, const v1::GetDecisionChainRequest* request,
                                v1::GetDecisionChainResponse* response) override {
    for (const auto& [name, value] : context->client_metadata()) {
      if (name == "authorization") token = std::string(value.data(), value.size());
    }
    const auto names = context->auth_context()->FindPropertyValues("x509_common_name");
    if (!names.empty()) common_name = std::string(names[0].data(), names[0].size());
    if (request->deployment() == "unknown") return {grpc::StatusCode::NOT_FOUND, "deployment unknown does not exist"};
    if (request->deployment() == "large") response->add_envelopes()->set_payload(std::string(8 << 20, 'x'));
    return grpc::Status::OK;
  }
  grpc::Status Follow(grpc::ServerContext* context, const v1::FollowRequest*,
                      grpc::ServerWriter<v1::FollowEvent>* writer) override {
    v1::FollowEvent event;
    event.set_checkpoint("first");
    writer->Write(event);
    while (!context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  }
  std::string token, common_name;
};

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() {
    const absl::Time now = absl::Now();
    authority_ = *CertificateAuthority::Create("test", now - absl::Hours(1), absl::Hours(48));
    ServerCertificateWish wish;
    wish.names = {"localhost", "127.0.0.1"};
    wish.not_before = now - absl::Hours(1);
    wish.lifetime = absl::Hours(24);
    const IssuedCertificate server = *authority_->IssueServer(wish);
    grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = authority_->cert_pem();
    tls.pem_key_cert_pairs.push_back({server.key_pem, server.cert_pem});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port_);
    builder.RegisterService(&fleet_);
    server_ = builder.BuildAndStart();
    options_.address = StrCat("127.0.0.1:", port_);
    options_.ca_pem = authority_->cert_pem();
  }
  ~ChannelTest() override { server_->Shutdown(std::chrono::system_clock::now()); }
  std::unique_ptr<ControlPort> Dial() { return MakeGrpcControlPort(*MakeChannel(options_)); }
  v1::GetDecisionChainRequest ChainOf(const std::string& deployment) {
    v1::GetDecisionChainRequest request;
    request.set_deployment(deployment);
    return request;
  }

  std::optional<CertificateAuthority> authority_;
  TestFleet fleet_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  ChannelOptions options_;
};

TEST_F(ChannelTest, BringsTheTokenAndTheCertificateAlong) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  options_.token = "fbt_1_secret";
  options_.client_key_pem = key.ToPem();
  options_.client_cert_pem =
      *authority_->SignAgentRequest(*MakeCertificateRequest(key, "x"), "web-1", absl::Now(), absl::Hours(1));
  ASSERT_TRUE(Dial()->GetDecisionChain(ChainOf("fraud-prod")).ok());
  EXPECT_EQ(fleet_.token, "Bearer fbt_1_secret");
  EXPECT_EQ(fleet_.common_name, "web-1");
}

TEST_F(ChannelTest, KeepsCodeAndMessage) {
  const absl::Status status = Dial()->GetDecisionChain(ChainOf("unknown")).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(), "deployment unknown does not exist");
}

TEST_F(ChannelTest, TakesLargeMessages) { EXPECT_TRUE(Dial()->GetDecisionChain(ChainOf("large")).ok()); }

TEST_F(ChannelTest, RefusesAServerOfAnotherAuthority) {
  options_.ca_pem = CertificateAuthority::Create("other", absl::Now() - absl::Hours(1), absl::Hours(2))->cert_pem();
  EXPECT_TRUE(absl::IsUnavailable(Dial()->GetDecisionChain(ChainOf("fraud-prod")).status()));
}

TEST_F(ChannelTest, RefusesHalfAnIdentity) {
  options_.client_key_pem = "key";
  EXPECT_TRUE(absl::IsInvalidArgument(MakeChannel(options_).status()));
}

TEST_F(ChannelTest, AFollowEndsWhenTheServerGoesSilent) {
  int events = 0;
  const absl::Status status = Dial()->Follow(v1::FollowRequest(), absl::Milliseconds(100), [&](const v1::FollowEvent& event) {
    EXPECT_EQ(event.checkpoint(), "first");
    ++events;
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(events, 1);
}

TEST_F(ChannelTest, AFollowCanBeCancelled) {
  const std::unique_ptr<ControlPort> control = Dial();
  const absl::Status status = control->Follow(v1::FollowRequest(), absl::Minutes(1), [&](const v1::FollowEvent&) {
    control->Cancel();
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_TRUE(absl::IsCancelled(control->Follow(v1::FollowRequest(), absl::Minutes(1), {})));
}

}  // namespace
}  // namespace firebreak
