// policy: how many signatures a snapshot needs. snapshot sign, signatures: one more signature, and where that leaves it.
#include <vector>

#include "absl/strings/str_join.h"
#include "clients/cli/command.h"
#include "clients/cli/contexts.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/signing/model_hash.h"
#include "firebreak/signing/oms.h"
#include "firebreak/v1/signer.grpc.pb.h"

namespace firebreak::cli {
namespace policy_commands {
namespace {

struct NoOptions {};
struct SetOptions {
  std::string name;
  uint32_t threshold = 1;
  std::vector<std::string> names, kinds, signers;
  std::string reason;
  bool dry_run = false;
};
struct RemoveOptions {
  std::string name;
  std::string reason;
};
struct SignOptions {
  std::string reference;
  std::string folder;
  std::string key;
  std::string bundle;
};
struct Reference {
  std::string reference;
};

std::string OrAll(const google::protobuf::RepeatedPtrField<std::string>& words, std::string_view all) {
  return words.empty() ? std::string(all) : absl::StrJoin(words, ", ");
}

std::string KindsText(const v1::SigningPolicy& policy) {
  std::string text;
  for (const int kind : policy.kinds()) StrAppend(&text, text.empty() ? "" : ", ", ShortName(static_cast<v1::SnapshotKind>(kind)));
  return text.empty() ? "all" : text;
}

std::string Sentence(const v1::SigningPolicy& policy) {
  return StrCat("policy ", policy.name(), ": ", policy.threshold(), " of ", OrAll(policy.signers(), "any trusted signers"),
                " must sign ", OrAll(policy.names(), "every name"), " (kinds: ", KindsText(policy), ")");
}

absl::Status Set(Session& session, const SetOptions& options) {
  v1::SetPolicyRequest request;
  v1::SigningPolicy& policy = *request.mutable_policy();
  policy.set_name(options.name);
  policy.set_threshold(options.threshold);
  for (const std::string& name : options.names) policy.add_names(name);
  for (const std::string& signer : options.signers) policy.add_signers(signer);
  for (const std::string& kind : options.kinds) {
    ASSIGN_OR_RETURN(int value, ParseEnum(v1::SnapshotKind_descriptor(), "kind", kind));
    policy.add_kinds(static_cast<v1::SnapshotKind>(value));
  }
  request.set_reason(options.reason);
  request.set_validate_only(options.dry_run);
  ASSIGN_OR_RETURN(v1::SetPolicyResponse answer, session.Call<v1::Signers>(&v1::Signers::Stub::SetPolicy, request));
  session.out().PrintAnswer(answer, StrCat(options.dry_run ? "would be set: " : "", Sentence(answer.policy())));
  return absl::OkStatus();
}

absl::Status Remove(Session& session, const RemoveOptions& options) {
  v1::RemovePolicyRequest request;
  request.set_name(options.name);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::RemovePolicyResponse answer, session.Call<v1::Signers>(&v1::Signers::Stub::RemovePolicy, request));
  session.out().PrintAnswer(answer, StrCat("removed: ", Sentence(answer.policy())));
  return absl::OkStatus();
}

absl::Status List(Session& session, const NoOptions&) {
  ASSIGN_OR_RETURN(v1::ListPoliciesResponse answer,
                   session.Call<v1::Signers>(&v1::Signers::Stub::ListPolicies, v1::ListPoliciesRequest()));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"NAME", "NEEDS", "OF", "OVER", "KINDS", "SET BY", "REASON"});
  for (const v1::SigningPolicy& policy : answer.policies()) {
    table.Add({policy.name(), std::to_string(policy.threshold()), OrAll(policy.signers(), "any"), OrAll(policy.names(), "all"),
               KindsText(policy), policy.set_by(), policy.reason()});
  }
  session.out().PrintTable(table, "no policy: one signature of any trusted signer is enough");
  return absl::OkStatus();
}

// Hashed here, from the signer's own copy: nobody signs what somebody else says the content is.
absl::StatusOr<std::string> MakeBundle(const SignOptions& options) {
  ASSIGN_OR_RETURN(const std::string pem, ReadSmallFile(options.key));
  absl::StatusOr<EcPrivateKey> key = EcPrivateKey::FromPem(pem);
  if (!key.ok()) return Annotate(key.status(), options.key);
  ASSIGN_OR_RETURN(const ModelListing listing, ListModelFiles(options.folder, {{"model.sig"}}));
  if (listing.files.empty()) return absl::InvalidArgumentError(StrCat(options.folder, " holds no file"));
  ASSIGN_OR_RETURN(std::vector<OmsResource> resources, HashModel(listing, {}));
  return SignOmsBundle(*key, listing.name, std::move(resources), {});
}

absl::Status Sign(Session& session, const SignOptions& options) {
  const bool has_copy = !options.folder.empty() && !options.key.empty();
  if (has_copy == !options.bundle.empty() || options.folder.empty() != options.key.empty()) {
    return absl::InvalidArgumentError("give your own copy and key (FOLDER --key KEY.pem), or a signature made elsewhere (--bundle)");
  }
  v1::AddSignatureRequest request;
  request.set_snapshot(options.reference);
  if (has_copy) {
    ASSIGN_OR_RETURN(*request.mutable_bundle(), MakeBundle(options));
  } else {
    ASSIGN_OR_RETURN(*request.mutable_bundle(), ReadFileUpTo(options.bundle, kBundleFileBytesMax));
  }
  ASSIGN_OR_RETURN(v1::AddSignatureResponse answer, session.Call<v1::Signers>(&v1::Signers::Stub::AddSignature, request));
  const std::string& identity = answer.signature().identity();
  session.out().PrintAnswer(answer, StrCat(options.reference, answer.already_existed() ? " was already signed by " : " is also signed by ",
                                           answer.signature().signer(), identity.empty() ? "" : StrCat(" (", identity, ")")));
  return absl::OkStatus();
}

absl::Status Signatures(Session& session, const Reference& options) {
  v1::ListSignaturesRequest request;
  request.set_snapshot(options.reference);
  ASSIGN_OR_RETURN(v1::ListSignaturesResponse answer, session.Call<v1::Signers>(&v1::Signers::Stub::ListSignatures, request));
  const Output& out = session.out();
  if (out.format() == Format::kJson) {
    out.PrintMessage(answer);
    return absl::OkStatus();
  }
  for (const v1::SignatureStanding& one : answer.signatures()) {
    out.Print(out.Paint(StrCat(one.counts() ? "counts    " : "does not  ", one.signature().signer(), "  ", one.why()),
                        one.counts() ? Tone::kGood : Tone::kBad));
  }
  for (const v1::PolicyStanding& one : answer.policies()) {
    const std::string name = one.policy().name().empty() ? "no policy" : StrCat("policy ", one.policy().name());
    out.Print(out.Paint(StrCat(name, ": ", one.have(), " of ", one.policy().threshold(),
                               one.missing().empty() || one.holds() ? "" : StrCat(", missing: ", absl::StrJoin(one.missing(), ", "))),
                        one.holds() ? Tone::kGood : Tone::kBad));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace policy_commands

void AddPolicyCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace policy_commands;
  CLI::App* policy = AddGroup(app, "policy", "How many signatures of whom a snapshot needs before it may serve");
  AddCommand<SetOptions>(*policy, chosen, "set", "Add or change a policy",
                         [](CLI::App& command, SetOptions& options) {
                           command.add_option("name", options.name, "Its name, e.g. two-people")->required();
                           command.add_option("--threshold", options.threshold, "Signatures of different signers")->required();
                           AddRepeated(command, "--only", options.names, "Over snapshots of this name, e.g. fraud-*; default: all");
                           AddRepeated(command, "--kind", options.kinds, "Over model, dataset or config; default: all");
                           AddRepeated(command, "--signer", options.signers, "Whose signatures count towards it; default: any");
                           command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                           command.add_flag("--dry-run", options.dry_run, "Check it and change nothing");
                         },
                         Set, session);
  AddCommand<NoOptions>(*policy, chosen, "list", "Every policy", [](CLI::App&, NoOptions&) {}, List, session);
  AddCommand<RemoveOptions>(*policy, chosen, "remove", "Take a policy back",
                            [](CLI::App& command, RemoveOptions& options) {
                              command.add_option("name", options.name, "As its list shows it")->required();
                              command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                            },
                            Remove, session);
}

void AddSignatureCommands(CLI::App& snapshot, Chosen& chosen, Session& session) {
  using namespace policy_commands;
  AddCommand<SignOptions>(snapshot, chosen, "sign", "Add a signature to what is stored; the content is not sent again",
                          [](CLI::App& command, SignOptions& options) {
                            command.add_option("reference", options.reference, "model/fraud@7 or sha256:…")->required();
                            command.add_option("folder", options.folder, "Your own copy, which is hashed and signed");
                            command.add_option("--key", options.key, "Your private key, PEM");
                            command.add_option("--bundle", options.bundle, "A signature any OMS tool made, instead");
                          },
                          Sign, session);
  AddCommand<Reference>(snapshot, chosen, "signatures", "Who signed it, and what its policies still miss",
                        [](CLI::App& command, Reference& options) {
                          command.add_option("reference", options.reference, "model/fraud@7, model/fraud (newest) or sha256:…")->required();
                        },
                        Signatures, session);
}

}  // namespace firebreak::cli
