// store status, gc, check, damage, quota; snapshot delete, undelete, deleted.
#include <grpcpp/grpcpp.h>

#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/channel/channel.h"
#include "firebreak/v1/upkeep.grpc.pb.h"

namespace firebreak::cli {
namespace store_commands {
namespace {

using Stub = v1::Upkeep::Stub;

struct None {};
struct Collect {
  std::string reason;
  bool dry_run = false;
  bool abandon_pushes = false;
};
struct QuotaOptions {
  std::string pattern;
  uint64_t bytes = 0;
  uint64_t versions = 0;
  std::string reason;
};
struct DeleteOptions {
  std::string snapshot;
  std::string reason;
  bool dry_run = false;
};

std::string NameOf(const v1::Snapshot& snapshot) {
  return StrCat(ShortName(snapshot.kind()), "/", snapshot.name(), "@", snapshot.version());
}

std::string LimitText(uint64_t used, uint64_t most, bool bytes) {
  const auto text = [&](uint64_t number) { return bytes ? SizeText(number) : std::to_string(number); };
  return StrCat(text(used), " of ", most == 0 ? std::string("any") : text(most));
}

absl::Status Status(Session& session, const None&) {
  ASSIGN_OR_RETURN(const v1::GetStoreResponse answer, session.Call<v1::Upkeep>(&Stub::GetStore, v1::GetStoreRequest()));
  const v1::GarbageReport& run = answer.last_garbage_collection();
  std::string text = StrCat(
      "snapshots        ", answer.snapshots(), " versions, ", SizeText(answer.snapshot_bytes()), " as pushed\n",
      "stored           ", answer.chunks(), " chunks, ", SizeText(answer.bytes()), "\n",
      "free on volume   ", SizeText(answer.volume_free_bytes()), "\n",
      "last gc          ", TimeText(run.has_finished_at(), run.finished_at()),
      run.has_finished_at() ? StrCat(", ", SizeText(run.bytes_deleted()), " deleted") : "", "\n",
      "last scrubbed    ", TimeText(answer.has_scrub_round_ended_at(), answer.scrub_round_ended_at()));
  if (answer.has_scrub_round_began_at()) {
    StrAppend(&text, " (a round is at ", static_cast<int>(answer.scrub_progress() * 100), " %)");
  }
  StrAppend(&text, "\ndamaged          ",
            answer.damaged_chunks() == 0 ? "nothing" : StrCat(Count(answer.damaged_chunks(), "chunk"), " (next: firebreak store damage)"));
  session.out().PrintAnswer(answer, text);
  return absl::OkStatus();
}

absl::Status Gc(Session& session, const Collect& options) {
  v1::CollectGarbageRequest request;
  request.set_validate_only(options.dry_run);
  request.set_reason(options.reason);
  request.set_abandon_pushes(options.abandon_pushes);
  ASSIGN_OR_RETURN(const v1::CollectGarbageResponse answer, session.Call<v1::Upkeep>(&Stub::CollectGarbage, request));
  const v1::GarbageReport& report = answer.report();
  std::string text = StrCat(report.chunks_deleted(), " of ", Count(report.chunks_seen(), "chunk"), ", ", SizeText(report.bytes_deleted()),
                            options.dry_run ? " would be deleted" : " deleted", "; ", Count(report.snapshots_collected(), "deleted snapshot"),
                            options.dry_run ? " would be given up" : " given up");
  if (report.snapshots_held() > 0) StrAppend(&text, "\n", Count(report.snapshots_held(), "deleted snapshot"), " kept by a hold or a deployment");
  if (report.chunks_in_use_by_pushes() > 0) StrAppend(&text, "\n", Count(report.chunks_in_use_by_pushes(), "chunk"), " kept for pushes that are going on");
  if (!report.note().empty()) StrAppend(&text, "\n", report.note());
  session.out().PrintAnswer(answer, text);
  return absl::OkStatus();
}

void PrintFinding(const Output& out, const v1::StoreFinding& finding) {
  out.Print(out.Paint(StrCat(finding.kind(), "  ", finding.subject(), "  ", finding.problem()), Tone::kBad));
  for (const std::string& file : finding.files()) out.Print(StrCat("    touches ", file));
  for (const std::string& name : finding.deployments()) out.Print(StrCat("    serving now: ", name));
}

absl::Status Check(Session& session, const None&) {
  RETURN_IF_ERROR(session.CheckReachable());
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, session.Channel());
  const std::unique_ptr<Stub> stub = v1::Upkeep::NewStub(channel);
  grpc::ClientContext context;   // without a deadline: reading everything takes as long as it takes
  const std::unique_ptr<grpc::ClientReader<v1::CheckStoreEvent>> events = stub->CheckStore(&context, v1::CheckStoreRequest());
  v1::CheckStoreEvent event;
  v1::CheckStoreEvent whole;
  while (events->Read(&event)) {
    for (const v1::StoreFinding& finding : event.findings()) {
      if (session.out().format() != Format::kJson) PrintFinding(session.out(), finding);
      *whole.add_findings() = finding;
    }
    whole.set_phase(event.phase());
    whole.set_bytes_read(event.bytes_read());
    whole.set_findings_total(event.findings_total());
    if (session.out().animated()) {
      session.out().Replace(StrCat(event.phase(), " ", event.done(), event.total() > 0 ? StrCat(" of ", event.total()) : "", ", ",
                                   SizeText(event.bytes_read()), " read, ", Count(event.findings_total(), "finding")));
    }
  }
  if (session.out().animated()) session.out().Replace("");
  RETURN_IF_ERROR(FromGrpcStatus(events->Finish()));
  if (whole.phase() != "done") return absl::UnavailableError("check store: it ended before it was through (next: try again)");
  session.out().PrintAnswer(whole, StrCat(Count(whole.findings_total(), "finding"), "; ", SizeText(whole.bytes_read()), " of chunks read"));
  if (whole.findings_total() == 0) return absl::OkStatus();
  return absl::DataLossError(StrCat("the store is not as it should be: ", Count(whole.findings_total(), "finding"),
                                    " (next: push damaged content again, see firebreak store damage, or restore a backup)"));
}

absl::Status Damage(Session& session, const None&) {
  ASSIGN_OR_RETURN(const v1::ListDamageResponse answer, session.Call<v1::Upkeep>(&Stub::ListDamage, v1::ListDamageRequest()));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  for (const v1::ChunkDamage& damage : answer.damage()) {
    v1::StoreFinding finding;
    finding.set_kind("chunk");
    finding.set_subject(damage.digest());
    finding.set_problem(StrCat(damage.problem(), " (found by ", damage.found_by(), " ", TimeText(true, damage.found_at()), ")"));
    *finding.mutable_files() = damage.files();
    *finding.mutable_deployments() = damage.deployments();
    PrintFinding(session.out(), finding);
  }
  session.out().Print(answer.damage().empty() ? "no chunk is known to be damaged"
                                              : "next: push the same content again; agents that hold it send it by themselves");
  return absl::OkStatus();
}

absl::Status SetQuota(Session& session, const QuotaOptions& options) {
  v1::SetQuotaRequest request;
  request.set_pattern(options.pattern);
  request.set_bytes_max(options.bytes);
  request.set_versions_max(options.versions);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(const v1::SetQuotaResponse answer, session.Call<v1::Upkeep>(&Stub::SetQuota, request));
  const v1::Quota& quota = answer.quota();
  const bool removed = options.bytes == 0 && options.versions == 0;
  session.out().PrintAnswer(answer, removed ? StrCat("quota ", options.pattern, " is removed")
                                            : StrCat("quota ", options.pattern, ": ", LimitText(quota.bytes_used(), quota.bytes_max(), true),
                                                     ", ", LimitText(quota.versions_used(), quota.versions_max(), false), " versions"));
  return absl::OkStatus();
}

absl::Status ListQuotas(Session& session, const None&) {
  ASSIGN_OR_RETURN(const v1::ListQuotasResponse answer, session.Call<v1::Upkeep>(&Stub::ListQuotas, v1::ListQuotasRequest()));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"PATTERN", "BYTES", "VERSIONS", "SET BY", "SET"});
  for (const v1::Quota& quota : answer.quotas()) {
    table.Add({quota.pattern(), LimitText(quota.bytes_used(), quota.bytes_max(), true),
               LimitText(quota.versions_used(), quota.versions_max(), false), quota.set_by(), TimeText(quota.has_set_at(), quota.set_at())});
  }
  session.out().PrintTable(table, "no quotas");
  return absl::OkStatus();
}

absl::Status Delete(Session& session, const DeleteOptions& options) {
  v1::DeleteSnapshotRequest request;
  request.set_snapshot(options.snapshot);
  request.set_reason(options.reason);
  request.set_validate_only(options.dry_run);
  ASSIGN_OR_RETURN(const v1::DeleteSnapshotResponse answer, session.Call<v1::Upkeep>(&Stub::DeleteSnapshot, request));
  session.out().PrintAnswer(answer, StrCat(options.snapshot, options.dry_run ? " can be deleted" : " is deleted",
                                           answer.last_name() ? "; its content goes with the next firebreak store gc, until then firebreak snapshot undelete takes it back"
                                                              : "; its content stays, another name holds it"));
  return absl::OkStatus();
}

absl::Status Undelete(Session& session, const DeleteOptions& options) {
  v1::UndeleteSnapshotRequest request;
  request.set_snapshot(options.snapshot);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(const v1::UndeleteSnapshotResponse answer, session.Call<v1::Upkeep>(&Stub::UndeleteSnapshot, request));
  session.out().PrintAnswer(answer, StrCat(NameOf(answer.snapshot()), " is back"));
  return absl::OkStatus();
}

absl::Status ListDeleted(Session& session, const None&) {
  v1::ListDeletedSnapshotsRequest request;
  request.set_page_size(500);
  v1::ListDeletedSnapshotsResponse all;
  do {
    ASSIGN_OR_RETURN(v1::ListDeletedSnapshotsResponse page, session.Call<v1::Upkeep>(&Stub::ListDeletedSnapshots, request));
    request.set_page_token(page.next_page_token());
    for (v1::DeletedSnapshot& deleted : *page.mutable_deleted()) *all.add_deleted() = std::move(deleted);
  } while (!request.page_token().empty());
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(all);
    return absl::OkStatus();
  }
  Table table({"NAME", "DELETED", "BY", "CONTENT", "REASON"});
  for (const v1::DeletedSnapshot& deleted : all.deleted()) {
    table.Add({NameOf(deleted.snapshot()), TimeText(true, deleted.time()), deleted.actor(), deleted.collected() ? "gone" : "there", deleted.reason()});
  }
  session.out().PrintTable(table, "nothing was deleted");
  return absl::OkStatus();
}

void SetUpDelete(CLI::App& command, DeleteOptions& options) {
  command.add_option("snapshot", options.snapshot, "One version: model/fraud@7")->required();
  command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
}

void AddQuotaCommands(CLI::App& store, Chosen& chosen, Session& session) {
  CLI::App* quota = AddGroup(store, "quota", "How much snapshots may take");
  AddCommand<QuotaOptions>(*quota, chosen, "set", "Limit what a pattern of names may take; no limit at all removes it",
                           [](CLI::App& command, QuotaOptions& options) {
                             command.add_option("pattern", options.pattern, "* (everything), model/*, model/fraud-* or dataset/claims")->required();
                             command.add_option("--bytes", options.bytes, "At most so many bytes as pushed: 500GiB, 0 = any")
                                 ->transform(CLI::AsSizeValue(false));
                             command.add_option("--versions", options.versions, "At most so many versions, 0 = any");
                             command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                           },
                           SetQuota, session);
  AddCommand<None>(*quota, chosen, "list", "Quotas and how much of them is used", [](CLI::App&, None&) {}, ListQuotas, session);
}

}  // namespace
}  // namespace store_commands

void AddDeletionCommands(CLI::App& snapshot, Chosen& chosen, Session& session) {
  using namespace store_commands;
  AddCommand<DeleteOptions>(snapshot, chosen, "delete", "Delete one version that nothing needs; can be taken back until garbage is collected",
                            [](CLI::App& command, DeleteOptions& options) {
                              SetUpDelete(command, options);
                              command.add_flag("--dry-run", options.dry_run, "Only say whether it could be deleted");
                            },
                            Delete, session);
  AddCommand<DeleteOptions>(snapshot, chosen, "undelete", "Take a deletion back", SetUpDelete, Undelete, session);
  AddCommand<None>(snapshot, chosen, "deleted", "What was deleted, by whom and why", [](CLI::App&, None&) {}, ListDeleted, session);
}

void AddStoreCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace store_commands;
  CLI::App* store = AddGroup(app, "store", "The store: its state, garbage, damage and quotas");
  AddCommand<None>(*store, chosen, "status", "How much is stored, and when it was last looked after", [](CLI::App&, None&) {}, Status, session);
  AddCommand<Collect>(*store, chosen, "gc", "Delete stored bytes that nothing names, beside running pushes",
                      [](CLI::App& command, Collect& options) {
                        command.add_option("--reason", options.reason, "Why; kept in the audit log");
                        command.add_flag("--dry-run", options.dry_run, "Only count what would go");
                        command.add_flag("--abandon-pushes", options.abandon_pushes,
                                         "End pushes begun before the service last started; they have to begin again");
                      },
                      Gc, session);
  AddCommand<None>(*store, chosen, "check", "Read everything and compare it with digests, signatures and the log; exit code 1 when anything is wrong",
                   [](CLI::App&, None&) {}, Check, session);
  AddCommand<None>(*store, chosen, "damage", "Damaged chunks and everything they touch", [](CLI::App&, None&) {}, Damage, session);
  AddQuotaCommands(*store, chosen, session);
}

}  // namespace firebreak::cli
