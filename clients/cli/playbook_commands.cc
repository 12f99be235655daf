// playbook: list, show, put; what needs no service is in playbook_author_commands.cc and playbook_test_command.cc.
#include "clients/cli/command.h"
#include "clients/cli/playbook_files.h"
#include "clients/cli/session.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/v1/playbook.grpc.pb.h"

namespace firebreak::cli {
namespace playbook_commands {
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
  // The YAML ends with a line break of its own, and is printed so that a file of it has the same digest.
  std::string yaml = answer.playbook().yaml();
  if (!yaml.empty() && yaml.back() == '\n') yaml.pop_back();
  session.out().PrintAnswer(answer, yaml);
  if (!options.yaml) session.out().Notice(answer.playbook().playbook().digest());
  return absl::OkStatus();
}

absl::StatusOr<v1::PutPlaybookResponse> Send(Session& session, const std::string& yaml, bool validate_only) {
  v1::PutPlaybookRequest request;
  request.set_yaml(yaml);
  request.set_validate_only(validate_only);
  return session.Call<v1::Playbooks>(&v1::Playbooks::Stub::PutPlaybook, request);
}

// One answer for all files, every finding with its file; the playbook itself only when there is one file. The service
// lints, because it knows which actions exist there.
absl::StatusOr<v1::PutPlaybookResponse> Check(Session& session, const std::vector<std::string>& files, bool& good) {
  v1::PutPlaybookResponse all;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(std::string yaml, ReadSmallFile(file));
    if (!IsValidUtf8(yaml)) return absl::InvalidArgumentError(StrCat(file, ": is not UTF-8 text"));
    auto answer = Send(session, yaml, true);
    if (!answer.ok()) return Annotate(answer.status(), file);
    for (v1::LintFinding& finding : *answer->mutable_findings()) {
      finding.set_file(file);
      good = good && !finding.error();
      if (session.out().format() == Format::kTable) session.out().Print(FormatFinding(finding));
      *all.add_findings() = std::move(finding);
    }
    if (files.size() == 1) *all.mutable_playbook() = answer->playbook();
  }
  return all;
}

// All files are checked before the first is stored.
absl::Status PutFiles(Session& session, const FilesOption& options) {
  bool good = true;
  ASSIGN_OR_RETURN(v1::PutPlaybookResponse all, Check(session, options.files, good));
  if (!good) {
    if (session.out().format() == Format::kJson) session.out().PrintMessage(all);
    return absl::UnknownError("a playbook has errors; nothing was stored");
  }
  for (const std::string& file : options.files) {
    ASSIGN_OR_RETURN(std::string yaml, ReadSmallFile(file));
    auto answer = Send(session, yaml, false);
    if (!answer.ok()) return Annotate(answer.status(), file);
    *all.mutable_playbook() = answer->playbook();
    if (session.out().format() == Format::kTable) {
      session.out().Print(StrCat(file, ": ", answer->playbook().name(), " is stored as ", ShortDigest(answer->playbook().digest())));
    }
  }
  if (session.out().format() == Format::kJson) session.out().PrintMessage(all);
  return absl::OkStatus();
}

}  // namespace
}  // namespace playbook_commands

void AddPlaybookCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace playbook_commands;
  CLI::App* playbook = AddGroup(app, "playbook", "Executable runbooks");
  const auto files = [](CLI::App& command, FilesOption& options) {
    command.add_option("file", options.files, "YAML, one playbook each")->required();
  };
  AddCommand<NoOptions>(*playbook, chosen, "list", "Stored playbooks", [](CLI::App&, NoOptions&) {}, List, session);
  AddCommand<ShowOptions>(*playbook, chosen, "show", "The YAML and its digest",
                          [](CLI::App& command, ShowOptions& options) {
                            command.add_option("name", options.name, "Its newest version, or sha256:… for one version")->required();
                            command.add_flag("--yaml", options.yaml, "Only the YAML, without its digest on standard error");
                          },
                          Show, session);
  AddPlaybookAuthorCommands(*playbook, chosen, session);
  AddPlaybookTestCommand(*playbook, chosen, session);
  AddCommand<FilesOption>(*playbook, chosen, "put", "Store files as the newest version", files, PutFiles, session);
}

}  // namespace firebreak::cli
