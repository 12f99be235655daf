// audit: look at the ledger, take it away, and verify it without the service.
#include "absl/strings/ascii.h"
#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "clients/cli/timeline.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/offline.h"
#include "firebreak/v1/audit.grpc.pb.h"

namespace firebreak::cli {
namespace audit_commands {
namespace {

struct ListOptions {
  std::string subject;
  uint64_t from = 0;
  uint32_t limit = 100;
};
struct ExportOptions {
  std::string dir;
  std::string vkey_out;
};
struct VerifyOptions {
  std::string dir;
  std::string vkey;
  std::string vkey_file;
};
struct IndexOption {
  uint64_t index = 0;
};

absl::Status List(Session& session, const ListOptions& options) {
  v1::ListAuditRequest request;
  request.set_subject(options.subject);
  request.set_from_index(options.from);
  request.set_page_size(options.limit);
  ASSIGN_OR_RETURN(v1::ListAuditResponse answer, session.Call<v1::Audit>(&v1::Audit::Stub::ListAudit, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  session.out().PrintTable(EntryTable(answer.entries()), "no entries");
  if (answer.more()) session.out().Notice(StrCat("more: add --from ", answer.next_index()));
  return absl::OkStatus();
}

absl::Status Export(Session& session, const ExportOptions& options) {
  v1::GetCheckpointRequest ask;
  ASSIGN_OR_RETURN(v1::GetCheckpointResponse newest, session.Call<v1::Audit>(&v1::Audit::Stub::GetCheckpoint, ask));
  // The second line of a checkpoint is the tree size; pages are asked for exactly that many entries.
  const std::string& note = newest.checkpoint();
  const size_t line = note.find('\n');
  uint64_t size = 0;
  if (line == std::string::npos || !absl::SimpleAtoi(note.substr(line + 1, note.find('\n', line + 1) - line - 1), &size)) {
    return absl::DataLossError("the service's checkpoint is not a signed note");
  }
  const auto leaves = [&](uint64_t from) -> absl::StatusOr<std::vector<std::string>> {
    v1::ExportAuditRequest request;
    request.set_from_index(from);
    request.set_tree_size(size);
    ASSIGN_OR_RETURN(v1::ExportAuditResponse page, session.Call<v1::Audit>(&v1::Audit::Stub::ExportAudit, request));
    return std::vector<std::string>(page.leaves().begin(), page.leaves().end());
  };
  ASSIGN_OR_RETURN(AuditExportSummary summary, WriteAuditExport(options.dir, note, newest.verifier_key(), leaves));
  if (!options.vkey_out.empty()) {
    RETURN_IF_ERROR(WriteWholeFile(options.vkey_out, StrCat(newest.verifier_key(), "\n"), FileMode::kOrdinary));
  }
  session.out().PrintFields(
      {{"dir", options.dir},
       {"entries", std::to_string(summary.entries)},
       {"root", ToBase64(summary.root)},
       {"verifier_key", newest.verifier_key()}},
      StrCat(summary.entries, " entries are in ", options.dir, ", root ", ToBase64(summary.root), "\nverifier key ",
             newest.verifier_key(), "\nnext, anywhere: firebreak audit verify ", options.dir, " --vkey KEY"));
  return absl::OkStatus();
}

absl::Status Verify(Session& session, const VerifyOptions& options) {
  std::string vkey = options.vkey;
  if (vkey.empty() == options.vkey_file.empty()) return absl::InvalidArgumentError("give either --vkey KEY or --vkey-file FILE");
  if (vkey.empty()) {
    ASSIGN_OR_RETURN(vkey, ReadSmallFile(options.vkey_file));
  }
  vkey = std::string(absl::StripAsciiWhitespace(vkey));
  auto summary = VerifyAuditExport(options.dir, vkey);
  if (!summary.ok()) return Annotate(summary.status(), StrCat("verify ", options.dir));
  session.out().PrintFields(
      {{"origin", summary->origin}, {"entries", std::to_string(summary->entries)}, {"root", ToBase64(summary->root)}},
      StrCat("good: ", summary->entries, " entries of ", summary->origin, ", ", summary->first_time, " to ",
             summary->last_time, ", root ", ToBase64(summary->root), ", signed checkpoint verified"));
  return absl::OkStatus();
}

absl::Status Proof(Session& session, const IndexOption& options) {
  v1::GetProofRequest request;
  request.set_index(options.index);
  ASSIGN_OR_RETURN(v1::GetProofResponse answer, session.Call<v1::Audit>(&v1::Audit::Stub::GetProof, request));
  session.out().PrintAnswer(answer, answer.proof());
  return absl::OkStatus();
}

absl::Status Watch(Session& session, const ListOptions& options) {
  RETURN_IF_ERROR(session.CheckReachable());
  ASSIGN_OR_RETURN(auto channel, session.Channel());
  const auto stub = v1::Audit::NewStub(channel);
  uint64_t next = options.from;
  while (true) {
    grpc::ClientContext context;
    v1::WatchAuditRequest request;
    request.set_from_index(next);
    request.set_subject(options.subject);
    auto reader = stub->WatchAudit(&context, request);
    v1::WatchAuditEvent event;
    while (reader->Read(&event)) {
      next = event.entry().index() + 1;
      session.out().Print(session.out().format() == Format::kJson
                              ? MessageToJson(event.entry())
                              : StrCat(event.entry().index(), "  ", TimeText(true, event.entry().time()), "  ", event.entry().actor(), "  ",
                                       event.entry().action(), "  ", event.entry().summary()));
    }
    RETURN_IF_ERROR(session.AwaitStreamAgain(FromGrpcStatus(reader->Finish()),
                                             StrCat("go on later with firebreak audit watch --from ", next)));
  }
}

}  // namespace
}  // namespace audit_commands

void AddAuditCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace audit_commands;
  CLI::App* audit = AddGroup(app, "audit", "The ledger: everything that changed state, provably");
  AddCommand<ListOptions>(*audit, chosen, "list", "Entries, oldest first",
                          [](CLI::App& command, ListOptions& options) {
                            command.add_option("--subject", options.subject, "incident/INC-1, deployment/fraud-prod, model/fraud@2 …");
                            command.add_option("--from", options.from, "First index");
                            command.add_option("--limit", options.limit, "Entries at most, up to 1000")
                                ->capture_default_str()
                                ->check(CLI::Range(1, 1000).description(""));
                          },
                          List, session);
  AddCommand<ExportOptions>(*audit, chosen, "export", "Write the log as a folder anybody can verify",
                            [](CLI::App& command, ExportOptions& options) {
                              command.add_option("--dir", options.dir, "New folder")->required();
                              command.add_option("--vkey-out", options.vkey_out, "Also write the verifier key to this file");
                            },
                            Export, session);
  AddCommand<VerifyOptions>(*audit, chosen, "verify", "Verify such a folder; no service needed",
                            [](CLI::App& command, VerifyOptions& options) {
                              command.add_option("dir", options.dir, "Made by audit export")->required();
                              command.add_option("--vkey", options.vkey, "Verifier key, kept from a time you trusted");
                              command.add_option("--vkey-file", options.vkey_file, "The same, from a file");
                            },
                            Verify, session);
  AddCommand<IndexOption>(
      *audit, chosen, "proof", "A self-contained proof that an entry is in the log",
      [](CLI::App& command, IndexOption& options) {
        command.add_option("index", options.index, "As audit list shows it")->required();
      },
      Proof, session);
  AddCommand<ListOptions>(*audit, chosen, "watch", "Follow the log",
                          [](CLI::App& command, ListOptions& options) {
                            command.add_option("--subject", options.subject, "Only about this, e.g. incident/INC-1");
                            command.add_option("--from", options.from, "First index");
                          },
                          Watch, session);
}

}  // namespace firebreak::cli
