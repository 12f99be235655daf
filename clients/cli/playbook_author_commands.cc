// playbook lint, new, graph, actions, schema: what an author needs, without a service.
#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_join.h"
#include "clients/cli/command.h"
#include "clients/cli/playbook_files.h"
#include "clients/cli/playbook_templates.h"
#include "clients/cli/session.h"
#include "firebreak/actions/specs.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/playbooks/schema.h"
#include "firebreak/playbooks/sketch.h"
#include "firebreak/v1/playbook.grpc.pb.h"

namespace firebreak::cli {
namespace playbook_author_commands {
namespace {

struct LintOptions {
  std::vector<std::string> files;
  std::string format;
  bool online = false;
  bool strict = false;
};
struct NewOptions {
  std::string name;
  std::string from = "contain";
  std::string folder = ".";
};
struct GraphOptions {
  std::string file;
  std::string format = "text";
  std::string out;
};
struct NoOption {};
struct OutOption {
  std::string out;
};

absl::StatusOr<std::string> ReadText(const std::string& file) {
  ASSIGN_OR_RETURN(std::string yaml, ReadSmallFile(file));
  if (!IsValidUtf8(yaml)) return absl::InvalidArgumentError(StrCat(file, ": is not UTF-8 text"));
  return yaml;
}

// The service knows what is stored there and who holds which role.
absl::StatusOr<std::vector<v1::LintFinding>> LintOnline(Session& session, const std::string& file) {
  ASSIGN_OR_RETURN(const std::string yaml, ReadText(file));
  v1::PutPlaybookRequest request;
  request.set_yaml(yaml);
  request.set_validate_only(true);
  auto answer = session.Call<v1::Playbooks>(&v1::Playbooks::Stub::PutPlaybook, request);
  if (!answer.ok()) return Annotate(answer.status(), file);
  std::vector<v1::LintFinding> findings;
  for (v1::LintFinding& finding : *answer->mutable_findings()) {
    finding.set_file(file);
    findings.push_back(std::move(finding));
  }
  return findings;
}

// With the actions of this build; `run` steps find the other files given.
absl::StatusOr<std::vector<v1::LintFinding>> LintOffline(const std::vector<std::string>& files) {
  std::vector<std::string> texts;
  std::map<std::string, v1::Playbook> given;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(texts.emplace_back(), ReadText(file));
    const LintReport report = LintPlaybook(file, texts.back(), BuiltinSpecs());
    given.emplace(report.playbook.digest(), report.playbook);
  }
  const std::vector<const ActionSpec*> actions = BuiltinSpecs();
  LintSurroundings surroundings;
  surroundings.actions = actions;
  surroundings.whole_shelf = false;
  surroundings.find_playbook = [&given](const std::string& digest) {
    const auto found = given.find(digest);
    return found == given.end() ? std::nullopt : std::optional<v1::Playbook>(found->second);
  };
  std::vector<v1::LintFinding> findings;
  for (size_t i = 0; i < files.size(); ++i) {
    for (v1::LintFinding& finding : LintPlaybook(files[i], texts[i], surroundings).findings)
      findings.push_back(std::move(finding));
  }
  return findings;
}

void PrintFindings(Session& session, const std::string& format, const std::vector<v1::LintFinding>& findings) {
  if (format == "gitlab") return session.out().Print(FormatFindingsForGitlab(findings));
  if (format == "json") {
    v1::PutPlaybookResponse answer;
    for (const v1::LintFinding& finding : findings) *answer.add_findings() = finding;
    return session.out().PrintMessage(answer);
  }
  for (const v1::LintFinding& finding : findings)
    session.out().Print(format == "github" ? FormatFindingForGithub(finding) : FormatFinding(finding));
}

absl::Status Lint(Session& session, const LintOptions& options) {
  std::string format = options.format;
  if (format.empty()) format = session.out().format() == Format::kJson ? "json" : "text";
  std::vector<v1::LintFinding> findings;
  if (options.online) {
    for (const std::string& file : options.files) {
      ASSIGN_OR_RETURN(std::vector<v1::LintFinding> found, LintOnline(session, file));
      findings.insert(findings.end(), found.begin(), found.end());
    }
  } else {
    ASSIGN_OR_RETURN(findings, LintOffline(options.files));
  }
  PrintFindings(session, format, findings);
  size_t errors = 0;
  for (const v1::LintFinding& finding : findings) errors += finding.error() || options.strict ? 1 : 0;
  if (errors > 0) return absl::UnknownError("a playbook has errors");
  if (format == "text") session.out().Print(StrCat(Count(options.files.size(), "playbook"), " without errors"));
  return absl::OkStatus();
}

absl::Status WriteNew(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  if (std::filesystem::exists(path, error))
    return absl::AlreadyExistsError(StrCat(path.string(), " is there already (next: another name or --folder)"));
  return WriteTextFile(path, text);
}

absl::Status New(Session& session, const NewOptions& options) {
  if (absl::Status status = CheckName("playbook name", options.name); !status.ok()) return status;
  const PlaybookTemplate* chosen = nullptr;
  std::vector<std::string> known;
  for (const PlaybookTemplate& one : PlaybookTemplates()) {
    known.emplace_back(one.name);
    if (options.from == one.name) chosen = &one;
  }
  if (chosen == nullptr) {
    return absl::InvalidArgumentError(StrCat("there is no template ", options.from, " (next: --from ", absl::StrJoin(known, " or --from "), ")"));
  }
  const std::filesystem::path folder(options.folder);
  const std::string file = StrCat(options.name, ".yaml");
  const std::string table = StrCat(options.name, ".test.yaml");
  RETURN_IF_ERROR(WriteNew(folder / file, FillTemplate(chosen->yaml, options.name, file)));
  RETURN_IF_ERROR(WriteNew(folder / table, FillTemplate(chosen->tests, options.name, file)));
  session.out().PrintFields({{"playbook", (folder / file).string()}, {"tests", (folder / table).string()}},
                            StrCat((folder / file).string(), "\n", (folder / table).string()));
  session.out().Notice(StrCat("next: firebreak playbook test ", (folder / file).string()));
  return absl::OkStatus();
}

absl::Status Deliver(Session& session, const std::string& out, std::string text) {
  if (!out.empty()) return WriteTextFile(out, text);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  session.out().Print(text);
  return absl::OkStatus();
}

// A playbook with errors is drawn as far as it was understood: a picture helps to find them.
absl::Status Graph(Session& session, const GraphOptions& options) {
  ASSIGN_OR_RETURN(const std::string yaml, ReadText(options.file));
  const std::vector<const ActionSpec*> actions = BuiltinSpecs();
  const LintReport report = LintPlaybook(options.file, yaml, actions);
  for (const v1::LintFinding& finding : report.findings) {
    if (finding.error()) session.out().Notice(FormatFinding(finding), Tone::kWarning);
  }
  if (options.format == "svg") return Deliver(session, options.out, SketchSvg(report.playbook, actions));
  if (options.format == "dot") return Deliver(session, options.out, SketchDot(report.playbook, actions));
  return Deliver(session, options.out, SketchText(report.playbook, actions));
}

std::string FieldsText(const std::vector<ActionField>& fields) {
  std::vector<std::string> texts;
  for (const ActionField& field : fields) texts.push_back(StrCat(field.name, field.required ? ": " : "?: ", field.type));
  return absl::StrJoin(texts, ", ");
}

absl::Status Actions(Session& session, const NoOption&) {
  if (session.out().format() == Format::kJson) {
    google::protobuf::Value list;
    list.mutable_list_value();
    for (const ActionSpec* spec : BuiltinSpecs()) {
      auto& fields = *list.mutable_list_value()->add_values()->mutable_struct_value()->mutable_fields();
      fields["name"].set_string_value(spec->name);
      fields["class"].set_string_value(std::string(ActionClassName(spec->action_class)));
      fields["takes"].set_string_value(FieldsText(spec->inputs));
      fields["answers"].set_string_value(FieldsText(spec->outputs));
      fields["about"].set_string_value(spec->about);
      fields["needs_approval"].set_bool_value(spec->needs_approval);
    }
    session.out().Print(PrintJsonPretty(list));
    return absl::OkStatus();
  }
  Table table({"ACTION", "CLASS", "TAKES", "ANSWERS", "WHAT IT DOES"});
  for (const ActionSpec* spec : BuiltinSpecs())
    table.Add({spec->name, std::string(ActionClassName(spec->action_class)), FieldsText(spec->inputs), FieldsText(spec->outputs), spec->about});
  session.out().PrintTable(table, "no actions");
  return absl::OkStatus();
}

absl::Status Schema(Session& session, const OutOption& options) {
  return Deliver(session, options.out, PlaybookSchema(BuiltinSpecs()));
}

}  // namespace
}  // namespace playbook_author_commands

absl::Status WriteTextFile(const std::filesystem::path& path, const std::string& text) {
  using namespace playbook_author_commands;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return absl::UnavailableError(StrCat("write ", path.string(), ": failed"));
  return absl::OkStatus();
}

void AddPlaybookAuthorCommands(CLI::App& playbook, Chosen& chosen, Session& session) {
  using namespace playbook_author_commands;
  AddCommand<LintOptions>(playbook, chosen, "lint", "Check files: file:line:column, rule, nearest valid name; needs no service",
                          [](CLI::App& command, LintOptions& options) {
                            command.add_option("file", options.files, "YAML, one playbook each")->required();
                            command.add_option("--format", options.format, "text, json, github (annotations) or gitlab (code quality)")
                                ->check(CLI::IsMember({"text", "json", "github", "gitlab"}));
                            command.add_flag("--online", options.online, "Ask the service, which knows stored playbooks and who holds which role");
                            command.add_flag("--strict", options.strict, "Warnings count as errors");
                          },
                          Lint, session);
  AddCommand<NewOptions>(playbook, chosen, "new", "Start a playbook and its test table",
                         [](CLI::App& command, NewOptions& options) {
                           command.add_option("name", options.name, "Name of the playbook, such as stale-features")->required();
                           command.add_option("--from", options.from, "contain (to roll-back) or notify")->capture_default_str();
                           command.add_option("--folder", options.folder, "Where the two files go")->capture_default_str();
                         },
                         New, session);
  AddCommand<GraphOptions>(playbook, chosen, "graph", "Draw a playbook",
                           [](CLI::App& command, GraphOptions& options) {
                             command.add_option("file", options.file, "YAML")->required();
                             command.add_option("--format", options.format, "text (a tree), svg or dot")
                                 ->check(CLI::IsMember({"text", "svg", "dot"}))
                                 ->capture_default_str();
                             command.add_option("--out", options.out, "File to write instead of standard output");
                           },
                           Graph, session);
  AddCommand<NoOption>(playbook, chosen, "actions", "What a step can do, what it takes and what it answers", [](CLI::App&, NoOption&) {},
                       Actions, session);
  AddCommand<OutOption>(playbook, chosen, "schema", "The JSON Schema of playbooks, for editors",
                        [](CLI::App& command, OutOption& options) {
                          command.add_option("--out", options.out, "File to write instead of standard output");
                        },
                        Schema, session);
}

}  // namespace firebreak::cli
