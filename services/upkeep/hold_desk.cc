#include "firebreak/upkeep/hold_desk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/fleet.h"
#include "firebreak/storage/keys/incidents.h"
#include "firebreak/storage/keys/ledger.h"
#include "firebreak/storage/keys/reports.h"
#include "firebreak/storage/keys/upkeep.h"
#include "services/upkeep/releases.h"

namespace firebreak {
namespace {

constexpr size_t kRows = 256;
constexpr int kSnapshotsMax = 32;
constexpr uint32_t kPageDefault = 50;
constexpr uint32_t kPageMax = 200;
constexpr int kSubjectsMax = 500;   // one hold lists

// "INC-42" -> 42, 0 when it is something else.
uint64_t NumberOf(std::string_view prefix, std::string_view id) {
  uint64_t number = 0;
  if (!id.starts_with(prefix) || !absl::SimpleAtoi(ToAbsl(id.substr(prefix.size())), &number)) return 0;
  return number;
}

void AddNew(google::protobuf::RepeatedPtrField<std::string>* list, std::string text) {
  if (list->size() < kSubjectsMax && std::find(list->begin(), list->end(), text) == list->end()) *list->Add() = std::move(text);
}

}  // namespace

absl::StatusOr<absl::flat_hash_set<std::string>> HoldDesk::Dependants(const std::string& digest) const {
  absl::flat_hash_set<std::string> dependants = {digest};
  ASSIGN_OR_RETURN(const Digest parsed, Digest::Parse(digest));
  ASSIGN_OR_RETURN(const std::vector<v1::LineageNode> nodes, vault_.Descendants(parsed));
  for (const v1::LineageNode& node : nodes) dependants.insert(node.snapshot().digest());
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), DeploymentPrefix(), after, kRows));
    for (const auto& [key, deployment] : page.records) {
      for (const v1::ReleaseRecord& record : deployment.history()) {
        if (!HasPart(record.release(), digest)) continue;
        for (std::string& part : PartsOf(record.release())) dependants.insert(std::move(part));
      }
    }
    after = page.next_after;
  } while (!after.empty());
  return dependants;
}

std::string HoldDesk::SuspectOf(const v1::Incident& incident) const {
  if (!incident.snapshot_digest().empty() || incident.snapshot().empty()) return incident.snapshot_digest();
  const absl::StatusOr<v1::Snapshot> named = vault_.Resolve(incident.snapshot());
  return named.ok() ? named->digest() : "";
}

bool HoldDesk::Touches(const v1::Incident& incident, const absl::flat_hash_set<std::string>& dependants,
                       const std::string& digest) const {
  if (dependants.contains(SuspectOf(incident))) return true;
  return std::any_of(incident.affected().begin(), incident.affected().end(), [&](const std::string& name) {
    const absl::StatusOr<v1::Snapshot> affected = vault_.Resolve(name);   // deployments are among them, and do not resolve
    return affected.ok() && affected->digest() == digest;
  });
}

absl::StatusOr<std::string> HoldDesk::WhyHeld(Draft& draft, const std::string& digest) const {
  // New incidents and new holds take a number: whoever opens or places one meanwhile makes this draft be built again.
  RETURN_IF_ERROR(draft.Find(SequenceKey("incident")).status());
  RETURN_IF_ERROR(draft.Find(SequenceKey("hold")).status());
  const MetaStore& store = draft.store();
  const std::string subject = StrCat("snapshot/", digest);
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(store, keys::Holds(), after, kRows));
    for (const auto& [key, hold] : page.records) {
      const bool names_it = std::find(hold.subjects().begin(), hold.subjects().end(), subject) != hold.subjects().end();
      if (!hold.has_lifted_at() && names_it) return StrCat(hold.id(), " holds it (", hold.reason(), ")");
    }
    after = page.next_after;
  } while (!after.empty());
  ASSIGN_OR_RETURN(const absl::flat_hash_set<std::string> dependants, Dependants(digest));
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(store, keys::Incidents(), after, kRows));
    for (const auto& [key, incident] : page.records) {
      if (!Touches(incident, dependants, digest)) continue;
      ASSIGN_OR_RETURN(auto lifted, FindRecord(store, keys::IncidentHoldLifted(NumberOf("INC-", incident.id()))));
      if (!lifted) return StrCat(incident.id(), " holds it (", incident.title(), ")");
    }
    after = page.next_after;
  } while (!after.empty());
  return std::string();
}

absl::StatusOr<v1::Hold> HoldDesk::HoldOf(const v1::Incident& incident) const {
  v1::Hold hold;
  hold.set_id(incident.id());
  hold.set_incident(incident.id());
  hold.set_placed_by("firebreak");
  *hold.mutable_placed_at() = incident.detected_at();
  hold.set_reason(StrCat("touched by ", incident.id(), ": ", incident.title()));
  auto add = [&](std::string subject, std::string name) {
    AddNew(hold.mutable_subjects(), std::move(subject));
    if (!name.empty()) AddNew(hold.mutable_names(), std::move(name));
  };
  add(StrCat("incident/", incident.id()), incident.id());
  if (!incident.deployment().empty()) add(StrCat("deployment/", incident.deployment()), "");
  if (const std::string digest = SuspectOf(incident); !digest.empty()) {
    add(StrCat("snapshot/", digest), incident.snapshot());
    ASSIGN_OR_RETURN(const Digest suspect, Digest::Parse(digest));
    absl::StatusOr<std::vector<v1::LineageNode>> ancestors = vault_.Ancestors(suspect);
    if (ancestors.ok()) {
      for (const v1::LineageNode& node : *ancestors) {
        add(StrCat("snapshot/", node.snapshot().digest()), SnapshotName(node.snapshot()));
      }
    }
  }
  for (const std::string& name : incident.affected()) {
    absl::StatusOr<v1::Snapshot> snapshot = vault_.Resolve(name);
    if (snapshot.ok()) add(StrCat("snapshot/", snapshot->digest()), name);
  }
  ASSIGN_OR_RETURN(auto reports, ListRecords(ledger_.store(), keys::ReportsOfIncident(IncidentId(incident.id())), "", kRows));
  for (const auto& [key, report] : reports.records) add(StrCat("report/", report.id()), report.id());
  ASSIGN_OR_RETURN(auto lifted, FindRecord(ledger_.store(), keys::IncidentHoldLifted(NumberOf("INC-", incident.id()))));
  if (lifted) {
    hold.set_lifted_by(lifted->lifted_by());
    *hold.mutable_lifted_at() = lifted->lifted_at();
    hold.set_lift_reason(lifted->reason());
  }
  return hold;
}

absl::StatusOr<v1::PlaceHoldResponse> HoldDesk::PlaceHold(const Caller& caller, const v1::PlaceHoldRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  if (request.snapshots().empty() || request.snapshots_size() > kSnapshotsMax) {
    return absl::InvalidArgumentError(StrCat("a hold names 1 to ", kSnapshotsMax, " snapshots"));
  }
  v1::Hold hold;
  for (const std::string& name : request.snapshots()) {
    ASSIGN_OR_RETURN(const v1::Snapshot snapshot, vault_.Resolve(name));
    AddNew(hold.mutable_subjects(), StrCat("snapshot/", snapshot.digest()));
    AddNew(hold.mutable_names(), SnapshotName(snapshot));
  }
  const uint64_t incident = NumberOf("INC-", request.incident());
  if (!request.incident().empty()) {
    RETURN_IF_ERROR(LoadRecord(ledger_.store(), keys::Incident(incident), StrCat("incident ", request.incident())).status());
  }
  hold.set_incident(request.incident());
  hold.set_reason(request.reason());
  hold.set_placed_by(caller.identity.text());
  auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(const uint64_t number, draft.NextNumber("hold"));
    hold.set_id(NumberedId("HOLD", number));
    *hold.mutable_placed_at() = ToProto(clock_.Now());
    draft.Put(keys::Hold(number), hold);
    v1::AuditEntry entry = MakeEntry(caller.identity, "hold.placed",
                                       StrCat(hold.id(), " placed on ", hold.names(0),
                                              hold.names_size() > 1 ? StrCat(" and ", hold.names_size() - 1, " more") : "", ": ",
                                              request.reason()));
    AddSubject(entry, StrCat("hold/", hold.id()));
    if (!request.incident().empty()) AddSubject(entry, StrCat("incident/", request.incident()));
    for (const std::string& subject : hold.subjects()) AddSubject(entry, subject);
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  v1::PlaceHoldResponse response;
  *response.mutable_hold() = std::move(hold);
  return response;
}

absl::StatusOr<v1::Hold> HoldDesk::LiftIncident(const Caller& caller, const v1::LiftHoldRequest& request, uint64_t number) {
  ASSIGN_OR_RETURN(const v1::Incident incident,
                   LoadRecord(ledger_.store(), keys::Incident(number), StrCat("incident ", request.hold())));
  auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(auto before, draft.Find(keys::IncidentHoldLifted(number)));
    if (before) return absl::FailedPreconditionError(StrCat("the hold of ", request.hold(), " was lifted by ", before->lifted_by()));
    store::v1::HoldLifted lifted;
    lifted.set_lifted_by(caller.identity.text());
    *lifted.mutable_lifted_at() = ToProto(clock_.Now());
    lifted.set_reason(request.reason());
    draft.Put(keys::IncidentHoldLifted(number), lifted);
    v1::AuditEntry entry = MakeEntry(caller.identity, "hold.lifted",
                                       StrCat("the hold on what ", request.hold(), " touched was lifted: ", request.reason()));
    AddSubject(entry, StrCat("hold/", request.hold()));
    AddSubject(entry, StrCat("incident/", request.hold()));
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  return HoldOf(incident);
}

absl::StatusOr<v1::Hold> HoldDesk::LiftPlaced(const Caller& caller, const v1::LiftHoldRequest& request, uint64_t number) {
  v1::Hold hold;
  auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(hold, draft.Load(keys::Hold(number), StrCat("hold ", request.hold())));
    if (hold.has_lifted_at()) return absl::FailedPreconditionError(StrCat(hold.id(), " was lifted by ", hold.lifted_by()));
    hold.set_lifted_by(caller.identity.text());
    *hold.mutable_lifted_at() = ToProto(clock_.Now());
    hold.set_lift_reason(request.reason());
    draft.Put(keys::Hold(number), hold);
    v1::AuditEntry entry = MakeEntry(caller.identity, "hold.lifted", StrCat(hold.id(), " lifted: ", request.reason()));
    AddSubject(entry, StrCat("hold/", hold.id()));
    for (const std::string& subject : hold.subjects()) AddSubject(entry, subject);
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  return hold;
}

absl::StatusOr<v1::LiftHoldResponse> HoldDesk::LiftHold(const Caller& caller, const v1::LiftHoldRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  v1::LiftHoldResponse response;
  if (const uint64_t incident = NumberOf("INC-", request.hold()); incident > 0) {
    ASSIGN_OR_RETURN(*response.mutable_hold(), LiftIncident(caller, request, incident));
    return response;
  }
  const uint64_t number = NumberOf("HOLD-", request.hold());
  if (number == 0) {
    return absl::InvalidArgumentError(
        StrCat("hold ", request.hold(), ": give HOLD-3, or INC-42 for what that incident touched (next: firebreak hold list)"));
  }
  ASSIGN_OR_RETURN(*response.mutable_hold(), LiftPlaced(caller, request, number));
  return response;
}

absl::StatusOr<v1::ListHoldsResponse> HoldDesk::ListHolds(const Caller&, const v1::ListHoldsRequest& request) {
  std::string wanted;
  if (!request.snapshot().empty()) {
    ASSIGN_OR_RETURN(const v1::Snapshot snapshot, vault_.Resolve(request.snapshot()));
    wanted = StrCat("snapshot/", snapshot.digest());
  }
  ASSIGN_OR_RETURN(std::string after, FromBase64(request.page_token()));
  const size_t limit = request.page_size() == 0 ? kPageDefault : std::min(request.page_size(), kPageMax);
  v1::ListHoldsResponse response;
  const auto add = [&](v1::Hold hold) {
    if (hold.has_lifted_at() && !request.include_lifted()) return;
    const auto& subjects = hold.subjects();
    if (!wanted.empty() && std::find(subjects.begin(), subjects.end(), wanted) == subjects.end()) return;
    *response.add_holds() = std::move(hold);
  };
  // Incidents first, then what people placed; a page ends with either.
  const std::string placed = keys::Holds().bytes;
  if (after.empty() || after.compare(0, placed.size(), placed) != 0) {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::Incidents(), after, limit));
    for (const auto& [key, incident] : page.records) {
      ASSIGN_OR_RETURN(v1::Hold hold, HoldOf(incident));
      add(std::move(hold));
    }
    response.set_next_page_token(ToBase64Url(page.next_after.empty() ? placed : page.next_after));
    return response;
  }
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::Holds(), after == placed ? "" : after, limit));
  for (auto& [key, hold] : page.records) add(std::move(hold));
  if (!page.next_after.empty()) response.set_next_page_token(ToBase64Url(page.next_after));
  return response;
}

}  // namespace firebreak
