#include "firebreak/bom/bom_desk.h"

#include <algorithm>
#include <set>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/read.h"
#include "firebreak/lineage/serving_index.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/snapshots/lineage_statement.h"
#include "firebreak/storage/keys/fleet.h"
#include "firebreak/storage/keys/lineage.h"
#include "firebreak/storage/keys/snapshots.h"

namespace firebreak {
namespace {

constexpr size_t kSignaturesMax = 64;
constexpr size_t kStatementsMax = 200;
constexpr size_t kEntriesLookedAt = 50;   // of one snapshot, for the one that recorded its push
constexpr size_t kBomBytesMax = size_t{3} << 20;   // what fits one answer, twice when it is attested

}  // namespace

BomDesk::BomDesk(Ledger& ledger, SnapshotVault& vault, EcPrivateKey signing_key, BomOptions options)
    : ledger_(ledger), vault_(vault), signing_key_(std::move(signing_key)), options_(std::move(options)) {}

absl::StatusOr<BomSnapshot> BomDesk::Describe(const Caller& caller, const std::string& reference, size_t files_max) {
  const MetaStore& store = ledger_.store();
  BomSnapshot one;
  ASSIGN_OR_RETURN(one.snapshot, vault_.Resolve(reference));
  const std::string& digest = one.snapshot.digest();
  v1::ListFilesRequest files;
  files.set_snapshot(digest);
  do {
    ASSIGN_OR_RETURN(v1::ListFilesResponse page, vault_.ListFiles(caller, files));
    for (const v1::FileEntry& entry : page.files()) {
      if (entry.chunks_before() > 0) continue;   // goes on from the page before
      if (one.files.size() >= files_max) break;
      one.files.push_back({entry.path(), entry.size_bytes(), ToHex(entry.digest())});
    }
    files.set_page_token(page.next_page_token());
  } while (!files.page_token().empty() && one.files.size() < files_max);

  ASSIGN_OR_RETURN(auto signatures, ListRecords(store, keys::SnapshotSignatures(digest), "", kSignaturesMax));
  for (const auto& [key, stored] : signatures.records) one.signatures.push_back(stored.summary());
  ASSIGN_OR_RETURN(auto statements, ListRecords(store, keys::LineageStatements(digest), "", kStatementsMax));
  for (auto& [key, statement] : statements.records) one.statements.push_back(std::move(statement));
  ASSIGN_OR_RETURN(const EntryPage entries, ListEntriesBySubject(store, StrCat("snapshot/", digest), 0, kEntriesLookedAt));
  for (const v1::AuditEntry& entry : entries.entries) {
    if (entry.action() == "snapshot.pushed" && !one.log_index) one.log_index = entry.index();
  }
  ASSIGN_OR_RETURN(std::optional<store::v1::Proven> proven, FindRecord(store, keys::SnapshotProven(digest)));
  if (proven) {
    one.proven_at = FromProto(proven->time());
    one.proven_intact = proven->intact();
  }
  return one;
}

absl::Status BomDesk::AddAncestors(const Caller& caller, BomFacts& facts) {
  std::set<std::string> seen;
  for (const BomSnapshot& subject : facts.subjects) seen.insert(subject.snapshot.digest());
  std::vector<std::pair<uint32_t, std::string>> found;   // distance, digest
  RETURN_IF_ERROR(vault_.lineage().Read([&](const LineageGraph& graph) -> absl::Status {
    for (const BomSnapshot& subject : facts.subjects) {
      ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(subject.snapshot.digest()));
      const std::optional<LineageGraph::Node> start = graph.Find(digest);
      if (!start) continue;
      for (const LineageGraph::Reached& one : graph.Walk(*start, LineageGraph::Direction::kUp)) {
        if (!graph.exists(one.node)) continue;
        std::string ancestor = graph.digest(one.node).text();
        if (seen.insert(ancestor).second) found.emplace_back(one.distance, std::move(ancestor));
      }
    }
    return absl::OkStatus();
  }));
  // Nearest first, then by digest: the order must not depend on how the graph numbered them.
  std::sort(found.begin(), found.end());
  for (const auto& [distance, digest] : found) {
    if (facts.ancestors.size() >= kBomAncestorsMax) {
      facts.ancestors_left_out = found.size() - facts.ancestors.size();
      break;
    }
    ASSIGN_OR_RETURN(facts.ancestors.emplace_back(), Describe(caller, digest, kBomFilesOfAncestor));
  }
  return absl::OkStatus();
}

absl::StatusOr<BomFacts> BomDesk::Gather(const Caller& caller, const v1::BuildBomRequest& request) {
  BomFacts facts;
  facts.spec = request.spec();
  facts.service_version = options_.service_version;
  facts.log_origin = options_.log_origin;
  if (request.deployment().empty()) {
    ASSIGN_OR_RETURN(facts.subjects.emplace_back(), Describe(caller, request.snapshot(), kBomFilesOfSubject));
  } else {
    RETURN_IF_ERROR(CheckName("deployment", request.deployment()));
    ASSIGN_OR_RETURN(facts.deployment, LoadRecord(ledger_.store(), DeploymentKey(DeploymentName(request.deployment())),
                                                  StrCat("deployment ", request.deployment())));
    if (!facts.deployment->has_wanted()) {
      return WithNextStep(absl::FailedPreconditionError(StrCat("nothing was ever deployed to ", request.deployment())), "deploy first");
    }
    std::set<std::string> seen;
    for (const ServedRelease::Part& part : PartsOf(facts.deployment->wanted()).parts) {
      if (!seen.insert(part.snapshot).second) continue;
      ASSIGN_OR_RETURN(facts.subjects.emplace_back(), Describe(caller, part.snapshot, kBomFilesOfSubject));
    }
    if (facts.subjects.empty()) return absl::FailedPreconditionError(StrCat("the release of ", request.deployment(), " names no part"));
  }
  RETURN_IF_ERROR(AddAncestors(caller, facts));
  uint64_t covered = 0;
  for (const std::vector<BomSnapshot>* group : {&facts.subjects, &facts.ancestors}) {
    for (const BomSnapshot& one : *group) covered = std::max(covered, one.log_index ? *one.log_index + 1 : 0);
  }
  // The checkpoint just behind the last entry named: it stays the same however the log grows.
  if (covered > 0) {
    ASSIGN_OR_RETURN(facts.checkpoint, ledger_.SignCheckpointAt(covered));
  }
  return facts;
}

absl::StatusOr<v1::BuildBomResponse> BomDesk::BuildBom(const Caller& caller, const v1::BuildBomRequest& request) {
  if (request.snapshot().empty() == request.deployment().empty()) {
    return absl::InvalidArgumentError("name a snapshot or a deployment, and only one of them");
  }
  if (!v1::BomSpec_IsValid(request.spec())) return absl::InvalidArgumentError("spec: 1.6 and 1.7 are known");
  ASSIGN_OR_RETURN(const BomFacts facts, Gather(caller, request));
  const Bom bom = ComposeBom(facts);
  if (bom.json.size() > kBomBytesMax) {
    return absl::ResourceExhaustedError(StrCat("the bill of materials has ", bom.json.size(), " bytes, at most ", kBomBytesMax));
  }
  v1::BuildBomResponse response;
  response.set_bom(bom.json);
  response.set_digest(Sha256(bom.json).text());
  response.set_serial_number(bom.serial_number);
  response.set_spec_version(bom.spec_version);
  if (!request.attest()) return response;
  ASSIGN_OR_RETURN(*response.mutable_attestation(), SignEnvelope(signing_key_, kInTotoPayloadType, BomStatement(facts, bom)));
  const EcPublicKey key = signing_key_.public_key();
  response.set_key_id(key.key_id());
  response.set_public_key_pem(key.pem());
  return response;
}

}  // namespace firebreak
