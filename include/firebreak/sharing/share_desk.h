// ShareDesk: what may leave the house. A record is built from an allow-list, shown byte for byte, approved by a second person
// over exactly those bytes, and delivered through a durable outbox; the ledger keeps what left, when, and to whom.
#ifndef FIREBREAK_SHARING_SHARE_DESK_H_
#define FIREBREAK_SHARING_SHARE_DESK_H_

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/random.h"
#include "firebreak/exchange/http_client.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/v1/sharing.pb.h"

namespace firebreak {

struct ShareWish {
  IncidentId incident;
  std::string destination;
  std::string bundle_digest;   // of the previewed bytes; empty = whatever the record is now (a playbook cannot preview)
  Identity requested_by;
  std::string request_id;      // the same id answers the same share
};

struct ShareParts {
  Ledger& ledger;
  IncidentDesk& incidents;
  RunDesk& runs;
  HttpClient& http;
  const Clock& clock;
  Random& random;              // destination keys
  Log& log;
  std::filesystem::path credential_folder;   // DATA/credentials; files are "user:password", mode 0600
};

// Thread-safe. Everything in the parts outlives it.
class ShareDesk {
 public:
  explicit ShareDesk(const ShareParts& parts) : parts_(parts) {}

  // The Sharing service.
  absl::StatusOr<v1::PutDestinationResponse> PutDestination(const Caller& caller, const v1::PutDestinationRequest& request);
  absl::StatusOr<v1::ListDestinationsResponse> ListDestinations(const Caller& caller, const v1::ListDestinationsRequest& request);
  absl::StatusOr<v1::PreviewShareResponse> PreviewShare(const Caller& caller, const v1::PreviewShareRequest& request);
  absl::StatusOr<v1::RequestShareResponse> RequestShare(const Caller& caller, const v1::RequestShareRequest& request);
  absl::StatusOr<v1::DecideShareResponse> DecideShare(const Caller& caller, const v1::DecideShareRequest& request);
  absl::StatusOr<v1::GetShareResponse> GetShare(const Caller& caller, const v1::GetShareRequest& request);
  absl::StatusOr<v1::ListSharesResponse> ListShares(const Caller& caller, const v1::ListSharesRequest& request);

  // Durable when it answers. kAborted when the record is no longer the one previewed. The same request id again answers the
  // share it led to, whatever has become of the incident since.
  absl::StatusOr<v1::Share> Propose(const ShareWish& wish);

  // Sends what is approved and due, one after another, and records each outcome. Blocks on the network: call it from a timer of
  // its own, never from a handler; a call while another is at work returns at once. Requests and decisions never wait for it.
  // Sending the same share again is harmless: ids are stable.
  absl::Status DeliverDue();

 private:
  struct Built;
  // When to ask again after a share the receiver is still working on. Only a hint: after a restart it is asked at once.
  struct Look {
    absl::Time at;
    uint32_t times = 0;
  };
  absl::StatusOr<std::optional<v1::Share>> FindRequested(const ShareWish& wish) const;
  absl::StatusOr<v1::Destination> LoadDestination(const std::string& name) const;
  absl::StatusOr<Built> BuildRecord(const IncidentId& incident, const std::string& destination);
  absl::Status DeliverOne(uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(delivering_);
  absl::Status Send(const v1::Share& share, const v1::Destination& destination) ABSL_EXCLUSIVE_LOCKS_REQUIRED(delivering_);
  absl::Status AskAfter(const v1::Share& share, const v1::Destination& destination) ABSL_EXCLUSIVE_LOCKS_REQUIRED(delivering_);
  absl::Status RecordFailure(uint64_t number, const absl::Status& why);
  absl::Status Record(uint64_t number, const std::function<void(v1::Share&)>& change, std::string_view action);

  const ShareParts parts_;
  absl::Mutex delivering_;
  std::map<uint64_t, Look> looks_ ABSL_GUARDED_BY(delivering_);
};

}  // namespace firebreak

#endif  // FIREBREAK_SHARING_SHARE_DESK_H_
