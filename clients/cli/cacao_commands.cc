// playbook export, import, verify, countersign, format: playbooks as CACAO 2.0 documents. Files are worked on without a service.
#include <filesystem>

#include "clients/cli/command.h"
#include "clients/cli/contexts.h"
#include "clients/cli/session.h"
#include "firebreak/actions/specs.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/cacao/export.h"
#include "firebreak/cacao/import.h"
#include "firebreak/cacao/jss.h"
#include "firebreak/cacao/print_yaml.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/v1/playbook.grpc.pb.h"

namespace firebreak::cli {
namespace cacao_commands {
namespace {

constexpr size_t kKeyBytesMax = size_t{1} << 20;

struct SigningOptions {
  std::string key;
  std::string signee;
  std::string algorithm;
};
struct ExportOptions {
  std::string playbook;
  std::string out;
  std::string gateway;
  std::string tlp;
  SigningOptions sign;
};
struct ImportOptions {
  std::string file;
  std::string name;
  std::string out;
  bool put = false;
};
struct VerifyOptions {
  std::string file;
  std::vector<std::string> keys;
};
struct CountersignOptions {
  std::string file;
  std::string signature;
  std::string out;
  SigningOptions sign;
};
struct FormatOptions {
  std::vector<std::string> files;
  bool check = false;
};

absl::StatusOr<std::string> ReadDocument(const std::string& file) { return ReadFileUpTo(file, kCacaoLimits.size_bytes_max); }

absl::StatusOr<google::protobuf::Value> LoadDocument(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string json, ReadDocument(file));
  absl::StatusOr<google::protobuf::Value> document = ParseCacao(json);
  if (!document.ok()) return Annotate(document.status(), file);
  return document;
}

// A file when there is one of that name, else the shelf of the service.
absl::StatusOr<v1::StoredPlaybook> LoadPlaybook(Session& session, const std::string& name) {
  std::error_code error;
  v1::StoredPlaybook stored;
  if (!std::filesystem::is_regular_file(name, error)) {
    v1::GetPlaybookRequest request;
    request.set_playbook(name);
    ASSIGN_OR_RETURN(v1::GetPlaybookResponse answer, session.Call<v1::Playbooks>(&v1::Playbooks::Stub::GetPlaybook, request));
    return answer.playbook();
  }
  ASSIGN_OR_RETURN(const std::string yaml, ReadSmallFile(name));
  const LintReport report = LintPlaybook(name, yaml, BuiltinSpecs());
  for (const v1::LintFinding& finding : report.findings) session.out().Notice(FormatFinding(finding), finding.error() ? Tone::kBad : Tone::kWarning);
  if (!report.ok()) return absl::InvalidArgumentError(StrCat(name, " has errors"));
  *stored.mutable_playbook() = report.playbook;
  return stored;
}

absl::StatusOr<JosePrivateKey> LoadKey(const SigningOptions& options) {
  ASSIGN_OR_RETURN(const std::string pem, ReadFileUpTo(options.key, kKeyBytesMax));
  absl::StatusOr<JosePrivateKey> key = JosePrivateKey::FromPem(pem);
  if (!key.ok()) return Annotate(key.status(), options.key);
  return key;
}

absl::StatusOr<JssWish> WishOf(const Session& session, const SigningOptions& options) {
  if (options.signee.empty()) return absl::InvalidArgumentError("--signee: name who signs");
  JssWish wish;
  wish.signee = options.signee;
  wish.now = session.clock().Now();
  wish.algorithm = options.algorithm;
  return wish;
}

absl::Status WriteDocument(Session& session, const google::protobuf::Value& document, const std::string& out) {
  const std::string text = PrintJsonPretty(document);
  if (out.empty()) {
    session.out().Print(text);
    return absl::OkStatus();
  }
  return WriteWholeFile(out, text + "\n", FileMode::kOrdinary);
}

absl::Status Export(Session& session, const ExportOptions& options) {
  ASSIGN_OR_RETURN(const v1::StoredPlaybook stored, LoadPlaybook(session, options.playbook));
  CacaoExportOptions wish;
  if (stored.has_stored_at()) wish.modified = FromProto(stored.stored_at());
  if (!options.gateway.empty()) wish.gateway = options.gateway;
  if (wish.gateway.find(':') == std::string::npos) return absl::InvalidArgumentError("--gateway must be host:port");
  if (!options.tlp.empty()) wish.tlp = options.tlp;
  ASSIGN_OR_RETURN(google::protobuf::Value document, ExportCacao(stored.playbook(), wish));
  if (!options.sign.key.empty()) {
    ASSIGN_OR_RETURN(const JosePrivateKey key, LoadKey(options.sign));
    ASSIGN_OR_RETURN(const JssWish signing, WishOf(session, options.sign));
    ASSIGN_OR_RETURN(document, SignCacao(std::move(document), key, signing));
  }
  return WriteDocument(session, document, options.out);
}

absl::Status Import(Session& session, const ImportOptions& options) {
  ASSIGN_OR_RETURN(const std::string json, ReadDocument(options.file));
  const CacaoImport made = ImportCacao(json, {.name = options.name});
  for (const CacaoFinding& finding : made.findings) {
    session.out().Notice(FormatCacaoFinding(options.file, finding), finding.error ? Tone::kBad : Tone::kWarning);
  }
  if (!made.ok()) return absl::InvalidArgumentError(StrCat(options.file, " is not imported"));
  for (const std::string& hook : made.hooks) session.out().Notice(StrCat("before it runs: DATA/hooks.json must name the hook ", hook));
  if (!options.out.empty()) RETURN_IF_ERROR(WriteWholeFile(options.out, made.yaml, FileMode::kOrdinary));
  if (options.put) {
    v1::PutPlaybookRequest request;
    request.set_yaml(made.yaml);
    ASSIGN_OR_RETURN(const v1::PutPlaybookResponse answer, session.Call<v1::Playbooks>(&v1::Playbooks::Stub::PutPlaybook, request));
    session.out().PrintAnswer(answer, StrCat(answer.playbook().name(), " is stored as ", answer.playbook().digest()));
    return absl::OkStatus();
  }
  if (!options.out.empty()) return absl::OkStatus();
  std::string yaml = made.yaml;
  yaml.pop_back();
  session.out().PrintFields({{"playbook", made.playbook.name()}, {"yaml", made.yaml}}, yaml);
  return absl::OkStatus();
}

absl::Status Verify(Session& session, const VerifyOptions& options) {
  ASSIGN_OR_RETURN(const google::protobuf::Value document, LoadDocument(options.file));
  std::vector<JosePublicKey> keys;
  for (const std::string& file : options.keys) {
    ASSIGN_OR_RETURN(const std::string pem, ReadFileUpTo(file, kKeyBytesMax));
    absl::StatusOr<JosePublicKey> key = JosePublicKey::FromPem(pem);
    if (!key.ok()) return Annotate(key.status(), file);
    keys.push_back(*std::move(key));
  }
  ASSIGN_OR_RETURN(const std::vector<JssVerdict> verdicts, VerifyCacao(document, keys, session.clock().Now()));
  if (verdicts.empty()) return absl::FailedPreconditionError(StrCat(options.file, " is not signed"));
  Table table({"SIGNATURE", "SIGNEE", "ALGORITHM", "KEY", "VERDICT"});
  Fields fields;
  bool good = true;
  for (const JssVerdict& verdict : verdicts) {
    const std::string word = verdict.good() ? "good" : StrCat(verdict.intact ? "intact, but " : "not good: ", verdict.reason);
    table.Add({verdict.pointer, verdict.signee, verdict.algorithm, verdict.key_id.substr(0, 12), word});
    fields.emplace_back(verdict.pointer, word);
    good = good && verdict.good();
  }
  session.out().PrintFields(fields, table.Text());
  if (good) return absl::OkStatus();
  return WithNextStep(absl::DataLossError(StrCat(options.file, ": not every signature is good")),
                      keys.empty() ? "give the keys you trust with --key" : "do not run it before you know why");
}

absl::Status Countersign(Session& session, const CountersignOptions& options) {
  ASSIGN_OR_RETURN(google::protobuf::Value document, LoadDocument(options.file));
  ASSIGN_OR_RETURN(const JosePrivateKey key, LoadKey(options.sign));
  ASSIGN_OR_RETURN(const JssWish wish, WishOf(session, options.sign));
  ASSIGN_OR_RETURN(document, CountersignCacao(std::move(document), options.signature, key, wish));
  return WriteDocument(session, document, options.out);
}

absl::Status FormatFiles(Session& session, const FormatOptions& options) {
  size_t changed = 0;
  for (const std::string& file : options.files) {
    ASSIGN_OR_RETURN(const std::string yaml, ReadSmallFile(file));
    const LintReport report = LintPlaybook(file, yaml, BuiltinSpecs());
    for (const v1::LintFinding& finding : report.findings) {
      if (finding.error()) session.out().Notice(FormatFinding(finding), Tone::kBad);
    }
    if (!report.ok()) return absl::InvalidArgumentError(StrCat(file, " has errors; nothing was written"));
    const std::string canonical = PrintPlaybook(report.playbook);
    if (canonical == yaml) continue;
    ++changed;
    session.out().Print(file);
    if (!options.check) RETURN_IF_ERROR(WriteWholeFile(file, canonical, FileMode::kOrdinary));
  }
  if (options.check && changed > 0) return absl::UnknownError("not in the canonical form (next: firebreak playbook format FILE)");
  return absl::OkStatus();
}

void AddSigning(CLI::App& command, SigningOptions& options, const std::string& key_option) {
  command.add_option(key_option, options.key, "PEM private key: RSA, P-256, P-384, P-521, Ed25519");
  command.add_option("--signee", options.signee, "Who signs, for people");
  command.add_option("--algorithm", options.algorithm, "RS256, PS256, ES256 …; the key's own when not given");
}

}  // namespace
}  // namespace cacao_commands

void AddCacaoCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace cacao_commands;
  CLI::App* playbook = app.get_subcommand("playbook");
  AddCommand<ExportOptions>(*playbook, chosen, "export", "As a CACAO 2.0 document that other engines run",
                            [](CLI::App& command, ExportOptions& options) {
                              command.add_option("playbook", options.playbook, "A name, sha256:… or a YAML file")->required();
                              command.add_option("--out", options.out, "File to write instead of standard output");
                              command.add_option("--gateway", options.gateway, "host:port of the HTTP door, as other engines reach it");
                              command.add_option("--tlp", options.tlp, "clear, green, amber, amber+strict or red");
                              AddSigning(command, options.sign, "--sign");
                            },
                            Export, session);
  AddCommand<ImportOptions>(*playbook, chosen, "import", "Read a CACAO 2.0 document: what it would be as YAML, and what is wrong with it",
                            [](CLI::App& command, ImportOptions& options) {
                              command.add_option("file", options.file, "JSON")->required();
                              command.add_option("--name", options.name, "Name it gets");
                              command.add_option("--out", options.out, "YAML file to write");
                              command.add_flag("--put", options.put, "Store it as the newest version");
                            },
                            Import, session);
  AddCommand<VerifyOptions>(*playbook, chosen, "verify", "Check the signatures of a CACAO document",
                            [](CLI::App& command, VerifyOptions& options) {
                              command.add_option("file", options.file, "JSON")->required();
                              AddRepeated(command, "--key", options.keys, "PEM public key or certificate you trust; may be given several times");
                            },
                            Verify, session);
  AddCommand<CountersignOptions>(*playbook, chosen, "countersign", "Confirm somebody's signature of a CACAO document with your own",
                                 [](CLI::App& command, CountersignOptions& options) {
                                   command.add_option("file", options.file, "JSON")->required();
                                   command.add_option("--signature", options.signature, "jss--… that is confirmed")->required();
                                   command.add_option("--out", options.out, "File to write instead of standard output");
                                   AddSigning(command, options.sign, "--key");
                                 },
                                 Countersign, session);
  AddCommand<FormatOptions>(*playbook, chosen, "format", "Rewrite files in the canonical form; comments are lost, about: is kept",
                            [](CLI::App& command, FormatOptions& options) {
                              command.add_option("file", options.files, "YAML, one playbook each")->required();
                              command.add_flag("--check", options.check, "Only name the files that are not");
                            },
                            FormatFiles, session);
}

}  // namespace firebreak::cli
