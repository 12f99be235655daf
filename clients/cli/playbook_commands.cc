// playbook: list, show, lint, put.
#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/v1/playbook.grpc.pb.h"

namespace firebreak::cli {
namespace {

struct NoOptions {};
struct ShowOptions {
  std::string name;
  bool yaml = false;
};
struct FilesOption {
  std::vector<std::string> files;
};

absl::Status List(Session& session, const NoOptions&) {
  ASSIGN_OR_RETURN(v1::ListPlaybooksResponse answer,
                   session.Call<v1::Playbooks>(&v1::Playbooks::Stub::ListPlaybooks, v1::ListPlaybooksRequest()));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"NAME", "DIGEST", "TRIGGER", "STORED", "TITLE"});
  for (const v1::StoredPlaybook& stored : answer.playbooks()) {
    const v1::Playbook& playbook = stored.playbook();
    table.Add({playbook.name(), ShortDigest(playbook.digest()), playbook.trigger().when().text(),
               TimeText(stored.has_stored_at(), stored.stored_at()), playbook.title()});
  }
  session.out().PrintTable(table, "no playbooks");
  return absl::OkStatus();
}

absl::Status Show(Session& session, const ShowOptions& options) {
  v1::GetPlaybookRequest request;
  request.set_playbook(options.name);
  ASSIGN_OR_RETURN(v1::GetPlaybookResponse answer, session.Call<v1::Playbooks>(&v1::Playbooks::Stub::GetPlaybook, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
  } else {
    session.out().Print(StrCat("# ", answer.playbook().playbook().digest(), "\n", answer.playbook().yaml()));
  }
  return absl::OkStatus();
}

// The service lints, because it knows which actions exist there.
absl::Status Send(Session& session, const std::string& file, bool validate_only, bool& any_error) {
  v1::PutPlaybookRequest request;
  ASSIGN_OR_RETURN(*request.mutable_yaml(), ReadSmallFile(file));
  request.set_validate_only(validate_only);
  ASSIGN_OR_RETURN(v1::PutPlaybookResponse answer, session.Call<v1::Playbooks>(&v1::Playbooks::Stub::PutPlaybook, request));
  for (v1::LintFinding& finding : *answer.mutable_findings()) {
    finding.set_file(file);
    any_error = any_error || finding.error();
    if (session.out().format() == Format::kTable) session.out().Print(FormatFinding(finding));
  }
  if (session.out().format() == Format::kJson) session.out().PrintMessage(answer);
  if (!any_error) {
    session.out().Notice(StrCat(file, ": ", answer.playbook().name(), validate_only ? " is good" : " is stored as ", validate_only ? "" : ShortDigest(answer.playbook().digest())));
  }
  return absl::OkStatus();
}

absl::Status LintFiles(Session& session, const FilesOption& options) {
  bool any_error = false;
  for (const std::string& file : options.files) RETURN_IF_ERROR(Send(session, file, true, any_error));
  return any_error ? absl::UnknownError("a playbook has errors") : absl::OkStatus();
}

absl::Status PutFiles(Session& session, const FilesOption& options) {
  bool any_error = false;
  for (const std::string& file : options.files) RETURN_IF_ERROR(Send(session, file, false, any_error));
  return any_error ? absl::UnknownError("a playbook has errors and was not stored") : absl::OkStatus();
}

}  // namespace

void AddPlaybookCommands(CLI::App& app, Chosen& chosen, Session& session) {
  CLI::App* playbook = AddGroup(app, "playbook", "Executable runbooks");
  const auto files = [](CLI::App& command, FilesOption& options) { command.add_option("file", options.files)->required(); };
  AddCommand<NoOptions>(*playbook, chosen, "list", "Stored playbooks", [](CLI::App&, NoOptions&) {}, List, session);
  AddCommand<ShowOptions>(*playbook, chosen, "show", "The YAML and its digest",
                          [](CLI::App& command, ShowOptions& options) {
                            command.add_option("name", options.name)->required();
                            command.add_flag("--yaml", options.yaml, "The YAML (the default)");
                          },
                          Show, session);
  AddCommand<FilesOption>(*playbook, chosen, "lint", "Check files: file:line:column, rule, nearest valid name", files, LintFiles, session);
  AddCommand<FilesOption>(*playbook, chosen, "put", "Store files as the newest version", files, PutFiles, session);
}

}  // namespace firebreak::cli
