// share: what may leave the house, seen byte for byte before a second person lets it go.
#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/sharing.grpc.pb.h"

namespace firebreak::cli {
namespace share_commands {
namespace {

struct NoOptions {};
struct DestinationOptions {
  std::string name, kind, url, credential, tlp, ca_file;
};
struct ShareOptions {
  std::string incident, destination, digest;
};
struct DecideOptions {
  std::string share, digest, reason;
};
struct Id {
  std::string id;
};

absl::Status PutDestination(Session& session, const DestinationOptions& options) {
  v1::PutDestinationRequest request;
  v1::Destination& destination = *request.mutable_destination();
  destination.set_name(options.name);
  const std::string kind = options.kind == "file" ? "file-drop" : options.kind;
  ASSIGN_OR_RETURN(int value, ParseEnum(v1::DestinationKind_descriptor(), "kind", kind));
  destination.set_kind(static_cast<v1::DestinationKind>(value));
  destination.set_url(options.url);
  destination.set_credential_ref(options.credential);
  destination.set_tlp(options.tlp);
  destination.set_ca_file(options.ca_file);
  ASSIGN_OR_RETURN(v1::PutDestinationResponse answer, session.Call<v1::Sharing>(&v1::Sharing::Stub::PutDestination, request));
  session.out().PrintAnswer(answer, StrCat("destination ", answer.destination().name(), " is set: ", answer.destination().url()));
  return absl::OkStatus();
}

absl::Status ListDestinations(Session& session, const NoOptions&) {
  ASSIGN_OR_RETURN(v1::ListDestinationsResponse answer,
                   session.Call<v1::Sharing>(&v1::Sharing::Stub::ListDestinations, v1::ListDestinationsRequest()));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"NAME", "KIND", "TLP", "CREDENTIAL", "URL"});
  for (const v1::Destination& destination : answer.destinations()) {
    table.Add({destination.name(), ShortName(destination.kind()), destination.tlp(), destination.credential_ref(), destination.url()});
  }
  session.out().PrintTable(table, "no destinations; nothing can leave");
  return absl::OkStatus();
}

absl::Status Preview(Session& session, const ShareOptions& options) {
  v1::PreviewShareRequest request;
  request.set_incident(options.incident);
  request.set_destination(options.destination);
  ASSIGN_OR_RETURN(v1::PreviewShareResponse answer, session.Call<v1::Sharing>(&v1::Sharing::Stub::PreviewShare, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  session.out().Print(answer.bundle());
  session.out().Notice(StrCat("these exact bytes would leave, ", answer.bundle_digest(),
                              answer.sender_notice().empty() ? "" : StrCat("\n", answer.sender_notice()),
                              "\nnext: firebreak share request ", options.incident, " --destination ",
                              options.destination, " --digest ", answer.bundle_digest()));
  return absl::OkStatus();
}

void PrintShare(const Output& out, const v1::Share& share) {
  out.Print(StrCat(share.id(), "  ", share.incident(), " → ", share.destination(), "  ", ShortName(share.state()), "  ",
                   share.bundle_digest(), "\n  requested by ", share.requested_by(),
                   share.decided_by().empty() ? "" : StrCat(", decided by ", share.decided_by()), ", attempts ",
                   share.attempts(),
                   share.has_delivered_at() ? StrCat(", delivered ", TimeText(true, share.delivered_at())) : "",
                   share.objects_accepted() + share.objects_refused() == 0
                       ? ""
                       : StrCat(", objects accepted ", share.objects_accepted(), ", refused ", share.objects_refused()),
                   share.last_error().empty() ? "" : StrCat("\n  last error: ", share.last_error())));
}

absl::Status PrintShareAnswer(Session& session, const google::protobuf::Message& answer, const v1::Share& share) {
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
  } else {
    PrintShare(session.out(), share);
  }
  return absl::OkStatus();
}

absl::Status Request(Session& session, const ShareOptions& options) {
  v1::RequestShareRequest request;
  request.set_incident(options.incident);
  request.set_destination(options.destination);
  request.set_bundle_digest(options.digest);
  request.set_request_id(session.NewRequestId());
  ASSIGN_OR_RETURN(v1::RequestShareResponse answer, session.Call<v1::Sharing>(&v1::Sharing::Stub::RequestShare, request));
  session.out().Notice(StrCat("a security lead other than you decides (next: firebreak share approve ",
                              answer.share().id(), " --digest ", options.digest, ")"));
  return PrintShareAnswer(session, answer, answer.share());
}

absl::Status Decide(Session& session, const DecideOptions& options, bool approve) {
  v1::DecideShareRequest request;
  request.set_share(options.share);
  request.set_bundle_digest(options.digest);
  request.set_approve(approve);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::DecideShareResponse answer, session.Call<v1::Sharing>(&v1::Sharing::Stub::DecideShare, request));
  return PrintShareAnswer(session, answer, answer.share());
}

absl::Status List(Session& session, const Id& options) {
  v1::ListSharesRequest request;
  request.set_incident(options.id);
  ASSIGN_OR_RETURN(v1::ListSharesResponse answer, session.Call<v1::Sharing>(&v1::Sharing::Stub::ListShares, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"ID", "INCIDENT", "DESTINATION", "STATE", "REQUESTED BY", "DECIDED BY", "DELIVERED", "DIGEST"});
  for (const v1::Share& share : answer.shares()) {
    table.Add({share.id(), share.incident(), share.destination(), ShortName(share.state()), share.requested_by(), share.decided_by(),
               TimeText(share.has_delivered_at(), share.delivered_at()), ShortDigest(share.bundle_digest())});
  }
  session.out().PrintTable(table, "nothing was ever shared");
  return absl::OkStatus();
}

absl::Status Show(Session& session, const Id& options) {
  v1::GetShareRequest request;
  request.set_share(options.id);
  ASSIGN_OR_RETURN(v1::GetShareResponse answer, session.Call<v1::Sharing>(&v1::Sharing::Stub::GetShare, request));
  return PrintShareAnswer(session, answer, answer.share());
}

void SetUpShare(CLI::App& command, ShareOptions& options) {
  command.add_option("incident", options.incident, "INC-42")->required();
  command.add_option("--destination", options.destination, "As share destination list shows it")->required();
}

}  // namespace
}  // namespace share_commands

void AddShareCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace share_commands;
  CLI::App* share = AddGroup(app, "share", "Anonymised incident records to external databases");
  CLI::App* destination = AddGroup(*share, "destination", "Where records may go");
  AddCommand<DestinationOptions>(*destination, chosen, "put", "Add or change a destination",
                                 [](CLI::App& command, DestinationOptions& options) {
                                   command.add_option("name", options.name, "How share commands call it")->required();
                                   command.add_option("--kind", options.kind, "taxii21 or file")->required();
                                   command
                                       .add_option("--url", options.url,
                                                   "TAXII collection, or a folder on the service's host")
                                       ->required();
                                   command.add_option("--credential", options.credential,
                                                      "File name below DATA/credentials on the service's host");
                                   command.add_option("--tlp", options.tlp, "clear, green, amber, amber+strict or red");
                                   // Behind this command --ca is the destination's; the service's own goes before it or
                                   // comes from the context.
                                   command.add_option("--ca,--ca-file", options.ca_file,
                                                      "The destination's trust root, a file on the service's host");
                                 },
                                 PutDestination, session);
  AddCommand<NoOptions>(*destination, chosen, "list", "Every destination", [](CLI::App&, NoOptions&) {}, ListDestinations, session);
  AddCommand<ShareOptions>(*share, chosen, "preview", "The exact bytes that would leave", SetUpShare, Preview, session);
  AddCommand<ShareOptions>(*share, chosen, "request", "Ask a security lead to let them go",
                           [](CLI::App& command, ShareOptions& options) {
                             SetUpShare(command, options);
                             command.add_option("--digest", options.digest, "Of the bytes you previewed")->required();
                           },
                           Request, session);
  const auto decide = [](CLI::App& command, DecideOptions& options) {
    command.add_option("share", options.share, "SHR-4")->required();
    command.add_option("--digest", options.digest, "Of the bytes you looked at")->required();
    command.add_option("--reason", options.reason, "Why; kept in the audit log");
  };
  AddCommand<DecideOptions>(*share, chosen, "approve", "Let exactly these bytes go", decide,
                            [](Session& used, const DecideOptions& options) { return Decide(used, options, true); }, session);
  AddCommand<DecideOptions>(*share, chosen, "refuse", "Keep them here", decide,
                            [](Session& used, const DecideOptions& options) { return Decide(used, options, false); }, session);
  AddCommand<Id>(*share, chosen, "list", "What left, and what waits",
                 [](CLI::App& command, Id& options) { command.add_option("incident", options.id, "Only those of INC-42"); }, List, session);
  AddCommand<Id>(*share, chosen, "show", "One share",
                 [](CLI::App& command, Id& options) { command.add_option("share", options.id, "SHR-4")->required(); }, Show, session);
}

}  // namespace firebreak::cli
