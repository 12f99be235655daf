// Quarantine: written on one snapshot, read from every descendant. And what follows from it: holds, sweeps, lifting; and the
// same question asked of a signing key.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/lineage.h"
#include "services/snapshots/parts.h"
#include "services/snapshots/signature_log.h"

namespace firebreak {
namespace {

constexpr size_t kTaintedListed = 500;   // of what a quarantine taints, with their records

std::string Names(const std::vector<DeploymentName>& deployments) {
  std::string text;
  for (const DeploymentName& name : deployments) {
    if (text.size() > 200) return text + ", …";
    StrAppend(&text, text.empty() ? "" : ", ", name.text());
  }
  return text;
}

}  // namespace

absl::StatusOr<std::vector<DeploymentName>> SnapshotVault::Parts::Serving(const std::vector<std::string>& digests) const {
  std::set<DeploymentName> names;
  if (served_parts) {
    const absl::flat_hash_set<std::string> wanted(digests.begin(), digests.end());
    ASSIGN_OR_RETURN(std::vector<ServedPart> served, served_parts());
    for (ServedPart& part : served) {
      if (wanted.contains(part.snapshot)) names.insert(std::move(part.deployment));
    }
    return std::vector<DeploymentName>(names.begin(), names.end());
  }
  if (!serving) return std::vector<DeploymentName>();
  for (const std::string& text : digests) {
    ASSIGN_OR_RETURN(Digest digest, Digest::Parse(text));
    ASSIGN_OR_RETURN(std::vector<DeploymentName> found, serving(digest));
    names.insert(found.begin(), found.end());
  }
  return std::vector<DeploymentName>(names.begin(), names.end());
}

absl::StatusOr<QuarantineSweep> SnapshotVault::Parts::Sweep(const std::string& digest) {
  QuarantineSweep sweep;
  ASSIGN_OR_RETURN(sweep.snapshot, catalogue.LoadByDigest(digest));
  ASSIGN_OR_RETURN(Digest raw, Digest::Parse(digest));
  std::vector<std::string> digests;   // it and everything that may not be served because of it
  RETURN_IF_ERROR(index.Read([&](const LineageGraph& graph) -> absl::Status {
    const std::optional<LineageGraph::Node> start = graph.Find(raw);
    if (!start) return absl::OkStatus();
    for (const LineageGraph::Reached& reached : graph.Touched({*start})) {
      if (reached.touch != v1::BLAST_TOUCH_EVALUATED) digests.push_back(graph.digest(reached.node).text());
    }
    return absl::OkStatus();
  }));
  if (digests.empty()) digests.push_back(digest);
  sweep.tainted_total = digests.size() - 1;
  for (size_t i = 1; i < digests.size() && sweep.tainted.size() < kTaintedListed; ++i) {
    ASSIGN_OR_RETURN(v1::Snapshot snapshot,
                     LoadRecord(ledger.store(), keys::SnapshotByDigest(digests[i]), StrCat("snapshot ", digests[i])));
    snapshot.clear_quarantine();
    ASSIGN_OR_RETURN(std::optional<v1::Quarantine> own, FindRecord(ledger.store(), keys::SnapshotQuarantine(digests[i])));
    if (own) *snapshot.mutable_quarantine() = *std::move(own);
    sweep.tainted.push_back(std::move(snapshot));
  }
  ASSIGN_OR_RETURN(sweep.deployments, Serving(digests));
  return sweep;
}

absl::StatusOr<std::vector<v1::LineageNode>> SnapshotVault::Parts::NearestDescendants(const Digest& digest, uint32_t depth_max,
                                                                                     size_t nodes_max, uint64_t* total) {
  struct Found {
    std::string digest, from;
    v1::LineageRelation relation;
    uint32_t distance;
  };
  std::vector<Found> found;
  *total = 0;
  RETURN_IF_ERROR(index.Read([&](const LineageGraph& graph) -> absl::Status {
    const std::optional<LineageGraph::Node> start = graph.Find(digest);
    if (!start) return absl::OkStatus();
    for (const LineageGraph::Reached& reached : graph.Walk(*start, LineageGraph::Direction::kDown)) {
      if (depth_max > 0 && reached.distance > depth_max) break;
      if (!graph.exists(reached.node)) continue;
      if (++*total > nodes_max) continue;
      found.push_back({graph.digest(reached.node).text(), graph.digest(reached.from).text(), reached.relation, reached.distance});
    }
    return absl::OkStatus();
  }));
  std::vector<v1::LineageNode> nodes;
  for (const Found& one : found) {
    v1::LineageNode node;
    ASSIGN_OR_RETURN(*node.mutable_snapshot(),
                     LoadRecord(ledger.store(), keys::SnapshotByDigest(one.digest), StrCat("snapshot ", one.digest)));
    node.set_relation(one.relation);
    node.set_reached_from(one.from);
    node.set_distance(one.distance);
    nodes.push_back(std::move(node));
  }
  return nodes;
}

absl::StatusOr<QuarantineSweep> SnapshotVault::AddQuarantine(Draft& draft, const QuarantineWish& wish) {
  RETURN_IF_ERROR(CheckReason(wish.reason));
  const std::string digest = wish.snapshot.text();
  ASSIGN_OR_RETURN(QuarantineSweep sweep, parts_->Sweep(digest));
  ASSIGN_OR_RETURN(std::optional<v1::Quarantine> before, draft.Find(keys::SnapshotQuarantine(digest)));
  v1::Quarantine quarantine;
  if (before) {
    quarantine = *before;
  } else {
    quarantine.set_reason(wish.reason);
    quarantine.set_incident(wish.incident.text());
    quarantine.set_actor(wish.actor.text());
    *quarantine.mutable_time() = ToProto(parts_->clock.Now());
    draft.Put(keys::SnapshotQuarantine(digest), quarantine);
    RETURN_IF_ERROR(TouchLineage(draft));
  }
  *sweep.snapshot.mutable_quarantine() = quarantine;
  for (v1::Snapshot& tainted : sweep.tainted) {
    if (tainted.has_quarantine()) continue;
    *tainted.mutable_quarantine() = quarantine;
    tainted.mutable_quarantine()->set_tainted_by(digest);
  }
  const std::string name = SnapshotName(sweep.snapshot);
  v1::AuditEntry entry = MakeEntry(wish.actor, before ? "snapshot.quarantine_confirmed" : "snapshot.quarantined",
                                   StrCat(name, before ? " stays quarantined" : " quarantined", ", ", sweep.tainted_total,
                                          " made from it tainted: ", wish.reason));
  AddSubjects(entry, sweep.snapshot);
  if (!wish.incident.empty()) AddSubject(entry, StrCat("incident/", wish.incident.text()));
  for (const DeploymentName& deployment : sweep.deployments) AddSubject(entry, StrCat("deployment/", deployment.text()));
  (*entry.mutable_facts())["digest"] = digest;
  (*entry.mutable_facts())["tainted"] = absl::StrCat(sweep.tainted_total);
  (*entry.mutable_facts())["deployments"] = Names(sweep.deployments);
  draft.Record(std::move(entry));
  return sweep;
}

absl::StatusOr<v1::QuarantineSnapshotResponse> SnapshotVault::QuarantineSnapshot(
    const Caller& caller, const v1::QuarantineSnapshotRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, Resolve(request.snapshot()));
  QuarantineWish wish;
  ASSIGN_OR_RETURN(wish.snapshot, Digest::Parse(snapshot.digest()));
  wish.reason = request.reason();
  wish.incident = IncidentId(request.incident());
  wish.actor = caller.identity;

  QuarantineSweep sweep;
  const bool repeated = snapshot.quarantine().tainted_by().empty() && snapshot.quarantine().reason() == request.reason() &&
                        snapshot.quarantine().incident() == request.incident();
  if (request.validate_only() || repeated) {
    Draft draft(parts_->ledger.store());
    ASSIGN_OR_RETURN(sweep, AddQuarantine(draft, wish));
  } else {
    auto build = [&](Draft& draft) -> absl::Status {
      ASSIGN_OR_RETURN(sweep, AddQuarantine(draft, wish));
      return absl::OkStatus();
    };
    RETURN_IF_ERROR(parts_->ledger.Transact(build).status());
  }
  v1::QuarantineSnapshotResponse response;
  *response.mutable_snapshot() = std::move(sweep.snapshot);
  for (v1::Snapshot& tainted : sweep.tainted) *response.add_tainted() = std::move(tainted);
  for (const DeploymentName& name : sweep.deployments) response.add_deployments(name.text());
  response.set_tainted_total(sweep.tainted_total);
  return response;
}

absl::StatusOr<v1::LiftQuarantineResponse> SnapshotVault::LiftQuarantine(const Caller& caller,
                                                                         const v1::LiftQuarantineRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, Resolve(request.snapshot()));
  const std::string name = SnapshotName(snapshot);
  auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(std::optional<v1::Quarantine> own, draft.Find(keys::SnapshotQuarantine(snapshot.digest())));
    if (!own && snapshot.has_quarantine()) {
      return WithNextStep(absl::FailedPreconditionError(StrCat(name, " is not quarantined itself, it is tainted by ",
                                                               snapshot.quarantine().tainted_by())),
                          "lift the quarantine of that one");
    }
    if (!own) return absl::FailedPreconditionError(StrCat(name, " is not quarantined"));
    draft.Delete(keys::SnapshotQuarantine(snapshot.digest()));
    RETURN_IF_ERROR(TouchLineage(draft));
    v1::AuditEntry entry = MakeEntry(caller.identity, "snapshot.quarantine_lifted",
                                     StrCat("quarantine of ", name, " lifted: ", request.reason()));
    AddSubjects(entry, snapshot);
    if (!own->incident().empty()) AddSubject(entry, StrCat("incident/", own->incident()));
    (*entry.mutable_facts())["digest"] = snapshot.digest();
    (*entry.mutable_facts())["quarantined_because"] = own->reason();
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(parts_->ledger.Transact(build).status());
  v1::LiftQuarantineResponse response;
  ASSIGN_OR_RETURN(*response.mutable_snapshot(), Resolve(request.snapshot()));
  return response;
}

absl::Status SnapshotVault::Hold(Draft& draft, const Digest& snapshot) const {
  RETURN_IF_ERROR(draft.Find(keys::SnapshotByDigest(snapshot.text())).status());   // its own lineage, when pushed again
  RETURN_IF_ERROR(parts_->signatures.Hold(draft, snapshot.text()));
  return ExpectLineage(draft);
}

}  // namespace firebreak
