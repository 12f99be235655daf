#include "firebreak/doors/grpc_door.h"

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/impl/codegen/client_unary_call.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"
#include "reflection.pb.h"
#include "tests/unit/doors/door_house.h"

namespace firebreak {
namespace {

using grpc::internal::RpcMethod;
using ::testing::Contains;
using ::testing::HasSubstr;

class GrpcDoorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = GrpcDoor::Start(house.table, house.desk,
                                   {"127.0.0.1:0", house.server.cert_pem, house.server.key_pem, house.ca->cert_pem()});
    ASSERT_TRUE(started.ok()) << started.status();
    door = *std::move(started);
    channel = Connect("", "");
  }
  void TearDown() override {
    channel.reset();
    if (!house.fake.release.HasBeenNotified()) house.fake.release.Notify();
    if (door) door->Stop(absl::Seconds(5));
  }
  std::shared_ptr<grpc::Channel> Connect(std::string key_pem, std::string cert_pem) {
    grpc::SslCredentialsOptions options{house.ca->cert_pem(), std::move(key_pem), std::move(cert_pem)};
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(StrCat("localhost:", door->port()), grpc::SslCredentials(options), arguments);
  }
  template <typename Request, typename Response>
  grpc::Status Call(const char* path, std::string_view token, const Request& request, Response& response,
                    absl::Duration timeout = absl::Seconds(20)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(house.clock.Now() + timeout));
    if (!token.empty()) context.AddMetadata("authorization", StrCat("Bearer ", token));
    RpcMethod method(path, RpcMethod::NORMAL_RPC);
    return grpc::internal::BlockingUnaryCall<Request, Response>(channel.get(), method, &context, request, &response);
  }
  std::unique_ptr<grpc::ClientReader<v1::WatchRunEvent>> Watch(grpc::ClientContext& context, std::string run,
                                                               uint64_t events) {
    context.AddMetadata("authorization", "Bearer viewer");
    v1::WatchRunRequest request;
    request.set_run(std::move(run));
    request.set_after_sequence(events);
    RpcMethod method("/firebreak.v1.Runs/WatchRun", RpcMethod::SERVER_STREAMING);
    return std::unique_ptr<grpc::ClientReader<v1::WatchRunEvent>>(
        grpc::internal::ClientReaderFactory<v1::WatchRunEvent>::Create(channel.get(), method, &context, request));
  }

  testing::DoorHouse house;
  std::unique_ptr<GrpcDoor> door;
  std::shared_ptr<grpc::Channel> channel;
};

TEST_F(GrpcDoorTest, AnswersAUnaryCall) {
  v1::WhoAmIResponse response;
  grpc::Status status = Call("/firebreak.v1.Access/WhoAmI", "viewer", v1::WhoAmIRequest(), response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.identity(), "viewer");
}

TEST_F(GrpcDoorTest, PassesOnCodeAndMessage) {
  v1::CreateTokenRequest request;
  request.set_identity("missing");
  v1::CreateTokenResponse response;
  grpc::Status status = Call("/firebreak.v1.Access/CreateToken", "admin", request, response);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "identity missing: \"quoted\" ö");
}

TEST_F(GrpcDoorTest, RefusesUnknownTokensAndMethods) {
  v1::WhoAmIResponse response;
  EXPECT_EQ(Call("/firebreak.v1.Access/WhoAmI", "nobody", v1::WhoAmIRequest(), response).error_code(),
            grpc::UNAUTHENTICATED);
  EXPECT_EQ(Call("/firebreak.v1.Access/WhoAmI", "", v1::WhoAmIRequest(), response).error_code(), grpc::UNAUTHENTICATED);
  EXPECT_EQ(Call("/firebreak.v1.Access/Nothing", "admin", v1::WhoAmIRequest(), response).error_code(),
            grpc::UNIMPLEMENTED);
}

TEST_F(GrpcDoorTest, RefusesARequestOverItsMethodsLimitAndOverTheTransports) {
  v1::CreateTokenRequest request;
  v1::CreateTokenResponse response;
  request.set_identity(std::string(200'000, 'a'));
  EXPECT_EQ(Call("/firebreak.v1.Access/CreateToken", "admin", request, response).error_code(),
            grpc::RESOURCE_EXHAUSTED);
  request.set_identity(std::string(6'000'000, 'a'));
  EXPECT_EQ(Call("/firebreak.v1.Access/CreateToken", "admin", request, response).error_code(),
            grpc::RESOURCE_EXHAUSTED);
}

TEST_F(GrpcDoorTest, ReadsNoMessageOfSomebodyWhoMayNotSendIt) {
  for (const std::string who : {"", "who", "viewer"}) {
    grpc::ClientContext context;
    if (!who.empty()) context.AddMetadata("authorization", StrCat("Bearer ", who));
    grpc::GenericStub stub(channel);
    grpc::CompletionQueue queue;
    auto call = stub.PrepareCall(&context, "/firebreak.v1.Access/CreateToken", &queue);
    int tag = 0;
    void* got = nullptr;
    bool ok = false;
    call->StartCall(&tag);
    ASSERT_TRUE(queue.Next(&got, &ok) && ok);
    grpc::Status status;   // and never a message
    call->Finish(&status, &tag);
    ASSERT_TRUE(queue.Next(&got, &ok));
    EXPECT_EQ(status.error_code(), who == "viewer" ? grpc::PERMISSION_DENIED : grpc::UNAUTHENTICATED) << who;
    queue.Shutdown();
    while (queue.Next(&got, &ok)) {
    }
  }
}

TEST_F(GrpcDoorTest, RefusesBytesThatAreNoMessage) {
  grpc::Slice slice(std::string("\x0a\xff\xff", 3));
  grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  EXPECT_EQ(Call("/firebreak.v1.Access/CreateToken", "admin", request, response).error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(GrpcDoorTest, AClientsDeadlineHoldsWhileTheHandlerRuns) {
  v1::CreateTokenRequest request;
  request.set_identity("block");
  v1::CreateTokenResponse response;
  EXPECT_EQ(Call("/firebreak.v1.Access/CreateToken", "admin", request, response, absl::Milliseconds(200)).error_code(),
            grpc::DEADLINE_EXCEEDED);
}

TEST_F(GrpcDoorTest, AnAgentIsKnownByItsCertificateOnlyWhileEnrolled) {
  for (const std::string name : {"web-1", "web-2"}) {
    EcPrivateKey key = EcPrivateKey::Generate(EcCurve::kP256).value();
    std::string csr = MakeCertificateRequest(key, name).value();
    std::string cert = house.ca->SignAgentRequest(csr, name, house.clock.Now(), absl::Hours(1)).value();
    channel = Connect(key.ToPem(), cert);
    v1::ReportProofResponse response;
    grpc::Status status = Call("/firebreak.v1.Fleet/ReportProof", "", v1::ReportProofRequest(), response);
    if (name == "web-1") {
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(house.fake.agent, "web-1");
      EXPECT_EQ(house.fake.agent_identity, "agent/web-1") << "a token may have an agent's name; they must not be mistaken";
    } else {
      EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED);
      EXPECT_THAT(status.error_message(), HasSubstr("web-2 is not enrolled"));
    }
  }
}

TEST_F(GrpcDoorTest, ACertificateOfAnotherAuthorityDoesNotGetThrough) {
  CertificateAuthority other =
      CertificateAuthority::Create("Other", house.clock.Now() - absl::Hours(1), absl::Hours(9)).value();
  EcPrivateKey key = EcPrivateKey::Generate(EcCurve::kP256).value();
  std::string csr = MakeCertificateRequest(key, "web-1").value();
  channel = Connect(key.ToPem(), other.SignAgentRequest(csr, "web-1", house.clock.Now(), absl::Hours(1)).value());
  v1::ReportProofResponse response;
  EXPECT_EQ(Call("/firebreak.v1.Fleet/ReportProof", "", v1::ReportProofRequest(), response).error_code(),
            grpc::UNAVAILABLE);
}

TEST_F(GrpcDoorTest, StreamsUntilTheEnd) {
  for (bool broken : {false, true}) {
    grpc::ClientContext context;
    auto stream = Watch(context, broken ? "break" : "end", broken ? 0 : 3);
    std::vector<std::string> runs;
    for (v1::WatchRunEvent event; stream->Read(&event);) runs.push_back(event.run().id());
    EXPECT_EQ(runs.size(), broken ? 0u : 3u);
    EXPECT_EQ(stream->Finish().error_code(), broken ? grpc::DATA_LOSS : grpc::OK);
  }
}

TEST_F(GrpcDoorTest, ARefusedStreamSaysWhy) {
  grpc::ClientContext context;
  auto stream = Watch(context, "unknown", 0);
  v1::WatchRunEvent event;
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_EQ(stream->Finish().error_code(), grpc::NOT_FOUND);
}

TEST_F(GrpcDoorTest, TheSubscriptionEndsWhenTheClientLeaves) {
  grpc::ClientContext context;
  auto stream = Watch(context, "open", 1);
  v1::WatchRunEvent event;
  ASSERT_TRUE(stream->Read(&event));
  context.TryCancel();
  house.fake.left.WaitForNotification();
  EXPECT_EQ(stream->Finish().error_code(), grpc::CANCELLED);
  EXPECT_FALSE(house.fake.held->Send(v1::WatchRunEvent()));
}

TEST_F(GrpcDoorTest, AReaderTooFarBehindIsLetGo) {
  grpc::ClientContext context;
  auto stream = Watch(context, "open", 100'000);
  house.fake.sent.WaitForNotification();  // only now does the reader begin
  uint64_t received = 0;
  for (v1::WatchRunEvent event; stream->Read(&event);) ++received;
  EXPECT_EQ(stream->Finish().error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_GT(house.fake.refused, 255u);
  EXPECT_LT(received, 100'000u);
}

TEST_F(GrpcDoorTest, StoppingEndsStreamsAndRunsAreFinished) {
  grpc::ClientContext context;
  auto stream = Watch(context, "open", 1);
  v1::WatchRunEvent event;
  ASSERT_TRUE(stream->Read(&event));
  door->Stop(absl::Seconds(5));
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_EQ(stream->Finish().error_code(), grpc::UNAVAILABLE);
  // The desk is told on a worker of its own, soon after.
  EXPECT_TRUE(house.fake.left.WaitForNotificationWithTimeout(absl::Seconds(10)));
}

TEST_F(GrpcDoorTest, HealthSaysServingForEveryService) {
  for (const std::string name : {"", "firebreak.v1.Fleet"}) {
    std::string bytes;
    if (!name.empty()) bytes = StrCat("\x0a", std::string(1, static_cast<char>(name.size())), name);
    grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status = Call("/grpc.health.v1.Health/Check", "", request, response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    grpc::Slice answer;
    ASSERT_TRUE(response.DumpToSingleSlice(&answer).ok());
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(answer.begin()), answer.size()), "\x08\x01");  // SERVING
  }
}

TEST_F(GrpcDoorTest, ReflectionListsOurServicesAndGivesTheirFiles) {
  namespace reflection = grpc::reflection::v1alpha;
  grpc::ClientContext context;
  RpcMethod method("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", RpcMethod::BIDI_STREAMING);
  std::unique_ptr<grpc::ClientReaderWriter<reflection::ServerReflectionRequest, reflection::ServerReflectionResponse>>
      stream(grpc::internal::ClientReaderWriterFactory<reflection::ServerReflectionRequest,
                                                       reflection::ServerReflectionResponse>::Create(channel.get(),
                                                                                                     method, &context));
  reflection::ServerReflectionRequest request;
  request.set_list_services("");
  reflection::ServerReflectionResponse response;
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
  EXPECT_THAT(names, Contains("firebreak.v1.Fleet"));

  request.set_file_containing_symbol("firebreak.v1.Fleet.Contain");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  std::vector<std::string> files;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    files.push_back(file.name());
  }
  EXPECT_THAT(files, Contains("firebreak/v1/fleet.proto"));
  EXPECT_THAT(files, Contains("google/protobuf/timestamp.proto"));

  request.set_file_containing_symbol("no.such.Thing");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error_response().error_code(), grpc::NOT_FOUND);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(GrpcDoorTest, ASecondServerDoesNotShareThePort) {
  auto second = GrpcDoor::Start(house.table, house.desk,
                                {StrCat("127.0.0.1:", door->port()), house.server.cert_pem, house.server.key_pem, ""});
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

}  // namespace
}  // namespace firebreak
