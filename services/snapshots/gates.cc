// May this snapshot be restored? The gates, each with its evidence, and the deep check that re-reads every byte.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"
#include "services/snapshots/content.h"
#include "services/snapshots/lineage.h"
#include "services/snapshots/parts.h"
#include "services/snapshots/signature_log.h"

namespace firebreak {
namespace {

constexpr size_t kFindingsMax = 20;

v1::GateResult Gate(std::string_view gate, v1::GateVerdict verdict, std::string evidence) {
  v1::GateResult result;
  result.set_gate(std::string(gate));
  result.set_verdict(verdict);
  result.set_evidence(std::move(evidence));
  return result;
}

std::string Because(const v1::Quarantine& quarantine) {
  std::string text = StrCat("by ", quarantine.actor(), " at ", FormatRfc3339(FromProto(quarantine.time())));
  if (!quarantine.incident().empty()) StrAppend(&text, " in ", quarantine.incident());
  StrAppend(&text, ": ", quarantine.reason());
  return text;
}

}  // namespace

absl::StatusOr<bool> SnapshotVault::Parts::Signed(const v1::Snapshot& snapshot, std::string_view name, SignatureDepth depth,
                                                  std::string* evidence) const {
  SnapshotReference reference;
  if (!name.empty()) {
    ASSIGN_OR_RETURN(reference, ParseSnapshotReference(name));
    if (reference.digest.empty() && reference.kind != snapshot.kind()) {
      *evidence = StrCat("it is a ", KindText(snapshot.kind()), ", not ", name);
      return false;
    }
  }
  return signatures.Suffice(snapshot, reference.name, depth, evidence);
}

v1::GateResult SnapshotVault::Parts::SignatureGate(const v1::Snapshot& snapshot, std::string_view name) const {
  std::string evidence;
  const absl::StatusOr<bool> counts = Signed(snapshot, name, SignatureDepth::kRecords, &evidence);
  if (!counts.ok()) return Gate("signature", v1::GATE_VERDICT_UNKNOWN, std::string(MessageOf(counts.status())));
  return Gate("signature", *counts ? v1::GATE_VERDICT_PASS : v1::GATE_VERDICT_FAIL, std::move(evidence));
}

v1::GateResult SnapshotVault::Parts::IntactGate(const v1::Snapshot& snapshot) const {
  absl::StatusOr<std::optional<store::v1::DeletedContent>> deleted =
      FindRecord(ledger.store(), keys::DeletedContent(snapshot.digest()));
  if (deleted.ok() && deleted->has_value()) {
    return Gate("intact", v1::GATE_VERDICT_FAIL, StrCat("deleted at ", FormatRfc3339(FromProto((*deleted)->time()))));
  }
  absl::StatusOr<store::v1::Manifest> manifest = catalogue.LoadManifest(snapshot.digest());
  if (!manifest.ok()) return Gate("intact", v1::GATE_VERDICT_FAIL, std::string(MessageOf(manifest.status())));
  absl::StatusOr<ManifestReport> report = ExamineManifest(chunks, snapshot.kind(), manifest->pages(),
                                                          [](const v1::FileEntry&) { return absl::OkStatus(); });
  if (!report.ok()) {
    const bool damaged = absl::IsDataLoss(report.status()) || absl::IsInvalidArgument(report.status());
    return Gate("intact", damaged ? v1::GATE_VERDICT_FAIL : v1::GATE_VERDICT_UNKNOWN, std::string(MessageOf(report.status())));
  }
  if (report->totals.digest.text() != snapshot.digest()) {
    return Gate("intact", v1::GATE_VERDICT_FAIL, StrCat("its manifest has digest ", report->totals.digest.text()));
  }
  if (report->missing_total > 0) {
    return Gate("intact", v1::GATE_VERDICT_FAIL, StrCat(report->missing_total, " of ", report->chunk_count,
                                                        " chunks are missing: ", report->missing.front()));
  }
  absl::StatusOr<std::optional<store::v1::Proven>> proven =
      FindRecord(ledger.store(), keys::SnapshotProven(snapshot.digest()));
  if (!proven.ok() || !proven->has_value()) {
    return Gate("intact", v1::GATE_VERDICT_UNKNOWN, "its bytes were never read back; verify it first");
  }
  const std::string when = FormatRfc3339(FromProto((*proven)->time()));
  if (!(*proven)->intact()) {
    return Gate("intact", v1::GATE_VERDICT_FAIL,
                StrCat("found damaged at ", when, ": ", (*proven)->findings_size() > 0 ? (*proven)->findings(0) : ""));
  }
  return Gate("intact", v1::GATE_VERDICT_PASS,
              StrCat("all ", report->chunk_count, " chunks are stored; every byte was last proven at ", when));
}

absl::StatusOr<std::vector<v1::GateResult>> SnapshotVault::CheckGates(const Digest& digest, std::string_view name) const {
  const MetaStore& store = parts_->ledger.store();
  ASSIGN_OR_RETURN(v1::Snapshot snapshot,
                   LoadRecord(store, keys::SnapshotByDigest(digest.text()), StrCat("snapshot ", digest.text())));
  std::vector<v1::GateResult> gates;
  gates.push_back(parts_->SignatureGate(snapshot, name));
  gates.push_back(parts_->IntactGate(snapshot));

  absl::StatusOr<std::optional<v1::Quarantine>> own = FindRecord(store, keys::SnapshotQuarantine(digest.text()));
  if (!own.ok()) {
    gates.push_back(Gate("quarantine", v1::GATE_VERDICT_UNKNOWN, std::string(MessageOf(own.status()))));
  } else if (own->has_value()) {
    gates.push_back(Gate("quarantine", v1::GATE_VERDICT_FAIL, StrCat("quarantined ", Because(**own))));
  } else {
    gates.push_back(Gate("quarantine", v1::GATE_VERDICT_PASS, "not quarantined"));
  }

  absl::StatusOr<std::optional<v1::Quarantine>> above =
      TaintFinder(store, parts_->limits.lineage_nodes_max).FindInAncestors(digest.text());
  if (!above.ok()) {
    gates.push_back(Gate("lineage", v1::GATE_VERDICT_UNKNOWN, std::string(MessageOf(above.status()))));
  } else if (above->has_value()) {
    absl::StatusOr<std::optional<v1::Snapshot>> ancestor = FindRecord(store, keys::SnapshotByDigest((*above)->tainted_by()));
    const std::string source = ancestor.ok() && ancestor->has_value() ? SnapshotName(**ancestor) : (*above)->tainted_by();
    gates.push_back(Gate("lineage", v1::GATE_VERDICT_FAIL,
                         StrCat(absl::StrContains((*above)->tainted_path(), " configured_by ") ? "runs with " : "made from ", source,
                                " (", (*above)->tainted_path(), "), quarantined ", Because(**above))));
  } else {
    gates.push_back(Gate("lineage", v1::GATE_VERDICT_PASS,
                         snapshot.lineage().empty() ? "no lineage was declared" : "no ancestor is quarantined"));
  }
  return gates;
}

absl::StatusOr<bool> SnapshotVault::CheckSignatures(const Digest& digest, std::string* evidence) const {
  ASSIGN_OR_RETURN(const v1::Snapshot snapshot, LoadRecord(parts_->ledger.store(), keys::SnapshotByDigest(digest.text()),
                                                           StrCat("snapshot ", digest.text())));
  return parts_->Signed(snapshot, "", SignatureDepth::kBytes, evidence);
}

absl::StatusOr<v1::VerifySnapshotResponse> SnapshotVault::Verify(const Digest& digest, const Identity& actor,
                                                                 std::string_view name) {
  v1::VerifySnapshotResponse response;
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, parts_->catalogue.LoadByDigest(digest.text()));
  ASSIGN_OR_RETURN(store::v1::Manifest manifest, parts_->catalogue.LoadManifest(digest.text()));
  *response.mutable_snapshot() = snapshot;

  store::v1::Proven proven;
  absl::StatusOr<ManifestReport> report = ExamineManifest(parts_->chunks, snapshot.kind(), manifest.pages(),
                                                          [](const v1::FileEntry&) { return absl::OkStatus(); });
  if (!report.ok()) {
    proven.add_findings(std::string(MessageOf(report.status())));
  } else if (report->totals.digest != digest) {
    proven.add_findings(StrCat("its manifest has digest ", report->totals.digest.text()));
  } else {
    ASSIGN_OR_RETURN(ContentReport content, ProveContent(parts_->chunks, manifest.pages(), kFindingsMax));
    for (std::string& finding : content.findings) proven.add_findings(std::move(finding));
    proven.set_bytes_read(content.bytes_read);
  }
  proven.set_intact(proven.findings().empty());
  proven.set_actor(actor.text());
  *proven.mutable_time() = ToProto(parts_->clock.Now());
  response.set_bytes_read(proven.bytes_read());
  for (const std::string& finding : proven.findings()) response.add_findings(finding);
  std::string evidence;
  const absl::StatusOr<bool> counts = parts_->Signed(snapshot, name, SignatureDepth::kBytes, &evidence);
  if (!counts.ok() || !*counts) {
    response.add_findings(StrCat("signature: ", counts.ok() ? evidence : std::string(MessageOf(counts.status()))));
  }
  response.set_intact(response.findings().empty());

  auto build = [&](Draft& draft) -> absl::Status {
    draft.Put(keys::SnapshotProven(digest.text()), proven);
    v1::AuditEntry entry = MakeEntry(
        actor, response.intact() ? "snapshot.verified" : "snapshot.found_damaged",
        StrCat(SnapshotName(snapshot), response.intact() ? " read back, every byte and signature holds"
                                                         : StrCat(" does not hold: ", response.findings(0))));
    AddSubjects(entry, snapshot);
    (*entry.mutable_facts())["digest"] = digest.text();
    (*entry.mutable_facts())["bytes_read"] = absl::StrCat(proven.bytes_read());
    (*entry.mutable_facts())["findings"] = absl::StrCat(response.findings_size());
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(parts_->ledger.Transact(build).status());
  if (!response.intact()) {
    parts_->log.Error("snapshot_damaged", {{"snapshot", digest.text()}, {"finding", response.findings(0)}});
  }
  return response;
}

absl::StatusOr<v1::VerifySnapshotResponse> SnapshotVault::VerifySnapshot(const Caller& caller,
                                                                         const v1::VerifySnapshotRequest& request) {
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, Resolve(request.snapshot()));
  ASSIGN_OR_RETURN(Digest digest, Digest::Parse(snapshot.digest()));
  ASSIGN_OR_RETURN(v1::VerifySnapshotResponse response, Verify(digest, caller.identity, request.snapshot()));
  *response.mutable_snapshot() = std::move(snapshot);
  return response;
}

}  // namespace firebreak
