// Signed statements about edges: checked against the keys trusted now, written with the edge, kept byte for byte.
#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/read.h"
#include "firebreak/lineage/lineage_desk.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/snapshots/edge_book.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/lineage.h"
#include "firebreak/storage/keys/snapshots.h"

namespace firebreak {
namespace {

constexpr size_t kSignatureBytesMax = 512;
constexpr size_t kAncestorsMax = 200'000;   // looked at to rule out a circle
constexpr uint32_t kPageDefault = 50;
constexpr uint32_t kPageMax = 200;

std::string Sentence(const v1::LineageStatement& statement) {
  return StrCat(statement.child_name(), statement.removes() ? " is said not to be " : " is said to be ",
                RelationText(statement.relation()), " ", statement.parent_name(), ", signed by ", statement.signer(),
                statement.reason().empty() ? "" : StrCat(": ", statement.reason().substr(0, 200)));
}

}  // namespace

absl::StatusOr<LineageDesk::Checked> LineageDesk::Check(const v1::Envelope& envelope, bool removes) const {
  if (envelope.payload().size() > kEdgeStatementBytesMax) {
    return absl::InvalidArgumentError(StrCat("lineage statement longer than ", kEdgeStatementBytesMax, " bytes"));
  }
  if (envelope.signatures_size() != 1 || envelope.signatures(0).sig().size() > kSignatureBytesMax) {
    return absl::InvalidArgumentError("lineage statement: exactly one signature is needed");
  }
  const std::string& key_id = envelope.signatures(0).key_id();
  if (key_id.size() != 64 || !FromHex(key_id).ok()) return absl::InvalidArgumentError("lineage statement: key id is not 64 hex digits");
  ASSIGN_OR_RETURN(std::optional<v1::TrustedSigner> signer, FindRecord(ledger_.store(), keys::SnapshotSigner(key_id)));
  if (!signer) {
    return WithNextStep(absl::FailedPreconditionError(StrCat("lineage statement: key ", key_id.substr(0, 16), " is not trusted")),
                        "firebreak signer list shows which are");
  }
  ASSIGN_OR_RETURN(EcPublicKey key, EcPublicKey::FromPem(signer->public_key_pem()));
  if (absl::Status verified = VerifyEnvelope(key, envelope, kInTotoPayloadType); !verified.ok()) {
    return Annotate(verified, "lineage statement");
  }
  Checked checked;
  ASSIGN_OR_RETURN(checked.edge, ParseEdgeStatement(envelope.payload()));
  const EdgeStatement& edge = checked.edge;
  if (edge.removes != removes) {
    return absl::InvalidArgumentError(StrCat("lineage statement: it says ", edge.removes ? "remove" : "add", ", the call is the other"));
  }
  ASSIGN_OR_RETURN(checked.child, vault_.Resolve(edge.child.text()));
  ASSIGN_OR_RETURN(checked.parent, vault_.Resolve(edge.parent.text()));
  // Whoever signed read names. They must mean the digests that count.
  for (const auto& [name, digest] : {std::pair(&edge.child_name, &edge.child), std::pair(&edge.parent_name, &edge.parent)}) {
    ASSIGN_OR_RETURN(v1::Snapshot named, vault_.Resolve(*name));
    if (named.digest() != digest->text()) {
      return absl::InvalidArgumentError(StrCat("lineage statement: ", *name, " is ", named.digest(), ", it says ", digest->text()));
    }
  }
  RETURN_IF_ERROR(CheckEdgeSigner(*signer, checked.child));
  v1::LineageStatement& record = checked.record;
  record.set_digest(Sha256(envelope.payload()).text());
  record.set_removes(edge.removes);
  record.set_relation(edge.relation);
  record.set_child_digest(edge.child.text());
  record.set_child_name(edge.child_name);
  record.set_parent_digest(edge.parent.text());
  record.set_parent_name(edge.parent_name);
  record.set_reason(edge.reason);
  record.set_signer(signer->name());
  record.set_key_id(key_id);
  *record.mutable_envelope() = envelope;
  return checked;
}

absl::Status LineageDesk::Write(Draft& draft, const Caller& caller, const Checked& checked, Accepted& accepted) const {
  const std::string child = checked.edge.child.text();
  const auto key = keys::LineageStatement(child, checked.record.digest());
  ASSIGN_OR_RETURN(std::optional<v1::LineageStatement> before, draft.Find(key));
  if (before) {
    accepted.statement = *std::move(before);
    accepted.already_existed = true;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(v1::TrustedSigner signer, draft.Load(keys::SnapshotSigner(checked.record.key_id()), "signer"));
  RETURN_IF_ERROR(CheckEdgeSigner(signer, checked.child));
  v1::LineageEdge edge;
  edge.set_relation(checked.edge.relation);
  edge.set_parent_digest(checked.edge.parent.text());
  edge.set_parent_name(checked.edge.parent_name);
  bool changed = false;
  if (checked.edge.removes) {
    ASSIGN_OR_RETURN(changed, RemoveLineageEdge(draft, child, edge));
    if (!changed) {
      return absl::FailedPreconditionError(StrCat(checked.edge.child_name, " is not ", RelationText(edge.relation()), " ",
                                                  checked.edge.parent_name));
    }
  } else {
    ASSIGN_OR_RETURN(changed, AddLineageEdge(draft, child, edge, kAncestorsMax));
  }
  accepted.statement = checked.record;
  *accepted.statement.mutable_accepted_at() = ToProto(clock_.Now());
  accepted.statement.set_accepted_from(caller.identity.text());
  draft.Put(key, accepted.statement);
  v1::AuditEntry entry;
  entry.set_actor(caller.identity.text());
  entry.set_action(checked.edge.removes ? "lineage.removed" : (changed ? "lineage.added" : "lineage.confirmed"));
  for (const v1::Snapshot* end : {&checked.child, &checked.parent}) {
    entry.add_subjects(StrCat("snapshot/", end->digest()));
    entry.add_subjects(SnapshotName(*end));
  }
  entry.set_summary(Sentence(accepted.statement));
  entry.set_payload_digest(accepted.statement.digest());
  auto& facts = *entry.mutable_facts();
  facts["relation"] = std::string(RelationText(edge.relation()));
  facts["signer"] = accepted.statement.signer();
  facts["key_id"] = accepted.statement.key_id();
  draft.Record(std::move(entry));
  return absl::OkStatus();
}

absl::StatusOr<LineageDesk::Accepted> LineageDesk::Accept(const Caller& caller, const v1::Envelope& envelope, bool removes,
                                                          bool validate_only) {
  ASSIGN_OR_RETURN(const Checked checked, Check(envelope, removes));
  Accepted accepted;
  if (validate_only) {
    Draft draft(ledger_.store());
    RETURN_IF_ERROR(Write(draft, caller, checked, accepted));
    accepted.child = checked.child;
    return accepted;
  }
  RETURN_IF_ERROR(ledger_
                      .Transact([&](Draft& draft) {
                        accepted = Accepted();
                        return Write(draft, caller, checked, accepted);
                      })
                      .status());
  ASSIGN_OR_RETURN(accepted.child, vault_.Resolve(checked.edge.child.text()));
  return accepted;
}

absl::StatusOr<v1::AddEdgeResponse> LineageDesk::AddEdge(const Caller& caller, const v1::AddEdgeRequest& request) {
  ASSIGN_OR_RETURN(Accepted accepted, Accept(caller, request.statement(), false, request.validate_only()));
  v1::AddEdgeResponse response;
  *response.mutable_statement() = std::move(accepted.statement);
  *response.mutable_child() = std::move(accepted.child);
  response.set_already_existed(accepted.already_existed);
  return response;
}

absl::StatusOr<v1::RemoveEdgeResponse> LineageDesk::RemoveEdge(const Caller& caller, const v1::RemoveEdgeRequest& request) {
  ASSIGN_OR_RETURN(Accepted accepted, Accept(caller, request.statement(), true, request.validate_only()));
  v1::RemoveEdgeResponse response;
  *response.mutable_statement() = std::move(accepted.statement);
  *response.mutable_child() = std::move(accepted.child);
  response.set_already_existed(accepted.already_existed);
  return response;
}

absl::StatusOr<v1::ListStatementsResponse> LineageDesk::ListStatements(const Caller&, const v1::ListStatementsRequest& request) {
  ASSIGN_OR_RETURN(v1::Snapshot child, vault_.Resolve(request.snapshot()));
  ASSIGN_OR_RETURN(std::string after, FromBase64(request.page_token()));
  const auto prefix = keys::LineageStatements(child.digest());
  if (!after.empty() && after.compare(0, prefix.bytes.size(), prefix.bytes) != 0) {
    return absl::InvalidArgumentError("page_token does not belong to this list");
  }
  const size_t wanted = request.page_size() == 0 ? kPageDefault : std::min(request.page_size(), kPageMax);
  ASSIGN_OR_RETURN(RecordPage<v1::LineageStatement> page, ListRecords(ledger_.store(), prefix, after, wanted));
  v1::ListStatementsResponse response;
  for (auto& [key, statement] : page.records) *response.add_statements() = std::move(statement);
  response.set_next_page_token(ToBase64Url(page.next_after));
  return response;
}

}  // namespace firebreak
