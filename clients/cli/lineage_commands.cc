// snapshot lineage; lineage add, remove, statements; blast: where a snapshot comes from, what came of it, what a bad one touches.
#include <cstdlib>

#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/drawing/lineage_drawing.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/snapshots/lineage_graph.h"
#include "firebreak/snapshots/lineage_statement.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/v1/lineage.grpc.pb.h"
#include "firebreak/v1/snapshot.grpc.pb.h"

namespace firebreak::cli {
namespace lineage_commands {
namespace {

struct DrawOptions {
  std::string reference;
  std::string format = "tree";
  std::string out;
  uint32_t depth = 0;
  uint32_t nodes = 0;
};
struct EdgeOptions {
  std::string child;
  std::string trained_on, evaluated_on, fine_tuned_from, derived_from, configured_by;
  std::string key;
  std::string reason;
  bool dry_run = false;
};
struct BlastOptions {
  std::string of;
  uint32_t limit = 50;
};

// Line-drawing characters only where the person's terminal says that it can show them.
bool Utf8Locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale(value);
    return locale.find("UTF-8") != std::string_view::npos || locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

Tone ToneOf(Mark mark) {
  switch (mark) {
    case Mark::kQuarantined: return Tone::kBad;
    case Mark::kTainted: return Tone::kWarning;
    case Mark::kServing: return Tone::kGood;
    case Mark::kFaint: return Tone::kFaint;
    case Mark::kNone: break;
  }
  return Tone::kPlain;
}

absl::Status Draw(Session& session, const DrawOptions& options) {
  const Output& out = session.out();
  if (out.format() == Format::kJson && options.format == "tree") {
    v1::GetLineageRequest request;
    request.set_snapshot(options.reference);
    request.set_depth_max(options.depth);
    ASSIGN_OR_RETURN(v1::GetLineageResponse answer, session.Call<v1::Snapshots>(&v1::Snapshots::Stub::GetLineage, request));
    out.PrintMessage(answer);
    return absl::OkStatus();
  }
  if (options.format != "tree" && options.format != "dot" && options.format != "svg" && options.format != "json") {
    return absl::InvalidArgumentError(StrCat("--format ", options.format, ": use tree, dot, svg or json"));
  }
  v1::GetGraphRequest request;
  request.set_snapshot(options.reference);
  request.set_depth_max(options.depth);
  request.set_nodes_max(options.nodes);
  ASSIGN_OR_RETURN(v1::GetGraphResponse graph, session.Call<v1::Lineage>(&v1::Lineage::Stub::GetGraph, request));
  if (options.format == "json") {
    out.PrintMessage(graph);
    return absl::OkStatus();
  }
  std::string text;
  if (options.format == "tree") {
    text = DrawTree(graph, {.ascii = !Utf8Locale(), .paint = [&](std::string_view piece, Mark mark) { return out.Paint(piece, ToneOf(mark)); }});
  } else {
    text = options.format == "dot" ? DrawDot(graph) : DrawSvg(graph);
  }
  if (!options.out.empty() && options.out != "-") {
    RETURN_IF_ERROR(WriteWholeFile(options.out, text, FileMode::kOrdinary));
    out.Notice(StrCat("lineage of ", options.reference, " is in ", options.out));
    return absl::OkStatus();
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  out.Print(text);
  return absl::OkStatus();
}

absl::StatusOr<EdgeStatement> MakeStatement(Session& session, const EdgeOptions& options, bool removes) {
  EdgeStatement statement;
  statement.removes = removes;
  std::string parent;
  for (const auto& [value, relation] : {std::pair(&options.trained_on, v1::LINEAGE_RELATION_TRAINED_ON),
                                        std::pair(&options.evaluated_on, v1::LINEAGE_RELATION_EVALUATED_ON),
                                        std::pair(&options.fine_tuned_from, v1::LINEAGE_RELATION_FINE_TUNED_FROM),
                                        std::pair(&options.derived_from, v1::LINEAGE_RELATION_DERIVED_FROM),
                                        std::pair(&options.configured_by, v1::LINEAGE_RELATION_CONFIGURED_BY)}) {
    if (value->empty()) continue;
    if (!parent.empty()) return absl::InvalidArgumentError("one statement is about one edge: name one parent");
    parent = *value;
    statement.relation = relation;
  }
  if (parent.empty()) {
    return absl::InvalidArgumentError(
        "name the parent: --trained-on, --evaluated-on, --fine-tuned-from, --derived-from or --configured-by");
  }
  // Names are resolved before signing: what is signed must say the digests.
  for (const auto& [reference, digest, name] : {std::tuple(&options.child, &statement.child, &statement.child_name),
                                                std::tuple<const std::string*, Digest*, std::string*>(&parent, &statement.parent,
                                                                                                      &statement.parent_name)}) {
    v1::GetSnapshotRequest request;
    request.set_snapshot(*reference);
    ASSIGN_OR_RETURN(v1::GetSnapshotResponse answer, session.Call<v1::Snapshots>(&v1::Snapshots::Stub::GetSnapshot, request));
    ASSIGN_OR_RETURN(*digest, Digest::Parse(answer.snapshot().digest()));
    *name = SnapshotName(answer.snapshot());
  }
  statement.reason = options.reason;
  statement.signed_at = session.clock().Now();
  return statement;
}

absl::StatusOr<v1::Envelope> SignStatement(const EdgeStatement& statement, const std::string& key_file) {
  ASSIGN_OR_RETURN(std::string pem, ReadSmallFile(key_file));
  absl::StatusOr<EcPrivateKey> key = EcPrivateKey::FromPem(pem);
  if (!key.ok()) return Annotate(key.status(), key_file);
  return SignEnvelope(*key, kInTotoPayloadType, EncodeEdgeStatement(statement));
}

template <typename Request, typename Method>
absl::Status Send(Session& session, const EdgeOptions& options, bool removes, Method method) {
  ASSIGN_OR_RETURN(const EdgeStatement statement, MakeStatement(session, options, removes));
  Request request;
  ASSIGN_OR_RETURN(*request.mutable_statement(), SignStatement(statement, options.key));
  request.set_validate_only(options.dry_run);
  ASSIGN_OR_RETURN(auto answer, session.Call<v1::Lineage>(method, request));
  const v1::LineageStatement& accepted = answer.statement();
  session.out().PrintAnswer(answer, StrCat(options.dry_run ? "would be recorded: " : "", accepted.child_name(), removes ? " not " : " ",
                                           RelationText(accepted.relation()), " ", accepted.parent_name(), ", signed by ",
                                           accepted.signer(), answer.child().has_quarantine() ? "; it is tainted" : ""));
  return absl::OkStatus();
}

absl::Status Add(Session& session, const EdgeOptions& options) {
  return Send<v1::AddEdgeRequest>(session, options, false, &v1::Lineage::Stub::AddEdge);
}
absl::Status Remove(Session& session, const EdgeOptions& options) {
  return Send<v1::RemoveEdgeRequest>(session, options, true, &v1::Lineage::Stub::RemoveEdge);
}

absl::Status Statements(Session& session, const DrawOptions& options) {
  v1::ListStatementsRequest request;
  request.set_snapshot(options.reference);
  v1::ListStatementsResponse all;
  do {
    ASSIGN_OR_RETURN(v1::ListStatementsResponse page, session.Call<v1::Lineage>(&v1::Lineage::Stub::ListStatements, request));
    request.set_page_token(page.next_page_token());
    for (v1::LineageStatement& statement : *page.mutable_statements()) *all.add_statements() = std::move(statement);
  } while (!request.page_token().empty());
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(all);
    return absl::OkStatus();
  }
  Table table({"SAYS", "RELATION", "PARENT", "SIGNED BY", "ACCEPTED", "REASON"});
  for (const v1::LineageStatement& statement : all.statements()) {
    table.Add({statement.removes() ? "not" : "is", std::string(RelationText(statement.relation())), statement.parent_name(), statement.signer(),
               TimeText(statement.has_accepted_at(), statement.accepted_at()), statement.reason()});
  }
  session.out().PrintTable(table, StrCat("no signed statements about ", options.reference));
  return absl::OkStatus();
}

void PrintBlast(const Output& out, const v1::BlastRadiusResponse& answer) {
  out.Print(StrCat(answer.source(), answer.source_kind() == v1::BLAST_SOURCE_KIND_SIGNING_KEY ? " (signing key)" : "", " touches ",
                   Count(answer.models_total(), "model"), ", ", Count(answer.datasets_total(), "dataset"), ", ",
                   Count(answer.configs_total(), "config"), ", ", Count(answer.releases_total(), "release"), ", ",
                   Count(answer.deployments_total(), "deployment"), ", ", Count(answer.agents_total(), "agent")));
  for (const v1::BlastDeployment& deployment : answer.deployments()) {
    out.Print(out.Paint(StrCat("  deployment ", deployment.name(), deployment.contained() ? " (contained)" : "", ": ", PathText(deployment.path())),
                        deployment.contained() ? Tone::kWarning : Tone::kBad));
  }
  for (const v1::BlastAgent& agent : answer.agents()) {
    out.Print(StrCat("  agent ", agent.agent(), " of ", agent.deployment(), agent.proved() ? ": serves it" : ": is to serve it"));
  }
  for (const v1::BlastRelease& release : answer.releases()) {
    if (release.wanted()) continue;
    out.Print(StrCat("  no way back to ", release.model(), ": ", PathText(release.path())));
  }
  Table table({"SNAPSHOT", "TOUCHED", "STATE", "WAY"});
  for (const v1::BlastSnapshot& snapshot : answer.snapshots()) {
    table.Add({snapshot.name(), ShortName(snapshot.touch()), snapshot.quarantined() ? "quarantined" : "", PathText(snapshot.path())});
  }
  out.PrintTable(table, "nothing");
  if (!answer.next_page_token().empty()) out.Notice("there are more (next: --limit 5000, or -o json for all)");
}

absl::Status Blast(Session& session, const BlastOptions& options) {
  v1::BlastRadiusRequest request;
  request.set_of(options.of);
  const bool all = session.out().format() == Format::kJson;
  request.set_page_size(all ? 2000 : options.limit);
  ASSIGN_OR_RETURN(v1::BlastRadiusResponse answer, session.Call<v1::Lineage>(&v1::Lineage::Stub::BlastRadius, request));
  if (!all) {
    PrintBlast(session.out(), answer);
    return absl::OkStatus();
  }
  while (!answer.next_page_token().empty()) {
    request.set_page_token(answer.next_page_token());
    ASSIGN_OR_RETURN(v1::BlastRadiusResponse page, session.Call<v1::Lineage>(&v1::Lineage::Stub::BlastRadius, request));
    for (v1::BlastSnapshot& snapshot : *page.mutable_snapshots()) *answer.add_snapshots() = std::move(snapshot);
    answer.set_next_page_token(page.next_page_token());
  }
  session.out().PrintMessage(answer);
  return absl::OkStatus();
}

void SetUpEdge(CLI::App& command, EdgeOptions& options) {
  command.add_option("child", options.child, "The snapshot that was made: model/fraud@7 or sha256:…")->required();
  command.add_option("--trained-on", options.trained_on, "Parent it was trained on");
  command.add_option("--evaluated-on", options.evaluated_on, "Parent it was evaluated on");
  command.add_option("--fine-tuned-from", options.fine_tuned_from, "Parent it was fine-tuned from");
  command.add_option("--derived-from", options.derived_from, "Parent it was derived from");
  command.add_option("--configured-by", options.configured_by, "Configuration it runs with");
  command.add_option("--key", options.key, "Private key of a trusted signer, PEM; it stays here")->required();
  command.add_flag("--dry-run", options.dry_run, "Sign and check, record nothing");
}

}  // namespace
}  // namespace lineage_commands

void AddSnapshotLineageCommand(CLI::App& snapshot, Chosen& chosen, Session& session) {
  using namespace lineage_commands;
  AddCommand<DrawOptions>(
      snapshot, chosen, "lineage", "What it was made from and what was made from it, as a tree or a picture",
      [](CLI::App& command, DrawOptions& options) {
        command.add_option("reference", options.reference, "model/fraud@7, model/fraud (newest) or sha256:…")->required();
        command.add_option("--format", options.format, "tree, dot (Graphviz), svg or json")->capture_default_str();
        command.add_option("--out", options.out, "File; default: standard output");
        command.add_option("--depth", options.depth, "Levels each way; default: all");
        command.add_option("--nodes", options.nodes, "Snapshots drawn, nearest first; default 200, at most 5000");
      },
      Draw, session);
}

void AddLineageCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace lineage_commands;
  CLI::App* lineage = AddGroup(app, "lineage", "Edges added or corrected under signature after the push");
  AddCommand<EdgeOptions>(*lineage, chosen, "add", "Sign and record what a snapshot was made from",
                          [](CLI::App& command, EdgeOptions& options) {
                            SetUpEdge(command, options);
                            command.add_option("--reason", options.reason, "Why it is added now");
                          },
                          Add, session);
  AddCommand<EdgeOptions>(*lineage, chosen, "remove", "Sign a correction that takes an edge back (security lead)",
                          [](CLI::App& command, EdgeOptions& options) {
                            SetUpEdge(command, options);
                            command.add_option("--reason", options.reason, "Why; kept in the statement and the audit log")->required();
                          },
                          Remove, session);
  AddCommand<DrawOptions>(*lineage, chosen, "statements", "Signed statements about a snapshot's edges, corrections included",
                          [](CLI::App& command, DrawOptions& options) {
                            command.add_option("reference", options.reference, "model/fraud@7, model/fraud (newest) or sha256:…")->required();
                          },
                          Statements, session);
  AddCommand<BlastOptions>(app, chosen, "blast", "Everything a bad dataset, model, config or signing key touches, and the way it gets there",
                           [](CLI::App& command, BlastOptions& options) {
                             command.add_option("of", options.of, "dataset/claims@3, model/base, sha256:…, a key id, or a signer's name")->required();
                             command.add_option("--limit", options.limit, "Snapshots shown, at most 5000")->capture_default_str();
                           },
                           Blast, session);
}

}  // namespace firebreak::cli
