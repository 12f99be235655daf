// What a bad snapshot or signing key touches: walked in memory, named with the way from each thing up to the source.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/lineage/lineage_desk.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"

namespace firebreak {

// What the question is about: one snapshot, or everything some keys signed.
struct LineageDesk::Source {
  v1::BlastSourceKind kind = v1::BLAST_SOURCE_KIND_SNAPSHOT;
  std::string name;
  std::string digest;                  // or key id
  std::vector<std::string> key_ids;
};

namespace {

using Reached = LineageGraph::Reached;

constexpr uint32_t kPageDefault = 500;
constexpr uint32_t kPageMax = 5000;
constexpr size_t kListedMax = 1000;    // releases, deployments and agents named in one answer
constexpr size_t kSignersMax = 1000;

// Where a page goes on: behind this node, in this graph. Node numbers mean nothing in another one.
struct Cursor {
  uint64_t birth = 0;
  uint32_t distance = 0;
  LineageGraph::Node node = 0;
};

std::string Encode(const Cursor& cursor) { return StrCat(cursor.birth, ".", cursor.distance, ".", cursor.node); }

absl::StatusOr<std::optional<Cursor>> Decode(const std::string& token, uint64_t birth) {
  if (token.empty()) return std::optional<Cursor>();
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  Cursor cursor;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &cursor.birth) || !absl::SimpleAtoi(parts[1], &cursor.distance) ||
      !absl::SimpleAtoi(parts[2], &cursor.node)) {
    return absl::InvalidArgumentError("page_token does not belong to this list");
  }
  if (cursor.birth != birth) return absl::AbortedError("the service has read its lineage anew since the last page (next: ask from the first page)");
  return std::optional<Cursor>(cursor);
}

// The answer in the making, over one consistent view of the graph and the deployments.
class Radius {
 public:
  Radius(const LineageGraph& graph, const std::vector<Reached>& reached, const ServingIndex::Deployments& deployments,
         v1::BlastRadiusResponse& response)
      : graph_(graph), reached_(reached), paths_(graph, reached), deployments_(deployments), response_(response) {}

  void Count() {
    for (const Reached& one : reached_) {
      if (one.touch == v1::BLAST_TOUCH_EVALUATED) {
        response_.set_evaluated_total(response_.evaluated_total() + 1);
        continue;
      }
      switch (graph_.kind(one.node)) {
        case v1::SNAPSHOT_KIND_MODEL: response_.set_models_total(response_.models_total() + 1); break;
        case v1::SNAPSHOT_KIND_DATASET: response_.set_datasets_total(response_.datasets_total() + 1); break;
        case v1::SNAPSHOT_KIND_CONFIG: response_.set_configs_total(response_.configs_total() + 1); break;
        case v1::SNAPSHOT_KIND_UNSPECIFIED:
        case v1::SnapshotKind_INT_MIN_SENTINEL_DO_NOT_USE_:
        case v1::SnapshotKind_INT_MAX_SENTINEL_DO_NOT_USE_: break;
      }
    }
  }

  void Page(const std::optional<Cursor>& after, size_t wanted) {
    auto at = reached_.begin();
    if (after) {
      at = std::upper_bound(at, reached_.end(), *after, [](const Cursor& cursor, const Reached& one) {
        return cursor.distance != one.distance ? cursor.distance < one.distance : cursor.node < one.node;
      });
    }
    absl::flat_hash_map<LineageGraph::Node, std::vector<std::string>> serving = Serving();
    const auto end = at + static_cast<std::ptrdiff_t>(std::min(wanted, static_cast<size_t>(reached_.end() - at)));
    for (; at != end; ++at) {
      v1::BlastSnapshot& snapshot = *response_.add_snapshots();
      snapshot.set_name(graph_.name(at->node));
      snapshot.set_digest(graph_.digest(at->node).text());
      snapshot.set_kind(graph_.kind(at->node));
      snapshot.set_distance(at->distance);
      snapshot.set_touch(at->touch);
      snapshot.set_quarantined(graph_.quarantined(at->node));
      *snapshot.mutable_path() = paths_.Of(at->node);
      if (const auto found = serving.find(at->node); found != serving.end()) {
        for (const std::string& name : found->second) snapshot.add_serving(name);
      }
    }
    if (end != reached_.end()) {
      response_.set_next_page_token(Encode({graph_.birth(), std::prev(end)->distance, std::prev(end)->node}));
    }
  }

  // The worst part decides how a release is touched: its own content before what it runs with.
  void Production() {
    std::map<std::string, v1::BlastRelease> releases;
    for (const auto& [name, deployment] : deployments_) {
      std::set<std::string> touched;
      for (size_t i = 0; i < deployment.releases.size(); ++i) {
        const ServedRelease& release = deployment.releases[i];
        const auto [part, reached] = WorstPart(release);
        if (reached == nullptr) continue;
        touched.insert(release.digest);
        const bool wanted = i == 0 && deployment.wants_one;
        v1::BlastRelease& entry = releases[release.digest];
        if (entry.digest().empty()) Describe(release, *part, *reached, entry);
        entry.add_deployments(name);
        entry.set_wanted(entry.wanted() || wanted);
        if (wanted) AddDeployment(name, deployment, entry);
      }
      AddAgents(name, deployment, touched);
    }
    response_.set_releases_total(releases.size());
    for (auto& [digest, release] : releases) {
      if (static_cast<size_t>(response_.releases_size()) < kListedMax) *response_.add_releases() = std::move(release);
    }
  }

 private:
  absl::flat_hash_map<LineageGraph::Node, std::vector<std::string>> Serving() const {
    absl::flat_hash_map<LineageGraph::Node, std::vector<std::string>> serving;
    for (const auto& [name, deployment] : deployments_) {
      if (!deployment.wants_one) continue;
      for (const ServedRelease::Part& part : deployment.releases.front().parts) {
        if (const Reached* reached = Find(part.snapshot); reached != nullptr) serving[reached->node].push_back(name);
      }
    }
    return serving;
  }

  const Reached* Find(const std::string& snapshot) const {
    const absl::StatusOr<Digest> digest = Digest::Parse(snapshot);
    if (!digest.ok()) return nullptr;
    const std::optional<LineageGraph::Node> node = graph_.Find(*digest);
    return node ? paths_.Find(*node) : nullptr;
  }

  // Quality in doubt touches no release.
  std::pair<const ServedRelease::Part*, const Reached*> WorstPart(const ServedRelease& release) const {
    std::pair<const ServedRelease::Part*, const Reached*> worst = {nullptr, nullptr};
    for (const ServedRelease::Part& part : release.parts) {
      const Reached* reached = Find(part.snapshot);
      if (reached == nullptr || reached->touch == v1::BLAST_TOUCH_EVALUATED) continue;
      if (worst.second == nullptr || reached->touch < worst.second->touch) worst = {&part, reached};
    }
    return worst;
  }

  void Describe(const ServedRelease& release, const ServedRelease::Part& part, const Reached& reached, v1::BlastRelease& entry) const {
    entry.set_digest(release.digest);
    entry.set_model(release.parts.front().name);
    entry.set_part(part.name);
    entry.set_touch(reached.touch);
    *entry.mutable_path() = paths_.Of(reached.node);
  }

  void AddDeployment(const std::string& name, const ServedDeployment& deployment, const v1::BlastRelease& release) {
    response_.set_deployments_total(response_.deployments_total() + 1);
    if (static_cast<size_t>(response_.deployments_size()) >= kListedMax) return;
    v1::BlastDeployment& entry = *response_.add_deployments();
    entry.set_name(name);
    entry.set_environment(deployment.environment);
    entry.set_release_digest(release.digest());
    entry.set_part(release.part());
    entry.set_touch(release.touch());
    *entry.mutable_path() = release.path();
    entry.set_contained(deployment.contained);
  }

  void AddAgents(const std::string& name, const ServedDeployment& deployment, const std::set<std::string>& touched) {
    const bool wants = deployment.wants_one && !deployment.contained && touched.contains(deployment.releases.front().digest);
    for (const ServedDeployment::Agent& agent : deployment.agents) {
      const bool proved = touched.contains(agent.release);
      if (!proved && !wants) continue;
      response_.set_agents_total(response_.agents_total() + 1);
      if (static_cast<size_t>(response_.agents_size()) >= kListedMax) continue;
      v1::BlastAgent& entry = *response_.add_agents();
      entry.set_agent(agent.name);
      entry.set_deployment(name);
      entry.set_serves(agent.release);
      entry.set_proved(proved);
    }
  }

  const LineageGraph& graph_;
  const std::vector<Reached>& reached_;
  const LineageGraph::Paths paths_;
  const ServingIndex::Deployments& deployments_;
  v1::BlastRadiusResponse& response_;
};

}  // namespace

absl::StatusOr<LineageDesk::Source> LineageDesk::FindSource(std::string_view of) const {
  Source source;
  if (of.empty()) return absl::InvalidArgumentError("name a snapshot, a signing key's id or a signer");
  if (absl::StrContains(ToAbsl(of), "/") || absl::StartsWith(ToAbsl(of), "sha256:")) {
    ASSIGN_OR_RETURN(v1::Snapshot snapshot, vault_.Resolve(of));
    source.name = SnapshotName(snapshot);
    source.digest = snapshot.digest();
    return source;
  }
  source.kind = v1::BLAST_SOURCE_KIND_SIGNING_KEY;
  ASSIGN_OR_RETURN(RecordPage<v1::TrustedSigner> page, ListRecords(ledger_.store(), keys::SnapshotSigners(), "", kSignersMax));
  std::vector<std::string> known;
  for (const auto& [key, signer] : page.records) {
    known.push_back(signer.name());
    if (signer.key_id() != of && signer.name() != of) continue;
    source.name = signer.name();
    source.digest = signer.key_id();
    source.key_ids.push_back(signer.key_id());
  }
  // A certificate's own key is no signer, but what it signed is stored under it.
  if (source.key_ids.empty() && of.size() == 64 && FromHex(of).ok()) {
    source.digest = std::string(of);
    source.name = source.digest;
    source.key_ids.push_back(source.digest);
  }
  if (!source.key_ids.empty()) return source;
  const std::string nearest = NearestName(of, known);
  return WithNextStep(absl::NotFoundError(StrCat("no signer is called ", of)),
                      nearest.empty() ? std::string("firebreak signer list shows them; snapshots are named model/x@7")
                                      : StrCat("did you mean ", nearest, "?"));
}

absl::StatusOr<v1::BlastRadiusResponse> LineageDesk::BlastRadius(const Caller&, const v1::BlastRadiusRequest& request) {
  ASSIGN_OR_RETURN(const Source source, FindSource(request.of()));
  const size_t wanted = request.page_size() == 0 ? kPageDefault : std::min(request.page_size(), kPageMax);
  v1::BlastRadiusResponse response;
  response.set_source_kind(source.kind);
  response.set_source(source.name);
  response.set_source_digest(source.digest);
  RETURN_IF_ERROR(vault_.lineage().Read([&](const LineageGraph& graph) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<Cursor> after, Decode(request.page_token(), graph.birth()));
    std::vector<LineageGraph::Node> sources;
    for (const std::string& key_id : source.key_ids) {
      const auto nodes = graph.SignedBy(key_id);
      sources.insert(sources.end(), nodes.begin(), nodes.end());
    }
    if (source.key_ids.empty()) {
      ASSIGN_OR_RETURN(Digest digest, Digest::Parse(source.digest));
      const std::optional<LineageGraph::Node> node = graph.Find(digest);
      if (!node) return absl::NotFoundError(StrCat("snapshot ", source.digest, " does not exist"));
      sources.push_back(*node);
    }
    const std::vector<Reached> reached = graph.Touched(sources);
    return serving_.Read([&](const ServingIndex::Deployments& deployments) -> absl::Status {
      Radius radius(graph, reached, deployments, response);
      radius.Count();
      radius.Page(after, wanted);
      if (!after) radius.Production();
      return absl::OkStatus();
    });
  }));
  return response;
}

absl::StatusOr<std::vector<ServedPart>> LineageDesk::ServedParts() {
  std::vector<ServedPart> parts;
  RETURN_IF_ERROR(serving_.Read([&](const ServingIndex::Deployments& deployments) -> absl::Status {
    for (const auto& [name, deployment] : deployments) {
      if (!deployment.wants_one) continue;
      for (const ServedRelease::Part& part : deployment.releases.front().parts) {
        parts.push_back({DeploymentName(name), part.snapshot});
      }
    }
    return absl::OkStatus();
  }));
  return parts;
}

}  // namespace firebreak
