// A front desk with made-up identities and desks behind it, for tests of either door.
#ifndef FIREBREAK_TESTS_UNIT_DOORS_DOOR_HOUSE_H_
#define FIREBREAK_TESTS_UNIT_DOORS_DOOR_HOUSE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/notification.h"
#include "firebreak/base/check.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/doors/front_desk.h"
#include "firebreak/doors/method_table.h"
#include "firebreak/v1/access.pb.h"
#include "firebreak/v1/fleet.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak::testing {

class FakeDesk {
 public:
  absl::StatusOr<v1::WhoAmIResponse> WhoAmI(const Caller& caller, const v1::WhoAmIRequest&) {
    v1::WhoAmIResponse response;
    response.set_identity(caller.identity.text());
    return response;
  }
  // identity "block" waits until `release`; others fail in the way they are called.
  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const Caller&, const v1::CreateTokenRequest& request) {
    if (request.identity() == "block") {
      entered.Notify();
      release.WaitForNotification();
    }
    if (request.identity() == "missing") return absl::NotFoundError("identity missing: \"quoted\" ö");
    v1::CreateTokenResponse response;
    response.mutable_token()->set_identity(request.identity());
    return response;
  }
  // after_sequence many events; then run "end" closes, "break" fails, anything else stays open.
  absl::StatusOr<std::unique_ptr<Subscription>> WatchRun(const Caller&, const v1::WatchRunRequest& request,
                                                         std::shared_ptr<Sink<v1::WatchRunEvent>> sink) {
    if (request.run() == "unknown") return absl::NotFoundError("run unknown does not exist");
    struct Seat final : Subscription {
      explicit Seat(absl::Notification& notification) : left(notification) {}
      ~Seat() override {
        if (!left.HasBeenNotified()) left.Notify();
      }
      absl::Notification& left;
    };
    for (uint64_t i = 0; i < request.after_sequence(); ++i) {
      v1::WatchRunEvent event;
      event.mutable_run()->set_id(StrCat("RUN-", i + 1));
      event.mutable_run()->set_playbook(std::string(1000, 'x'));
      if (!sink->Send(std::move(event))) refused = i;
      if (refused) break;
    }
    if (request.run() == "end") sink->Close(absl::OkStatus());
    if (request.run() == "break") sink->Close(absl::DataLossError("broken"));
    held = sink;
    if (!sent.HasBeenNotified()) sent.Notify();
    return std::make_unique<Seat>(left);
  }
  absl::StatusOr<v1::EnrolAgentResponse> EnrolAgent(const Caller&, const v1::EnrolAgentRequest&) {
    return v1::EnrolAgentResponse();
  }
  absl::StatusOr<v1::ReportProofResponse> ReportProof(const Caller& caller, const v1::ReportProofRequest&) {
    agent = caller.agent.text();
    agent_identity = caller.identity.text();
    return v1::ReportProofResponse();
  }

  absl::Notification entered;
  absl::Notification release;
  absl::Notification left;
  absl::Notification sent;  // all a WatchRun had to send at once
  uint64_t refused = 0;
  std::string agent;
  std::string agent_identity;   // as it stands in the audit log
  std::shared_ptr<Sink<v1::WatchRunEvent>> held;
};

class DoorHouse {
 public:
  explicit DoorHouse(FrontDeskOptions options = {}, WorkerPoolOptions pool_options = {.threads = 4, .queue_max = 64})
      : pool(pool_options),
        desk(Identities{&DoorHouse::Authenticate, &DoorHouse::CheckAgent}, pool, clock, *log, metrics, options) {
    table.Unary("/firebreak.v1.Access/WhoAmI", Permission::kAuthenticated, fake, &FakeDesk::WhoAmI);
    table.Unary("/firebreak.v1.Access/CreateToken", Permission::kManageTokens, fake, &FakeDesk::CreateToken,
                {.request_bytes_max = 100'000});
    table.Unary("/firebreak.v1.Fleet/EnrolAgent", Permission::kOpen, fake, &FakeDesk::EnrolAgent);
    table.Unary("/firebreak.v1.Fleet/ReportProof", Permission::kActAsAgent, fake, &FakeDesk::ReportProof);
    table.Stream("/firebreak.v1.Runs/WatchRun", Permission::kRead, fake, &FakeDesk::WatchRun);
    absl::Time now = clock.Now();
    ca = std::make_unique<CertificateAuthority>(
        CertificateAuthority::Create("Firebreak test", now - absl::Hours(1), absl::Hours(48)).value());
    server = ca->IssueServer({{"localhost", "127.0.0.1"}, now - absl::Hours(1), absl::Hours(24)}).value();
  }
  ~DoorHouse() {
    if (!fake.release.HasBeenNotified()) fake.release.Notify();
    pool.Stop();
  }

  // Tokens are the names of roles; "two" is nobody.
  static absl::StatusOr<Caller> Authenticate(std::string_view token) {
    Caller caller;
    caller.identity = Identity(std::string(token));
    for (int number = v1::ROLE_VIEWER; number <= v1::ROLE_ADMIN; ++number) {
      v1::Role role = static_cast<v1::Role>(number);
      if (RoleName(role) == token) caller.roles = {role};
    }
    if (caller.roles.empty()) return absl::UnauthenticatedError("token is not known");
    return caller;
  }
  static absl::Status CheckAgent(const AgentName& agent, std::string_view certificate_pem) {
    if (ReadCertificate(certificate_pem).value().common_name != agent.text()) return absl::InternalError("not its certificate");
    if (agent.text() == "web-1") return absl::OkStatus();
    return absl::UnauthenticatedError(StrCat("agent ", agent.text(), " is not enrolled"));
  }

  SystemClock clock;
  std::unique_ptr<Log> log = Log::Silent();
  Metrics metrics;
  FakeDesk fake;
  WorkerPool pool;
  MethodTable table;
  FrontDesk desk;
  std::unique_ptr<CertificateAuthority> ca;
  IssuedCertificate server;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_DOORS_DOOR_HOUSE_H_
