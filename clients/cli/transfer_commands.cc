// snapshot push and pull: bytes move between a folder here and the service.
#include <vector>

#include "absl/strings/str_join.h"
#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/progress.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/channel/snapshot_port.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/transfer/pull.h"
#include "firebreak/transfer/push.h"
#include "firebreak/v1/snapshot.grpc.pb.h"

namespace firebreak::cli {
namespace transfer_commands {
namespace {

struct PushCommand {
  std::string reference;
  std::string folder;
  std::string key;
  std::string bundle;
  std::string description;
  std::vector<std::string> trained_on, evaluated_on, fine_tuned_from, derived_from, configured_by;
  std::vector<std::string> labels;
  std::vector<std::string> ignore;
  bool dry_run = false;
};
struct PullCommand {
  std::string reference;
  std::string folder;
  std::vector<std::string> keys;
  std::vector<std::string> cert_chain;
};

void AddEdges(std::vector<v1::LineageEdge>& edges, v1::LineageRelation relation, const std::vector<std::string>& parents) {
  for (const std::string& parent : parents) {
    v1::LineageEdge& edge = edges.emplace_back();
    edge.set_relation(relation);
    edge.set_parent_name(parent);
  }
}

RetryPolicy PausingRetry(const Session& session) {
  RetryPolicy retry;
  retry.sleep = [&session](absl::Duration wait) { session.Pause(wait); };
  return retry;
}

absl::StatusOr<PushOptions> ReadPushOptions(Session& session, const PushCommand& command) {
  PushOptions options;
  const size_t slash = command.reference.find('/');
  if (slash == std::string::npos || command.reference.find('@') != std::string::npos) {
    return absl::InvalidArgumentError(StrCat(
        command.reference, ": give KIND/NAME such as model/fraud-detector; the version is given by the service"));
  }
  ASSIGN_OR_RETURN(int kind, ParseEnum(v1::SnapshotKind_descriptor(), "kind", command.reference.substr(0, slash)));
  options.kind = static_cast<v1::SnapshotKind>(kind);
  options.name = command.reference.substr(slash + 1);
  options.folder = command.folder;
  if (command.key.empty() == command.bundle.empty()) {
    return absl::InvalidArgumentError(
        "a snapshot is signed by its publisher: give either --key KEY.pem or --bundle model.sig (next: firebreak key "
        "generate)");
  }
  if (!command.key.empty()) {
    ASSIGN_OR_RETURN(std::string pem, ReadSmallFile(command.key));
    auto key = EcPrivateKey::FromPem(pem);
    if (!key.ok()) return Annotate(key.status(), command.key);
    options.signing_key = *std::move(key);
  } else {
    ASSIGN_OR_RETURN(options.bundle, OpenBundleFile(command.bundle));
  }
  AddEdges(options.lineage, v1::LINEAGE_RELATION_TRAINED_ON, command.trained_on);
  AddEdges(options.lineage, v1::LINEAGE_RELATION_EVALUATED_ON, command.evaluated_on);
  AddEdges(options.lineage, v1::LINEAGE_RELATION_FINE_TUNED_FROM, command.fine_tuned_from);
  AddEdges(options.lineage, v1::LINEAGE_RELATION_DERIVED_FROM, command.derived_from);
  AddEdges(options.lineage, v1::LINEAGE_RELATION_CONFIGURED_BY, command.configured_by);
  ASSIGN_OR_RETURN(options.labels, ParsePairs("--label", command.labels));
  options.description = command.description;
  options.ignore_paths = command.ignore;
  options.validate_only = command.dry_run;
  options.retry = PausingRetry(session);
  return options;
}

absl::Status Push(Session& session, const PushCommand& command) {
  ASSIGN_OR_RETURN(PushOptions options, ReadPushOptions(session, command));
  RETURN_IF_ERROR(session.CheckReachable());
  ASSIGN_OR_RETURN(auto channel, session.Channel());
  const std::unique_ptr<SnapshotPort> port = MakeGrpcSnapshotPort(channel);
  ProgressLine progress(session.clock(), session.out(), StrCat("push ", command.reference));
  auto pushed = PushFolder(*port, options, [&](const TransferProgress& now) { progress.Update(now); });
  progress.Finish();
  if (absl::IsUnavailable(pushed.status())) {
    return WithNextStep(Annotate(pushed.status(), StrCat("push ", command.reference)),
                        "run the same command again; what has arrived is not sent twice");
  }
  if (!pushed.ok()) return Annotate(pushed.status(), StrCat("push ", command.reference));
  const v1::Snapshot& snapshot = pushed->snapshot;
  if (session.out().format() == Format::kJson) {
    v1::CommitPushResponse answer;
    *answer.mutable_snapshot() = snapshot;
    answer.set_already_existed(pushed->already_existed);
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  const std::string name = StrCat(command.reference, "@", snapshot.version());
  if (command.dry_run) {
    session.out().Print(StrCat(command.reference, " would be accepted as ", ShortDigest(snapshot.digest()), ", ",
                               Count(snapshot.file_count(), "file"), ", ", SizeText(snapshot.size_bytes())));
  } else {
    session.out().Print(StrCat(pushed->already_existed ? "already there: " : "pushed ", name, "  ",
                               ShortDigest(snapshot.digest()), "  ", Count(snapshot.file_count(), "file"), ", ",
                               SizeText(snapshot.size_bytes()), ", ", SizeText(pushed->bytes_sent), " sent, signed by ",
                               snapshot.signature().signer()));
  }
  return absl::OkStatus();
}

absl::StatusOr<SignatureTrust> ReadTrust(Session& session, const PullCommand& command) {
  SignatureTrust trust;
  for (const std::string& path : command.keys) {
    ASSIGN_OR_RETURN(const std::string pem, ReadSmallFile(path));
    auto key = EcPublicKey::FromPem(pem);
    if (!key.ok()) return Annotate(key.status(), path);
    trust.keys.push_back(*std::move(key));
  }
  for (const std::string& path : command.cert_chain) {
    ASSIGN_OR_RETURN(const std::string pem, ReadSmallFile(path));
    RETURN_IF_ERROR(Annotate(ReadCertificatesDer(pem).status(), path));
    StrAppend(&trust.roots_pem, pem, "\n");
  }
  trust.now = session.clock().Now();
  return trust;
}

absl::Status Pull(Session& session, const PullCommand& command) {
  v1::GetSnapshotRequest request;
  request.set_snapshot(command.reference);
  ASSIGN_OR_RETURN(v1::GetSnapshotResponse answer, session.Call<v1::Snapshots>(&v1::Snapshots::Stub::GetSnapshot, request));
  if (answer.snapshot().has_quarantine()) {
    session.out().Notice(
        StrCat("warning: ", command.reference, " is quarantined: ", answer.snapshot().quarantine().reason()),
        Tone::kWarning);
  }
  ASSIGN_OR_RETURN(Digest digest, Digest::Parse(answer.snapshot().digest()));
  PullOptions options;
  ASSIGN_OR_RETURN(options.trust, ReadTrust(session, command));
  options.retry = PausingRetry(session);
  ASSIGN_OR_RETURN(auto channel, session.Channel());
  const std::unique_ptr<SnapshotPort> port = MakeGrpcSnapshotPort(channel);
  ProgressLine progress(session.clock(), session.out(), StrCat("pull ", command.reference));
  auto pulled = PullSnapshot(*port, digest, command.folder, options, [&](const TransferProgress& now) { progress.Update(now); });
  progress.Finish();
  if (!pulled.ok()) return Annotate(pulled.status(), StrCat("pull ", command.reference));
  if (session.out().format() == Format::kJson) {
    v1::GetSnapshotResponse got;
    *got.mutable_snapshot() = pulled->snapshot;
    session.out().PrintMessage(got);
    return absl::OkStatus();
  }
  session.out().Print(
      StrCat("pulled ", command.reference, " into ", command.folder, ": ", Count(pulled->snapshot.file_count(), "file"),
             ", ", SizeText(pulled->snapshot.size_bytes()), ", every byte verified",
             options.trust.empty() ? "; the signature was not checked here (give --key or --cert-chain)" : ", signature verified",
             pulled->signer_identities.empty() ? "" : StrCat(" (", absl::StrJoin(pulled->signer_identities, ", "), ")")));
  return absl::OkStatus();
}

}  // namespace
}  // namespace transfer_commands

void AddTransferCommands(CLI::App& snapshot, Chosen& chosen, Session& session) {
  using namespace transfer_commands;
  AddCommand<PushCommand>(
      snapshot, chosen, "push", "Sign a folder on this machine and store it as the next version",
      [](CLI::App& command, PushCommand& options) {
        command.add_option("reference", options.reference, "KIND/NAME: model/fraud, dataset/claims, config/fraud")->required();
        command.add_option("folder", options.folder, "What to push; a single file is fine")->required();
        command.add_option("--key", options.key, "Publisher's private key, PEM");
        command.add_option("--bundle", options.bundle, "Existing OpenSSF Model Signing bundle instead of --key");
        AddRepeated(command, "--trained-on", options.trained_on, "Parent, e.g. dataset/claims@12; once for each");
        AddRepeated(command, "--evaluated-on", options.evaluated_on, "Parent dataset");
        AddRepeated(command, "--fine-tuned-from", options.fine_tuned_from, "Parent model");
        AddRepeated(command, "--derived-from", options.derived_from, "Parent of any kind");
        AddRepeated(command, "--configured-by", options.configured_by, "Parent config");
        AddRepeated(command, "--label", options.labels, "name=value");
        AddRepeated(command, "--ignore", options.ignore, "Path below the folder that is not part of the snapshot");
        command.add_option("--description", options.description, "What it is, in a sentence");
        command.add_flag("--dry-run", options.dry_run, "Check everything, keep nothing");
      },
      Push, session);
  AddCommand<PullCommand>(
      snapshot, chosen, "pull", "Bring a snapshot into a new folder, verifying every byte",
      [](CLI::App& command, PullCommand& options) {
        command.add_option("reference", options.reference, "model/fraud@7 or sha256:…")->required();
        command.add_option("folder", options.folder, "Must not exist yet")->required();
        AddRepeated(command, "--key", options.keys, "Public key that must have signed it (or one of several)");
        AddRepeated(command, "--cert-chain", options.cert_chain, "Certificate of an authority below which it may be signed instead");
      },
      Pull, session);
}

}  // namespace firebreak::cli
