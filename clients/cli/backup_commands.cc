// backup create, list, verify, restore, prune. The last three need no service, only the folder.
#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "firebreak/backup/backup.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/upkeep.grpc.pb.h"

namespace firebreak::cli {
namespace backup_commands {
namespace {

using Stub = v1::Upkeep::Stub;

struct CreateOptions {
  std::string reason;
};
struct FolderOptions {
  std::string folder;
  std::string id;
  std::string target;
};

struct PruneOptions {
  std::string folder;
  size_t keep = 0;
  bool dry_run = false;
};

void PrintBackups(Session& session, const v1::ListBackupsResponse& answer) {
  if (session.out().format() == Format::kJson) return session.out().PrintMessage(answer);
  Table table({"BACKUP", "CREATED", "LOG ENTRIES", "FILES", "SIZE", "WRITTEN"});
  for (const v1::Backup& backup : answer.backups()) {
    table.Add({backup.id(), TimeText(backup.has_created_at(), backup.created_at()), std::to_string(backup.log_entries()),
               std::to_string(backup.files()), SizeText(backup.bytes()), SizeText(backup.bytes_written())});
  }
  session.out().PrintTable(table, answer.folder().empty() ? "this service makes no backups (next: set backup_folder in its config.yaml)"
                                                          : "no backups");
}

absl::Status Create(Session& session, const CreateOptions& options) {
  v1::CreateBackupRequest request;
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(const v1::CreateBackupResponse answer, session.Call<v1::Upkeep>(&Stub::CreateBackup, request));
  const v1::Backup& backup = answer.backup();
  session.out().PrintAnswer(answer, StrCat("backup ", backup.id(), " is in ", answer.folder(), ": ", Count(backup.files(), "file"), ", ",
                                           SizeText(backup.bytes()), ", ", SizeText(backup.bytes_written()),
                                           " of it new. It holds no keys: keep a sealed copy of the service's keys/ apart"));
  return absl::OkStatus();
}

absl::Status List(Session& session, const FolderOptions& options) {
  v1::ListBackupsResponse answer;
  if (options.folder.empty()) {
    ASSIGN_OR_RETURN(answer, session.Call<v1::Upkeep>(&Stub::ListBackups, v1::ListBackupsRequest()));
  } else {
    ASSIGN_OR_RETURN(const std::vector<store::v1::BackupManifest> backups, ListBackups(options.folder));
    answer.set_folder(options.folder);
    for (const store::v1::BackupManifest& one : backups) *answer.add_backups() = one.backup();
  }
  PrintBackups(session, answer);
  return absl::OkStatus();
}

absl::Status Verify(Session& session, const FolderOptions& options) {
  ASSIGN_OR_RETURN(const store::v1::BackupManifest manifest, LoadBackup(options.folder, options.id));
  ASSIGN_OR_RETURN(const std::vector<std::string> findings, VerifyBackup(options.folder, manifest));
  const v1::Backup& backup = manifest.backup();
  for (const std::string& finding : findings) session.out().Notice(finding, Tone::kBad);
  if (!findings.empty()) {
    return absl::DataLossError(StrCat("backup ", backup.id(), " is not whole: ", Count(findings.size(), "finding"),
                                      " (next: verify an older one, and make a new one)"));
  }
  session.out().PrintAnswer(backup, StrCat("backup ", backup.id(), " is whole: ", Count(backup.files(), "file"), ", ", SizeText(backup.bytes()),
                                           " read again"));
  return absl::OkStatus();
}

absl::Status Restore(Session& session, const FolderOptions& options) {
  ASSIGN_OR_RETURN(const store::v1::BackupManifest manifest, LoadBackup(options.folder, options.id));
  const v1::Backup& backup = manifest.backup();
  const absl::Status restored = RestoreBackup(options.folder, manifest, options.target);
  if (!restored.ok()) return Annotate(restored, StrCat("restore backup ", backup.id()));
  session.out().PrintAnswer(
      backup, StrCat("backup ", backup.id(), " is restored to ", options.target, "\nnext: put keys/ and credentials/ back into it, then firebreakd check --data ",
                     options.target, "\nthe service will refuse changes until firebreakd accept-rollback when records newer than ",
                     backup.log_entries(), " log entries were seen outside"));
  return absl::OkStatus();
}

absl::Status Prune(Session& session, const PruneOptions& options) {
  ASSIGN_OR_RETURN(const PrunedBackups pruned,
                   PruneBackups(options.folder, options.keep, options.dry_run ? PruneManner::kDryRun : PruneManner::kRemove));
  v1::ListBackupsResponse answer;
  answer.set_folder(options.folder);
  for (const v1::Backup& backup : pruned.backups) *answer.add_backups() = backup;
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  for (const v1::Backup& backup : pruned.backups) {
    session.out().Print(StrCat(options.dry_run ? "would remove backup " : "removed backup ", backup.id(), " of ",
                               TimeText(backup.has_created_at(), backup.created_at())));
  }
  session.out().Print(StrCat(Count(pruned.backups.size(), "backup"), options.dry_run ? " would go, " : " gone, ", SizeText(pruned.bytes),
                             options.dry_run ? " would be free again" : " free again", "; what is kept is whole as far as names and sizes tell"));
  return absl::OkStatus();
}

void SetUpFolder(CLI::App& command, FolderOptions& options) {
  command.add_option("folder", options.folder, "The folder that holds the backups")->required();
  command.add_option("id", options.id, "Which backup; the newest when not given");
}

}  // namespace
}  // namespace backup_commands

void AddBackupCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace backup_commands;
  CLI::App* backup = AddGroup(app, "backup", "Backups of the records and all content, made while the service runs");
  AddCommand<CreateOptions>(*backup, chosen, "create", "Make one now, in the folder that the service's config.yaml names",
                            [](CLI::App& command, CreateOptions& options) {
                              command.add_option("--reason", options.reason, "Why; kept in the audit log");
                            },
                            Create, session);
  AddCommand<FolderOptions>(*backup, chosen, "list", "Backups of the service, or those in a folder",
                            [](CLI::App& command, FolderOptions& options) {
                              command.add_option("folder", options.folder, "A folder at hand; without it the service is asked");
                            },
                            List, session);
  AddCommand<FolderOptions>(*backup, chosen, "verify", "Read every file of a backup again; needs no service", SetUpFolder, Verify, session);
  AddCommand<FolderOptions>(*backup, chosen, "restore", "Into a new, empty data folder; needs no service",
                            [](CLI::App& command, FolderOptions& options) {
                              SetUpFolder(command, options);
                              command.add_option("--to", options.target, "The folder to make")->required();
                            },
                            Restore, session);
  AddCommand<PruneOptions>(*backup, chosen, "prune", "Remove old backups and what only they needed; needs no service",
                           [](CLI::App& command, PruneOptions& options) {
                             command.add_option("folder", options.folder, "The folder that holds the backups")->required();
                             command.add_option("--keep", options.keep, "How many of the newest stay, at least one")->required();
                             command.add_flag("--dry-run", options.dry_run, "Only say what would go");
                           },
                           Prune, session);
}

}  // namespace firebreak::cli
