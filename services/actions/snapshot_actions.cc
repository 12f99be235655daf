// snapshot.quarantine and snapshot.verify.
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "firebreak/actions/specs.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/names.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

class QuarantineAction final : public Action {
 public:
  explicit QuarantineAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Quarantine(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    ASSIGN_OR_RETURN(v1::Snapshot suspect, parts_.vault.Resolve(TextField(call.inputs, "snapshot")));
    std::vector<Digest> targets;
    ASSIGN_OR_RETURN(Digest digest, Digest::Parse(suspect.digest()));
    targets.push_back(digest);
    std::vector<std::string> parents;
    if (FlagField(call.inputs, "with_parents")) {
      ASSIGN_OR_RETURN(std::vector<v1::LineageEdge> edges, NewTrainingData(suspect, DeploymentOf(call)));
      for (const v1::LineageEdge& edge : edges) {
        ASSIGN_OR_RETURN(Digest parent, Digest::Parse(edge.parent_digest()));
        targets.push_back(parent);
        parents.push_back(edge.parent_name());
      }
    }
    std::set<std::string> tainted, deployments;
    for (const Digest& target : targets) {
      ASSIGN_OR_RETURN(QuarantineSweep sweep, Quarantine(call, target));
      for (const v1::Snapshot& snapshot : sweep.tainted) tainted.insert(SnapshotName(snapshot));
      for (const DeploymentName& deployment : sweep.deployments) deployments.insert(deployment.text());
    }
    RETURN_IF_ERROR(NameAffected(call, suspect, parents, tainted, deployments));
    return Outputs()
        .Text("snapshot", SnapshotName(suspect))
        .List("parents", parents)
        .List("tainted", {tainted.begin(), tainted.end()})
        .List("deployments", {deployments.begin(), deployments.end()})
        .Done();
  }

  absl::StatusOr<ActionPreview> Preview(const ActionCall& call) const override {
    ASSIGN_OR_RETURN(const v1::Snapshot suspect, parts_.vault.Resolve(TextField(call.inputs, "snapshot")));
    ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(suspect.digest()));
    ASSIGN_OR_RETURN(const std::vector<v1::LineageNode> below, parts_.vault.Descendants(digest));
    ASSIGN_OR_RETURN(const std::vector<DeploymentName> serving, parts_.fleet.DeploymentsServing(digest));
    const bool own = suspect.has_quarantine() && suspect.quarantine().tainted_by().empty();
    ActionPreview preview;
    preview.now = StrCat(SnapshotName(suspect), own ? " is quarantined" : suspect.has_quarantine() ? " is tainted" : " may be restored");
    preview.then = StrCat(SnapshotName(suspect), " is quarantined");
    preview.blast_radius = StrCat(below.size(), " snapshots made from it, ", serving.size(), " deployments serve it");
    return preview;
  }

 private:
  // The datasets this version was trained on that the last release in good health does not rest on: what came in with the
  // suspect. Data shared with a healthy release is not condemned by one bad child.
  absl::StatusOr<std::vector<v1::LineageEdge>> NewTrainingData(const v1::Snapshot& suspect, const DeploymentName& name) {
    std::set<std::string> healthy;
    if (!name.empty()) {
      ASSIGN_OR_RETURN(v1::Deployment deployment, parts_.fleet.LoadDeployment(name));
      for (auto record = deployment.history().rbegin(); record != deployment.history().rend(); ++record) {
        if (!record->proven() || record->removed_for_cause() || record->release().model_digest() == suspect.digest()) continue;
        ASSIGN_OR_RETURN(Digest model, Digest::Parse(record->release().model_digest()));
        ASSIGN_OR_RETURN(std::vector<v1::LineageNode> ancestors, parts_.vault.Ancestors(model));
        for (const v1::LineageNode& node : ancestors) healthy.insert(node.snapshot().digest());
        break;
      }
    }
    std::vector<v1::LineageEdge> edges;
    for (const v1::LineageEdge& edge : suspect.lineage()) {
      if (edge.relation() == v1::LINEAGE_RELATION_TRAINED_ON && !healthy.contains(edge.parent_digest())) edges.push_back(edge);
    }
    return edges;
  }

  absl::StatusOr<QuarantineSweep> Quarantine(const ActionCall& call, const Digest& digest) {
    const std::string cause = call.incident.empty() ? Cause(call) : call.incident.text();
    QuarantineWish wish{.snapshot = digest, .reason = StrCat("suspected in ", cause), .incident = call.incident, .actor = RunActor(call)};
    ASSIGN_OR_RETURN(const v1::Snapshot now, parts_.vault.Resolve(digest.text()));
    if (now.has_quarantine() && now.quarantine().tainted_by().empty() && now.quarantine().incident() == call.incident.text()) {
      // Done before, for this incident: the sweep is made afresh, on a draft that nobody commits.
      Draft scratch(parts_.ledger.store());
      return parts_.vault.AddQuarantine(scratch, wish);
    }
    QuarantineSweep sweep;
    RETURN_IF_ERROR(Write(parts_.ledger, [&](Draft& draft) -> absl::Status {
      ASSIGN_OR_RETURN(sweep, parts_.vault.AddQuarantine(draft, wish));
      return absl::OkStatus();
    }));
    return sweep;
  }

  absl::Status NameAffected(const ActionCall& call, const v1::Snapshot& suspect, const std::vector<std::string>& parents,
                            const std::set<std::string>& tainted, const std::set<std::string>& deployments) {
    if (call.incident.empty()) return absl::OkStatus();
    std::vector<std::string> names = {SnapshotName(suspect)};
    names.insert(names.end(), parents.begin(), parents.end());
    names.insert(names.end(), tainted.begin(), tainted.end());
    for (const std::string& deployment : deployments) names.push_back(StrCat("deployment/", deployment));
    return Write(parts_.ledger, [&](Draft& draft) { return parts_.incidents.AddAffected(draft, call.incident, names); });
  }

  const ActionParts parts_;
};

class VerifyAction final : public Action {
 public:
  explicit VerifyAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Verify(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    const std::string given = TextField(call.inputs, "snapshot");
    ASSIGN_OR_RETURN(v1::Snapshot snapshot, parts_.vault.Resolve(given));
    ASSIGN_OR_RETURN(Digest digest, Digest::Parse(snapshot.digest()));
    ASSIGN_OR_RETURN(v1::VerifySnapshotResponse answer, parts_.vault.Verify(digest, RunActor(call), given));
    return Outputs()
        .Text("verdict", answer.intact() ? "intact" : "damaged")
        .List("findings", {answer.findings().begin(), answer.findings().end()})
        .Done();
  }

 private:
  const ActionParts parts_;
};

}  // namespace

void AddSnapshotActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  catalogue.Add(std::make_unique<QuarantineAction>(parts));
  catalogue.Add(std::make_unique<VerifyAction>(parts));
}

}  // namespace firebreak
