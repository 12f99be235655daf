// Destinations, previews, requests and decisions. Delivery is in outbox.cc.
#include "firebreak/sharing/share_desk.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/read.h"
#include "firebreak/sharing/record.h"
#include "firebreak/sharing/second_lock.h"
#include "firebreak/sharing/stix.h"
#include "firebreak/storage/keys/sharing.h"
#include "services/sharing/share_entries.h"

namespace firebreak {
namespace {

constexpr size_t kDestinationsMax = 100;
constexpr size_t kAddressBytesMax = 1024;
constexpr size_t kRunsPerRecordMax = 50;
constexpr size_t kRequestIdBytesMax = 128;
constexpr size_t kReasonBytesMax = 512;
constexpr int kSharesListedMax = 1000;

absl::Status CheckDestination(const v1::Destination& destination) {
  RETURN_IF_ERROR(CheckName("destination", destination.name()));
  if (!destination.tlp().empty() && !IsTlp(destination.tlp())) {
    return absl::InvalidArgumentError(StrCat("tlp ", destination.tlp(), " does not exist (clear, green, amber, amber+strict, red)"));
  }
  for (const std::string* text : {&destination.url(), &destination.ca_file()}) {
    if (text->size() > kAddressBytesMax) return absl::InvalidArgumentError(StrCat("an address or path is longer than ", kAddressBytesMax, " bytes"));
  }
  if (!destination.credential_ref().empty()) RETURN_IF_ERROR(CheckName("credential", destination.credential_ref()));
  switch (destination.kind()) {
    case v1::DESTINATION_KIND_TAXII21:
      if (!absl::StrContains(destination.url(), "/collections/")) {
        return absl::InvalidArgumentError(StrCat("url ", destination.url(), " is not a TAXII collection (…/collections/ID/)"));
      }
      return CheckOutgoingUrl(destination.url());
    case v1::DESTINATION_KIND_FILE_DROP:
      if (!absl::StartsWith(destination.url(), "/")) return absl::InvalidArgumentError("a file destination is an absolute folder on the service's host");
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError("destination kind: give taxii21 or file");
  }
}

// What a request id stands for.
std::string AskedFor(const ShareWish& wish) {
  return StrCat(wish.incident.text(), " to ", wish.destination, wish.bundle_digest.empty() ? "" : " as ", wish.bundle_digest);
}

// OK when the caller may decide the share, or has decided it in just this way.
absl::Status CheckDecision(const v1::Share& share, const Caller& caller, const v1::DecideShareRequest& request) {
  if (share.requested_by() == caller.identity.text()) {
    return absl::PermissionDeniedError(StrCat(share.id(), " was requested by ", caller.identity.text(), "; somebody else must decide"));
  }
  if (share.bundle_digest() != request.bundle_digest()) {
    return absl::AbortedError(StrCat(share.id(), " holds other bytes than those you name (next: firebreak share show ", share.id(), ")"));
  }
  if (share.state() == v1::SHARE_STATE_PROPOSED) return absl::OkStatus();
  const bool approved = share.state() != v1::SHARE_STATE_REFUSED;
  if (share.decided_by() == caller.identity.text() && approved == request.approve()) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat(share.id(), " is already ", approved ? "approved" : "refused", " by ", share.decided_by()));
}

}  // namespace

std::string DestinationDigest(const v1::Destination& destination) {
  return Sha256(StrCat(destination.name(), "\n", static_cast<int>(destination.kind()), "\n", destination.url(), "\n", destination.tlp())).text();
}

struct ShareDesk::Built {
  v1::SharedRecord record;
  std::string bundle;
  std::string digest;
  v1::Destination destination;
};

absl::StatusOr<v1::PutDestinationResponse> ShareDesk::PutDestination(const Caller& caller, const v1::PutDestinationRequest& request) {
  v1::Destination destination = request.destination();
  RETURN_IF_ERROR(CheckDestination(destination));
  if (destination.tlp().empty()) destination.set_tlp("amber");
  ASSIGN_OR_RETURN(auto known, ListRecords(parts_.ledger.store(), keys::Destinations(), "", kDestinationsMax));
  RETURN_IF_ERROR(parts_.ledger
                      .Transact([&](Draft& draft) -> absl::Status {
                        ASSIGN_OR_RETURN(auto before, draft.Find(keys::Destination(destination.name())));
                        if (!before && known.records.size() >= kDestinationsMax) {
                          return absl::ResourceExhaustedError(StrCat("at most ", kDestinationsMax, " destinations"));
                        }
                        *destination.mutable_created_at() = before ? before->created_at() : ToProto(parts_.clock.Now());
                        ASSIGN_OR_RETURN(auto key, draft.Find(keys::DestinationKey(destination.name())));
                        if (!key) {
                          store::v1::DestinationKey fresh;
                          fresh.set_key(parts_.random.Bytes(32));
                          draft.Put(keys::DestinationKey(destination.name()), fresh);
                        }
                        draft.Put(keys::Destination(destination.name()), destination);
                        v1::AuditEntry entry;
                        entry.set_actor(caller.identity.text());
                        entry.set_action("destination.put");
                        entry.add_subjects(StrCat("destination/", destination.name()));
                        entry.set_summary(StrCat("Destination ", destination.name(), " was set, TLP ", destination.tlp()));
                        draft.Record(std::move(entry));
                        return absl::OkStatus();
                      })
                      .status());
  v1::PutDestinationResponse response;
  *response.mutable_destination() = std::move(destination);
  return response;
}

absl::StatusOr<v1::ListDestinationsResponse> ShareDesk::ListDestinations(const Caller&, const v1::ListDestinationsRequest&) {
  v1::ListDestinationsResponse response;
  ASSIGN_OR_RETURN(auto page, ListRecords(parts_.ledger.store(), keys::Destinations(), "", kDestinationsMax));
  for (auto& [key, destination] : page.records) *response.add_destinations() = std::move(destination);
  return response;
}

absl::StatusOr<v1::Destination> ShareDesk::LoadDestination(const std::string& name) const {
  const MetaStore& store = parts_.ledger.store();
  RETURN_IF_ERROR(CheckName("destination", name));
  ASSIGN_OR_RETURN(auto destination, FindRecord(store, keys::Destination(name)));
  if (destination) return *std::move(destination);
  ASSIGN_OR_RETURN(auto page, ListRecords(store, keys::Destinations(), "", kDestinationsMax));
  std::vector<std::string> known;
  for (const auto& [key, other] : page.records) known.push_back(other.name());
  const std::string nearest = NearestName(name, known);
  const std::string hint = nearest.empty() ? "firebreak share destination list" : StrCat("did you mean ", nearest);
  return absl::NotFoundError(StrCat("destination ", name, " does not exist (next: ", hint, ")"));
}

absl::StatusOr<ShareDesk::Built> ShareDesk::BuildRecord(const IncidentId& incident, const std::string& destination) {
  const MetaStore& store = parts_.ledger.store();
  Built built;
  ASSIGN_OR_RETURN(built.destination, LoadDestination(destination));
  ASSIGN_OR_RETURN(auto key, LoadRecord(store, keys::DestinationKey(destination), StrCat("key of destination ", destination)));
  ASSIGN_OR_RETURN(v1::Incident facts, parts_.incidents.Load(incident));
  v1::ListRunsRequest request;
  request.set_incident(incident.text());
  request.set_page_size(kRunsPerRecordMax);
  ASSIGN_OR_RETURN(v1::ListRunsResponse runs, parts_.runs.ListRuns(ServiceCaller(), request));
  built.record = BuildSharedRecord(facts, {runs.runs().begin(), runs.runs().end()}, key.key());
  ASSIGN_OR_RETURN(built.bundle, WriteStixBundle(built.record, built.destination.tlp(), key.key()));
  RETURN_IF_ERROR(CheckLeavingBytes(built.bundle));
  built.digest = Sha256(built.bundle).text();
  return built;
}

absl::StatusOr<v1::PreviewShareResponse> ShareDesk::PreviewShare(const Caller&, const v1::PreviewShareRequest& request) {
  ASSIGN_OR_RETURN(Built built, BuildRecord(IncidentId(request.incident()), request.destination()));
  v1::PreviewShareResponse response;
  *response.mutable_record() = built.record;
  response.set_bundle(built.bundle);
  response.set_bundle_digest(built.digest);
  if (!built.destination.credential_ref().empty()) {
    response.set_sender_notice(StrCat("the record names nobody, but the receiver sees that it came from the account in credential ",
                                      built.destination.credential_ref()));
  }
  return response;
}

absl::StatusOr<std::optional<v1::Share>> ShareDesk::FindRequested(const ShareWish& wish) const {
  const MetaStore& store = parts_.ledger.store();
  ASSIGN_OR_RETURN(auto earlier, FindRecord(store, keys::ShareRequest(wish.requested_by.text(), wish.request_id)));
  if (!earlier) return std::optional<v1::Share>();
  if (earlier->asked() != AskedFor(wish)) {
    return absl::AlreadyExistsError(StrCat("request id ", wish.request_id, " was used for ", earlier->asked()));
  }
  ASSIGN_OR_RETURN(uint64_t number, ShareNumber(earlier->share()));
  ASSIGN_OR_RETURN(v1::Share share, LoadRecord(store, keys::Share(number), StrCat("share ", earlier->share())));
  return std::optional<v1::Share>(std::move(share));
}

absl::StatusOr<v1::Share> ShareDesk::Propose(const ShareWish& wish) {
  if (wish.request_id.size() > kRequestIdBytesMax || wish.request_id.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(StrCat("request_id: at most ", kRequestIdBytesMax, " bytes, none of them zero"));
  }
  // Looked up first: what was asked once is answered alike, even if another record would be built now.
  if (!wish.request_id.empty()) {
    ASSIGN_OR_RETURN(std::optional<v1::Share> earlier, FindRequested(wish));
    if (earlier) return *std::move(earlier);
  }
  ASSIGN_OR_RETURN(const Built built, BuildRecord(wish.incident, wish.destination));
  if (!wish.bundle_digest.empty() && wish.bundle_digest != built.digest) {
    return absl::AbortedError(StrCat("the record of ", wish.incident.text(), " is no longer the one previewed (next: preview it again)"));
  }
  v1::Share share;
  bool known = false;
  RETURN_IF_ERROR(parts_.ledger
                      .Transact([&](Draft& draft) -> absl::Status {
                        const auto request_key = keys::ShareRequest(wish.requested_by.text(), wish.request_id);
                        if (!wish.request_id.empty()) {
                          ASSIGN_OR_RETURN(auto earlier, draft.Find(request_key));
                          known = earlier.has_value();
                          if (known) return absl::OkStatus();
                        }
                        ASSIGN_OR_RETURN(uint64_t number, draft.NextNumber("share"));
                        share.Clear();
                        share.set_id(NumberedId("SHR", number));
                        share.set_incident(wish.incident.text());
                        share.set_destination(wish.destination);
                        share.set_destination_digest(DestinationDigest(built.destination));
                        share.set_state(v1::SHARE_STATE_PROPOSED);
                        *share.mutable_record() = built.record;
                        share.set_bundle(built.bundle);
                        share.set_bundle_digest(built.digest);
                        share.set_requested_by(wish.requested_by.text());
                        *share.mutable_requested_at() = ToProto(parts_.clock.Now());
                        draft.Put(keys::Share(number), share);
                        if (!wish.request_id.empty()) {
                          store::v1::ShareRequest request;
                          request.set_share(share.id());
                          request.set_asked(AskedFor(wish));
                          draft.Put(request_key, request);
                        }
                        draft.Record(ShareEntry(share, wish.requested_by.text(), "share.proposed",
                                                StrCat("Sharing an anonymised record with ", share.destination(), " was requested")));
                        return absl::OkStatus();
                      })
                      .status());
  if (!known) return share;
  ASSIGN_OR_RETURN(std::optional<v1::Share> earlier, FindRequested(wish));
  if (!earlier) return absl::AbortedError(StrCat("request ", wish.request_id, " moved while it was answered"));
  return *std::move(earlier);
}

absl::StatusOr<v1::RequestShareResponse> ShareDesk::RequestShare(const Caller& caller, const v1::RequestShareRequest& request) {
  if (request.bundle_digest().empty()) {
    return absl::InvalidArgumentError("bundle_digest: name the bytes you previewed (next: preview the share)");
  }
  v1::RequestShareResponse response;
  ASSIGN_OR_RETURN(*response.mutable_share(), Propose({IncidentId(request.incident()), request.destination(), request.bundle_digest(),
                                                       caller.identity, request.request_id()}));
  return response;
}

absl::StatusOr<v1::DecideShareResponse> ShareDesk::DecideShare(const Caller& caller, const v1::DecideShareRequest& request) {
  ASSIGN_OR_RETURN(uint64_t number, ShareNumber(request.share()));
  if (request.reason().size() > kReasonBytesMax) {
    return absl::InvalidArgumentError(StrCat("reason is ", request.reason().size(), " bytes, at most ", kReasonBytesMax));
  }
  v1::DecideShareResponse response;
  RETURN_IF_ERROR(parts_.ledger
                      .Transact([&](Draft& draft) -> absl::Status {
                        ASSIGN_OR_RETURN(v1::Share share, draft.Load(keys::Share(number), StrCat("share ", request.share())));
                        RETURN_IF_ERROR(CheckDecision(share, caller, request));
                        if (share.state() != v1::SHARE_STATE_PROPOSED) {   // decided by this very request, whose answer was lost
                          *response.mutable_share() = std::move(share);
                          return absl::OkStatus();
                        }
                        share.set_state(request.approve() ? v1::SHARE_STATE_APPROVED : v1::SHARE_STATE_REFUSED);
                        share.set_decided_by(caller.identity.text());
                        *share.mutable_decided_at() = ToProto(parts_.clock.Now());
                        if (request.approve()) {
                          *share.mutable_next_attempt_at() = share.decided_at();
                          store::v1::ShareDue due;
                          due.set_share(share.id());
                          draft.Put(keys::ShareDue(number), due);
                        }
                        draft.Put(keys::Share(number), share);
                        v1::AuditEntry entry = ShareEntry(share, caller.identity.text(), request.approve() ? "share.approved" : "share.refused",
                                                          StrCat(share.id(), request.approve() ? " may go: exactly " : " stays here: ", share.bundle_digest()));
                        if (!request.reason().empty()) (*entry.mutable_facts())["reason"] = request.reason();
                        draft.Record(std::move(entry));
                        *response.mutable_share() = std::move(share);
                        return absl::OkStatus();
                      })
                      .status());
  return response;
}

absl::StatusOr<v1::GetShareResponse> ShareDesk::GetShare(const Caller&, const v1::GetShareRequest& request) {
  ASSIGN_OR_RETURN(uint64_t number, ShareNumber(request.share()));
  v1::GetShareResponse response;
  ASSIGN_OR_RETURN(*response.mutable_share(), LoadRecord(parts_.ledger.store(), keys::Share(number), StrCat("share ", request.share())));
  return response;
}

absl::StatusOr<v1::ListSharesResponse> ShareDesk::ListShares(const Caller&, const v1::ListSharesRequest& request) {
  v1::ListSharesResponse response;
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(parts_.ledger.store(), keys::Shares(), after, 500));
    after = page.next_after;
    for (auto& [key, share] : page.records) {
      if (!request.incident().empty() && share.incident() != request.incident()) continue;
      share.clear_bundle();   // a list shows what there is; GetShare answers the bytes
      *response.add_shares() = std::move(share);
    }
  } while (!after.empty() && response.shares_size() < kSharesListedMax);
  return response;
}

}  // namespace firebreak
