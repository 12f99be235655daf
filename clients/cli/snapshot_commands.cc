// snapshot list, show, verify, quarantine, lift.
#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/snapshot.grpc.pb.h"

namespace firebreak::cli {
namespace snapshot_commands {
namespace {

struct Reference {
  std::string reference;
};
struct ListOptions {
  std::string kind;
  std::string name;
  bool quarantined = false;
};
struct QuarantineOptions {
  std::string reference;
  std::string reason;
  std::string incident;
  bool dry_run = false;
};

std::string NameOf(const v1::Snapshot& snapshot) {
  return StrCat(ShortName(snapshot.kind()), "/", snapshot.name(), "@", snapshot.version());
}

std::string StateOf(const v1::Snapshot& snapshot) {
  if (!snapshot.has_quarantine()) return "ok";
  const std::string& by = snapshot.quarantine().tainted_by();
  return by.empty() ? "quarantined" : StrCat("tainted by ", ShortDigest(by));
}

absl::Status List(Session& session, const ListOptions& options) {
  v1::ListSnapshotsRequest request;
  if (!options.kind.empty()) {
    ASSIGN_OR_RETURN(int kind, ParseEnum(v1::SnapshotKind_descriptor(), "kind", options.kind));
    request.set_kind(static_cast<v1::SnapshotKind>(kind));
  }
  request.set_name(options.name);
  request.set_only_quarantined(options.quarantined);
  request.set_page_size(500);
  v1::ListSnapshotsResponse all;
  do {
    ASSIGN_OR_RETURN(v1::ListSnapshotsResponse page, session.Call<v1::Snapshots>(&v1::Snapshots::Stub::ListSnapshots, request));
    request.set_page_token(page.next_page_token());
    for (v1::Snapshot& snapshot : *page.mutable_snapshots()) *all.add_snapshots() = std::move(snapshot);
  } while (!request.page_token().empty());
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(all);
    return absl::OkStatus();
  }
  Table table({"NAME", "DIGEST", "FILES", "SIZE", "SIGNED BY", "PUSHED", "STATE"});
  for (const v1::Snapshot& snapshot : all.snapshots()) {
    table.Add({NameOf(snapshot), ShortDigest(snapshot.digest()), std::to_string(snapshot.file_count()), SizeText(snapshot.size_bytes()),
               snapshot.signature().signer(), TimeText(snapshot.has_pushed_at(), snapshot.pushed_at()), StateOf(snapshot)});
  }
  session.out().PrintTable(table, "no snapshots");
  return absl::OkStatus();
}

absl::Status Show(Session& session, const Reference& options) {
  v1::GetSnapshotRequest request;
  request.set_snapshot(options.reference);
  ASSIGN_OR_RETURN(v1::GetSnapshotResponse answer, session.Call<v1::Snapshots>(&v1::Snapshots::Stub::GetSnapshot, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  const v1::Snapshot& snapshot = answer.snapshot();
  const Output& out = session.out();
  out.Print(StrCat(NameOf(snapshot), "\n  digest      ", snapshot.digest(), "\n  content     ",
                   Count(snapshot.file_count(), "file"), ", ", SizeText(snapshot.size_bytes()), "\n  pushed      ",
                   TimeText(snapshot.has_pushed_at(), snapshot.pushed_at()), " by ", snapshot.pushed_by(),
                   "\n  signed by   ", snapshot.signature().signer(), " (", snapshot.signature().algorithm(), ", key ",
                   snapshot.signature().key_id(), ")"));
  for (const v1::LineageEdge& edge : snapshot.lineage()) {
    out.Print(StrCat("  ", ShortName(edge.relation()), "  ", edge.parent_name(), "  ", ShortDigest(edge.parent_digest())));
  }
  for (const auto& [name, value] : snapshot.labels()) out.Print(StrCat("  label       ", name, "=", value));
  if (snapshot.has_quarantine()) {
    const v1::Quarantine& quarantine = snapshot.quarantine();
    out.Print(
        out.Paint(StrCat("  QUARANTINED ", quarantine.reason(),
                         quarantine.tainted_by().empty() ? "" : StrCat(" (through ", quarantine.tainted_path(), ")"),
                         quarantine.incident().empty() ? "" : StrCat(", ", quarantine.incident())),
                  Tone::kBad));
  }
  return absl::OkStatus();
}

absl::Status Verify(Session& session, const Reference& options) {
  v1::VerifySnapshotRequest request;
  request.set_snapshot(options.reference);
  ASSIGN_OR_RETURN(v1::VerifySnapshotResponse answer, session.Call<v1::Snapshots>(&v1::Snapshots::Stub::VerifySnapshot, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
  } else if (answer.intact()) {
    session.out().Print(session.out().Paint(StrCat(NameOf(answer.snapshot()), " is intact: ", SizeText(answer.bytes_read()),
                                                   " read again, signature valid"), Tone::kGood));
  } else {
    for (const std::string& finding : answer.findings()) session.out().Print(finding);
  }
  if (answer.intact()) return absl::OkStatus();
  return absl::DataLossError(StrCat(options.reference, " is not intact (next: quarantine it, or push the same content again)"));
}

absl::Status Quarantine(Session& session, const QuarantineOptions& options) {
  v1::QuarantineSnapshotRequest request;
  request.set_snapshot(options.reference);
  request.set_reason(options.reason);
  request.set_incident(options.incident);
  request.set_validate_only(options.dry_run);
  ASSIGN_OR_RETURN(v1::QuarantineSnapshotResponse answer,
                   session.Call<v1::Snapshots>(&v1::Snapshots::Stub::QuarantineSnapshot, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  const Output& out = session.out();
  out.Print(StrCat(NameOf(answer.snapshot()), options.dry_run ? " would be quarantined" : " is quarantined", "; made from it: ",
                   answer.tainted_total(), ", deployments serving any of them: ", answer.deployments_size()));
  for (const v1::Snapshot& snapshot : answer.tainted()) out.Print(StrCat("  ", NameOf(snapshot)));
  const auto listed = static_cast<uint64_t>(answer.tainted_size());
  if (answer.tainted_total() > listed) {
    out.Print(StrCat("  and ", answer.tainted_total() - listed, " more (next: firebreak blast ", NameOf(answer.snapshot()), ")"));
  }
  for (const std::string& deployment : answer.deployments()) {
    out.Print(out.Paint(StrCat("  serving now: ", deployment, " (next: firebreak contain ", deployment, " --reason …)"), Tone::kBad));
  }
  return absl::OkStatus();
}

absl::Status Lift(Session& session, const QuarantineOptions& options) {
  v1::LiftQuarantineRequest request;
  request.set_snapshot(options.reference);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::LiftQuarantineResponse answer, session.Call<v1::Snapshots>(&v1::Snapshots::Stub::LiftQuarantine, request));
  session.out().PrintAnswer(answer, StrCat("quarantine of ", NameOf(answer.snapshot()), " is lifted"));
  return absl::OkStatus();
}

void SetUpReference(CLI::App& command, Reference& options) {
  command.add_option("reference", options.reference, "model/fraud@7, model/fraud (newest) or sha256:…")->required();
}

}  // namespace
}  // namespace snapshot_commands

void AddSnapshotCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace snapshot_commands;
  CLI::App* snapshot = AddGroup(app, "snapshot", "Signed, versioned models, datasets and configurations");
  AddTransferCommands(*snapshot, chosen, session);
  AddDeletionCommands(*snapshot, chosen, session);
  AddSignatureCommands(*snapshot, chosen, session);
  AddCommand<ListOptions>(*snapshot, chosen, "list", "What is stored",
                          [](CLI::App& command, ListOptions& options) {
                            command.add_option("--kind", options.kind, "model, dataset or config");
                            command.add_option("--name", options.name, "Only this one, e.g. fraud");
                            command.add_flag("--quarantined", options.quarantined, "Only what is quarantined");
                          },
                          List, session);
  AddCommand<Reference>(*snapshot, chosen, "show", "One snapshot, its signature and parents", SetUpReference, Show, session);
  AddCommand<Reference>(*snapshot, chosen, "verify", "Read every byte again and check the signature", SetUpReference, Verify, session);
  AddSnapshotLineageCommand(*snapshot, chosen, session);
  AddDiffCommand(*snapshot, chosen, session);
  AddCommand<QuarantineOptions>(
      *snapshot, chosen, "quarantine", "Never deploy it or anything made from it",
      [](CLI::App& command, QuarantineOptions& options) {
        command.add_option("reference", options.reference, "model/fraud@7, dataset/claims@12 or sha256:…")->required();
        command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
        command.add_option("--incident", options.incident, "INC-42, because of which");
        command.add_flag("--dry-run", options.dry_run, "Show what would be touched");
      },
      Quarantine, session);
  AddCommand<QuarantineOptions>(
      *snapshot, chosen, "lift", "End a quarantine (security lead)",
      [](CLI::App& command, QuarantineOptions& options) {
        command.add_option("reference", options.reference, "model/fraud@7, dataset/claims@12 or sha256:…")->required();
        command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
      },
      Lift, session);
}

}  // namespace firebreak::cli
