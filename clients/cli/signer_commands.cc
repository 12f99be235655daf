// signer: whose signatures on snapshots count, until when, and what that touches.
#include <vector>

#include "clients/cli/command.h"
#include "clients/cli/contexts.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/signing/rotation.h"
#include "firebreak/v1/signer.grpc.pb.h"
#include "firebreak/v1/snapshot.grpc.pb.h"

namespace firebreak::cli {
namespace signer_commands {
namespace {

struct NoOptions {};
struct TrustOptions {
  std::string name;
  std::string key;
  std::string authority;
  std::vector<std::string> kinds, names, identities;
};
struct ShowOptions {
  std::string signer;
};
struct RotateOptions {
  std::string signer;
  std::string new_key;
  std::string old_private_key;
  std::string reason;
};
struct RevokeOptions {
  std::string key_id;
  std::string reason;
  uint64_t from_index = 0;
};

std::string JoinWords(const google::protobuf::RepeatedPtrField<std::string>& words, std::string_view when_empty) {
  std::string text;
  for (const std::string& word : words) StrAppend(&text, text.empty() ? "" : ", ", word);
  return text.empty() ? std::string(when_empty) : text;
}

std::string KindsText(const v1::TrustedSigner& signer) {
  std::string text;
  for (const int kind : signer.kinds()) {
    StrAppend(&text, text.empty() ? "" : ", ", ShortName(static_cast<v1::SnapshotKind>(kind)));
  }
  return text.empty() ? "all kinds" : text;
}

std::string StateText(const v1::TrustedSigner& signer) {
  if (signer.has_revoked_at()) return StrCat("revoked ", TimeText(true, signer.revoked_at()));
  if (!signer.rotated_to().empty()) return StrCat("rotated to ", signer.rotated_to().substr(0, 16));
  return "trusted";
}

absl::Status Trust(Session& session, const TrustOptions& options) {
  if (options.key.empty() == options.authority.empty()) {
    return absl::InvalidArgumentError("give either --key PUBLIC.pem or --authority CERTIFICATE.pem with --identity");
  }
  v1::TrustSignerRequest request;
  request.set_name(options.name);
  if (!options.key.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_public_key_pem(), ReadSmallFile(options.key));
    if (!EcPublicKey::FromPem(request.public_key_pem()).ok()) {
      return absl::InvalidArgumentError(StrCat(options.key,
                                               " is not a PEM public key of curve P-256, P-384 or P-521 (next: the file "
                                               "firebreak key generate wrote with --pub)"));
    }
  } else {
    ASSIGN_OR_RETURN(*request.mutable_ca_certificate_pem(), ReadSmallFile(options.authority));
    RETURN_IF_ERROR(Annotate(ReadCertificatesDer(request.ca_certificate_pem()).status(), options.authority));
  }
  for (const std::string& kind : options.kinds) {
    ASSIGN_OR_RETURN(int value, ParseEnum(v1::SnapshotKind_descriptor(), "kind", kind));
    request.add_kinds(static_cast<v1::SnapshotKind>(value));
  }
  for (const std::string& name : options.names) request.add_names(name);
  for (const std::string& identity : options.identities) request.add_identities(identity);
  ASSIGN_OR_RETURN(v1::TrustSignerResponse answer, session.Call<v1::Snapshots>(&v1::Snapshots::Stub::TrustSigner, request));
  const v1::TrustedSigner& signer = answer.signer();
  session.out().PrintAnswer(answer, StrCat("signer ", signer.name(), " is trusted, ",
                                           signer.ca_certificate_pem().empty() ? "key " : "authority ", signer.key_id()));
  return absl::OkStatus();
}

absl::Status List(Session& session, const NoOptions&) {
  ASSIGN_OR_RETURN(v1::ListSignersResponse answer,
                   session.Call<v1::Snapshots>(&v1::Snapshots::Stub::ListSigners, v1::ListSignersRequest()));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"NAME", "KEY ID", "MAY SIGN", "TRUSTED SINCE", "STATE", "REVOKED", "REASON"});
  for (const v1::TrustedSigner& signer : answer.signers()) {
    table.Add({signer.name(), signer.key_id(), StrCat(KindsText(signer), ", ", JoinWords(signer.names(), "any name")),
               TimeText(signer.has_trusted_since(), signer.trusted_since()), StateText(signer),
               TimeText(signer.has_revoked_at(), signer.revoked_at()), signer.revoked_reason()});
  }
  session.out().PrintTable(table, "no signer is trusted; add one with firebreak signer trust");
  return absl::OkStatus();
}

absl::Status Show(Session& session, const ShowOptions& options) {
  v1::GetSignerRequest request;
  request.set_signer(options.signer);
  ASSIGN_OR_RETURN(v1::GetSignerResponse answer, session.Call<v1::Signers>(&v1::Signers::Stub::GetSigner, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  const v1::TrustedSigner& signer = answer.signer();
  const Output& out = session.out();
  out.Print(StrCat(signer.name(), "\n  key         ", signer.key_id(), "\n  may sign    ", KindsText(signer), ", ",
                   JoinWords(signer.names(), "any name"), "\n  trusted     ",
                   TimeText(signer.has_trusted_since(), signer.trusted_since()), "\n  state       ", StateText(signer)));
  if (!signer.ca_certificate_pem().empty()) out.Print(StrCat("  identities  ", JoinWords(signer.identities(), "any")));
  if (!signer.rotated_from().empty()) {
    out.Print(StrCat("  replaces    ", signer.rotated_from(), signer.vouched() ? ", which vouched for it" : ", by an admin"));
  }
  for (const v1::SignedSnapshot& one : answer.snapshots()) {
    out.Print(StrCat("  signed      ", one.name(), one.counts() ? "" : StrCat(", which does not count: ", one.why())));
  }
  for (const std::string& release : answer.releases()) out.Print(StrCat("  in release  ", release));
  for (const std::string& deployment : answer.deployments()) out.Print(StrCat("  serving in  ", deployment));
  return absl::OkStatus();
}

absl::Status Rotate(Session& session, const RotateOptions& options) {
  v1::GetSignerRequest lookup;
  lookup.set_signer(options.signer);
  ASSIGN_OR_RETURN(v1::GetSignerResponse found, session.Call<v1::Signers>(&v1::Signers::Stub::GetSigner, lookup));
  v1::RotateSignerRequest request;
  request.set_key_id(found.signer().key_id());
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(*request.mutable_public_key_pem(), ReadSmallFile(options.new_key));
  absl::StatusOr<EcPublicKey> new_key = EcPublicKey::FromPem(request.public_key_pem());
  if (!new_key.ok()) return Annotate(new_key.status(), options.new_key);
  if (!options.old_private_key.empty()) {
    ASSIGN_OR_RETURN(const std::string pem, ReadSmallFile(options.old_private_key));
    absl::StatusOr<EcPrivateKey> old_key = EcPrivateKey::FromPem(pem);
    if (!old_key.ok()) return Annotate(old_key.status(), options.old_private_key);
    ASSIGN_OR_RETURN(*request.mutable_vouched(), SignKeyRotation(*old_key, *new_key));
  }
  ASSIGN_OR_RETURN(v1::RotateSignerResponse answer, session.Call<v1::Signers>(&v1::Signers::Stub::RotateSigner, request));
  session.out().PrintAnswer(answer, StrCat("signer ", answer.new_signer().name(), " signs with key ", answer.new_signer().key_id(),
                                           " from now on; what key ", answer.old_signer().key_id().substr(0, 16),
                                           "… signed before goes on counting"));
  return absl::OkStatus();
}

absl::Status Revoke(Session& session, const RevokeOptions& options) {
  v1::RevokeSignerRequest request;
  request.set_key_id(options.key_id);
  request.set_reason(options.reason);
  request.set_from_index(options.from_index);
  ASSIGN_OR_RETURN(v1::RevokeSignerResponse answer, session.Call<v1::Snapshots>(&v1::Snapshots::Stub::RevokeSigner, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  const Output& out = session.out();
  out.Print(StrCat("signer ", answer.signer().name(), " is revoked; it signed ", answer.snapshots_size(),
                   " snapshots; deployments serving one of them: ", answer.deployments_size()));
  for (const std::string& key : answer.also_revoked()) out.Print(StrCat("  also revoked, because it vouched for it: ", key));
  for (const std::string& name : answer.snapshots()) out.Print(StrCat("  ", name));
  for (const std::string& release : answer.releases()) out.Print(StrCat("  release ", release));
  for (const std::string& name : answer.deployments()) out.Print(StrCat("  deployment ", name));
  return absl::OkStatus();
}

}  // namespace
}  // namespace signer_commands

void AddSignerCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace signer_commands;
  CLI::App* signer = AddGroup(app, "signer", "Keys and authorities whose signatures on snapshots count");
  AddCommand<TrustOptions>(*signer, chosen, "trust", "Trust a publisher's public key, or certificates below an authority",
                           [](CLI::App& command, TrustOptions& options) {
                             command.add_option("name", options.name, "Who signs with it, e.g. pat")->required();
                             command.add_option("--key", options.key, "Public key, PEM");
                             command.add_option("--authority", options.authority, "Certificate of an authority, PEM");
                             AddRepeated(command, "--identity", options.identities,
                                         "Name in the signing certificate that counts, e.g. pat@example.org or *.example.org");
                             AddRepeated(command, "--kind", options.kinds, "Only for model, dataset or config; default: all");
                             AddRepeated(command, "--only", options.names, "Only for snapshots of this name, e.g. fraud-*");
                           },
                           Trust, session);
  AddCommand<NoOptions>(*signer, chosen, "list", "Trusted and revoked signers", [](CLI::App&, NoOptions&) {}, List, session);
  AddCommand<ShowOptions>(*signer, chosen, "show", "One signer and everything it signed",
                          [](CLI::App& command, ShowOptions& options) {
                            command.add_option("signer", options.signer, "Name or key id")->required();
                          },
                          Show, session);
  AddCommand<RotateOptions>(*signer, chosen, "rotate", "Replace a signer's key; what the old one signed goes on counting",
                            [](CLI::App& command, RotateOptions& options) {
                              command.add_option("signer", options.signer, "Name or key id of the old key")->required();
                              command.add_option("--key", options.new_key, "The new public key, PEM")->required();
                              command.add_option("--vouch", options.old_private_key,
                                                 "The old private key, which vouches for the new one; without it only an admin may");
                              command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                            },
                            Rotate, session);
  AddCommand<RevokeOptions>(*signer, chosen, "revoke", "Stop trusting a key; names everything it signed",
                            [](CLI::App& command, RevokeOptions& options) {
                              command.add_option("id", options.key_id, "As its list shows it")->required();
                              command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                              command.add_option("--from-index", options.from_index,
                                                 "Signatures logged before this log index go on counting; default: none does");
                            },
                            Revoke, session);
}

}  // namespace firebreak::cli
