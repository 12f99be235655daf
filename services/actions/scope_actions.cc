// What is affected: lineage.sweep, snapshot.describe, snapshot.signed_by, deployment.serving, deployment.list. Reads only.
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "firebreak/actions/specs.h"
#include "firebreak/base/status.h"
#include "firebreak/snapshots/names.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

constexpr size_t kNamesMax = 1000;       // in one list; a for_each goes no further
constexpr uint32_t kPageSize = 500;
constexpr size_t kSnapshotsMax = 20'000; // looked through for one key

// The deployments that serve any of `digests` now, by name.
absl::StatusOr<std::vector<std::string>> Serving(const ActionParts& parts, const std::vector<std::string>& digests) {
  std::set<std::string> names;
  for (const std::string& text : digests) {
    ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(text));
    ASSIGN_OR_RETURN(const std::vector<DeploymentName> serving, parts.fleet.DeploymentsServing(digest));
    for (const DeploymentName& name : serving) names.insert(name.text());
  }
  return std::vector<std::string>(names.begin(), names.end());
}

void Keep(std::vector<std::string>& names, std::string name) {
  if (names.size() < kNamesMax) names.push_back(std::move(name));
}

absl::StatusOr<ActionResult> Sweep(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const v1::Snapshot root, parts.vault.Resolve(TextField(call.inputs, "snapshot")));
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(root.digest()));
  ASSIGN_OR_RETURN(const std::vector<v1::LineageNode> nodes, parts.vault.Descendants(digest));
  std::vector<std::string> all, models, datasets, digests = {root.digest()};
  for (const v1::LineageNode& node : nodes) {
    const std::string name = SnapshotName(node.snapshot());
    digests.push_back(node.snapshot().digest());
    Keep(all, name);
    if (node.snapshot().kind() == v1::SNAPSHOT_KIND_MODEL) Keep(models, name);
    if (node.snapshot().kind() == v1::SNAPSHOT_KIND_DATASET) Keep(datasets, name);
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> deployments, Serving(parts, digests));
  return Outputs()
      .Text("snapshot", SnapshotName(root))
      .List("snapshots", all)
      .List("models", models)
      .List("datasets", datasets)
      .List("deployments", deployments)
      .Number("count", nodes.size())
      .Flag("complete", nodes.size() <= kNamesMax)
      .Done();
}

absl::StatusOr<ActionResult> Describe(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const v1::Snapshot snapshot, parts.vault.Resolve(TextField(call.inputs, "snapshot")));
  std::vector<std::string> parents;
  for (const v1::LineageEdge& edge : snapshot.lineage()) {
    Keep(parents, edge.parent_name().empty() ? edge.parent_digest() : edge.parent_name());
  }
  return Outputs()
      .Text("name", SnapshotName(snapshot))
      .Text("digest", snapshot.digest())
      .Text("kind", KindText(snapshot.kind()))
      .Text("signer", snapshot.signature().signer())
      .Text("signer_key", snapshot.signature().key_id())
      .Text("pushed_by", snapshot.pushed_by())
      .Flag("quarantined", snapshot.has_quarantine())
      .List("parents", parents)
      .Done();
}

absl::StatusOr<ActionResult> SignedBy(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const v1::TrustedSigner signer, FindSigner(parts, TextField(call.inputs, "signer")));
  std::vector<std::string> names, digests;
  size_t looked_at = 0, count = 0;
  v1::ListSnapshotsRequest list;
  list.set_page_size(kPageSize);
  while (true) {
    ASSIGN_OR_RETURN(const v1::ListSnapshotsResponse page, parts.vault.ListSnapshots(ServiceCaller(), list));
    for (const v1::Snapshot& snapshot : page.snapshots()) {
      if (++looked_at > kSnapshotsMax) {
        return absl::ResourceExhaustedError(StrCat("more than ", kSnapshotsMax, " snapshots would have to be looked through"));
      }
      if (snapshot.signature().key_id() != signer.key_id()) continue;
      ++count;
      Keep(names, SnapshotName(snapshot));
      digests.push_back(snapshot.digest());
    }
    if (page.next_page_token().empty()) break;
    list.set_page_token(page.next_page_token());
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> deployments, Serving(parts, digests));
  return Outputs()
      .Text("signer_key", signer.key_id())
      .List("snapshots", names)
      .List("deployments", deployments)
      .Number("count", count)
      .Flag("complete", count <= kNamesMax)
      .Done();
}

absl::StatusOr<ActionResult> DescribeServing(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const v1::Deployment deployment, parts.fleet.LoadDeployment(DeploymentOf(call)));
  const auto connected = std::count_if(deployment.agents().begin(), deployment.agents().end(), [](const auto& agent) { return agent.connected(); });
  return Outputs()
      .Text("model", deployment.wanted().model_name())
      .Text("model_digest", deployment.wanted().model_digest())
      .Text("config", deployment.wanted().config_name())
      .List("datasets", {deployment.wanted().dataset_names().begin(), deployment.wanted().dataset_names().end()})
      .Flag("contained", deployment.contained())
      .Flag("frozen", deployment.frozen())
      .Number("epoch", deployment.epoch())
      .Number("agents", static_cast<uint64_t>(deployment.agents_size()))
      .Number("connected", static_cast<uint64_t>(connected))
      .Done();
}

absl::StatusOr<ActionResult> ListThem(const ActionParts& parts, const ActionCall& call) {
  const std::string environment = TextField(call.inputs, "environment");
  const std::string serving = TextField(call.inputs, "serving");
  std::set<std::string> wanted;
  if (!serving.empty()) {
    ASSIGN_OR_RETURN(const v1::Snapshot snapshot, parts.vault.Resolve(serving));
    ASSIGN_OR_RETURN(const std::vector<std::string> names, Serving(parts, {snapshot.digest()}));
    wanted.insert(names.begin(), names.end());
  }
  ASSIGN_OR_RETURN(const v1::ListDeploymentsResponse all, parts.fleet.ListDeployments(ServiceCaller(), v1::ListDeploymentsRequest()));
  std::vector<std::string> names;
  for (const v1::Deployment& deployment : all.deployments()) {
    if (!environment.empty() && deployment.environment() != environment) continue;
    if (!serving.empty() && !wanted.contains(deployment.name())) continue;
    Keep(names, deployment.name());
  }
  return Outputs().List("deployments", names).Number("count", names.size()).Done();
}

}  // namespace

absl::StatusOr<v1::TrustedSigner> FindSigner(const ActionParts& parts, std::string_view name_or_key) {
  ASSIGN_OR_RETURN(const v1::ListSignersResponse all, parts.vault.ListSigners(ServiceCaller(), v1::ListSignersRequest()));
  std::vector<std::string> known;
  const v1::TrustedSigner* named = nullptr;
  int with_name = 0;
  for (const v1::TrustedSigner& signer : all.signers()) {
    if (signer.key_id() == name_or_key) return signer;
    known.push_back(signer.name());
    if (signer.name() != name_or_key) continue;
    named = &signer;
    ++with_name;
  }
  if (with_name == 1) return *named;
  if (with_name > 1) return absl::InvalidArgumentError(StrCat("signer ", name_or_key, " has ", with_name, " keys; give the key id"));
  const std::string nearest = NearestName(name_or_key, known);
  return absl::NotFoundError(StrCat("signer ", name_or_key, " is not known (next: ",
                                    nearest.empty() ? std::string("firebreak signer list") : StrCat("did you mean ", nearest), ")"));
}

void AddScopeActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  const auto add = [&](const ActionSpec& spec, absl::StatusOr<ActionResult> (*perform)(const ActionParts&, const ActionCall&)) {
    catalogue.Add(std::make_unique<FunctionAction>(spec, [parts, perform](const ActionCall& call) { return perform(parts, call); }));
  };
  add(specs::Sweep(), &Sweep);
  add(specs::Describe(), &Describe);
  add(specs::SignedBy(), &SignedBy);
  add(specs::Serving(), &DescribeServing);
  add(specs::List(), &ListThem);
}

}  // namespace firebreak
