// hold place, list, lift.
#include "absl/strings/str_join.h"
#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/upkeep.grpc.pb.h"

namespace firebreak::cli {
namespace hold_commands {
namespace {

using Stub = v1::Upkeep::Stub;

struct PlaceOptions {
  std::vector<std::string> snapshots;
  std::string incident;
  std::string reason;
};
struct LiftOptions {
  std::string hold;
  std::string reason;
};
struct ListOptions {
  bool all = false;
  std::string snapshot;
};

absl::Status Place(Session& session, const PlaceOptions& options) {
  v1::PlaceHoldRequest request;
  for (const std::string& name : options.snapshots) request.add_snapshots(name);
  request.set_incident(options.incident);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(const v1::PlaceHoldResponse answer, session.Call<v1::Upkeep>(&Stub::PlaceHold, request));
  session.out().PrintAnswer(answer, StrCat(answer.hold().id(), " holds ", absl::StrJoin(answer.hold().names(), ", ")));
  return absl::OkStatus();
}

absl::Status Lift(Session& session, const LiftOptions& options) {
  v1::LiftHoldRequest request;
  request.set_hold(options.hold);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(const v1::LiftHoldResponse answer, session.Call<v1::Upkeep>(&Stub::LiftHold, request));
  session.out().PrintAnswer(answer, StrCat("hold ", answer.hold().id(), " is lifted"));
  return absl::OkStatus();
}

absl::Status List(Session& session, const ListOptions& options) {
  v1::ListHoldsRequest request;
  request.set_include_lifted(options.all);
  request.set_snapshot(options.snapshot);
  request.set_page_size(200);
  v1::ListHoldsResponse all;
  do {
    ASSIGN_OR_RETURN(v1::ListHoldsResponse page, session.Call<v1::Upkeep>(&Stub::ListHolds, request));
    request.set_page_token(page.next_page_token());
    for (v1::Hold& hold : *page.mutable_holds()) *all.add_holds() = std::move(hold);
  } while (!request.page_token().empty());
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(all);
    return absl::OkStatus();
  }
  Table table({"HOLD", "PLACED", "BY", "STATE", "ON", "REASON"});
  for (const v1::Hold& hold : all.holds()) {
    std::string on = hold.names().empty() ? "" : hold.names(0);
    if (hold.names_size() > 1) StrAppend(&on, " and ", hold.names_size() - 1, " more");
    table.Add({hold.id(), TimeText(hold.has_placed_at(), hold.placed_at()), hold.placed_by(),
               hold.has_lifted_at() ? StrCat("lifted by ", hold.lifted_by()) : "in force", on, hold.reason()});
  }
  session.out().PrintTable(table, "no holds");
  return absl::OkStatus();
}

}  // namespace
}  // namespace hold_commands

void AddHoldCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace hold_commands;
  CLI::App* hold = AddGroup(app, "hold", "What may not be deleted until the hold is lifted on the record");
  AddCommand<PlaceOptions>(*hold, chosen, "place", "Hold snapshots (every incident holds what it touched by itself)",
                           [](CLI::App& command, PlaceOptions& options) {
                             command.add_option("snapshot", options.snapshots, "model/fraud@7, sha256:…; one or more")->required();
                             command.add_option("--incident", options.incident, "INC-42, because of which");
                             command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                           },
                           Place, session);
  AddCommand<ListOptions>(*hold, chosen, "list", "Holds in force: of incidents, and placed by people",
                          [](CLI::App& command, ListOptions& options) {
                            command.add_flag("--all", options.all, "Those that were lifted too");
                            command.add_option("--snapshot", options.snapshot, "Only those on this one");
                          },
                          List, session);
  AddCommand<LiftOptions>(*hold, chosen, "lift", "End a hold (security lead)",
                          [](CLI::App& command, LiftOptions& options) {
                            command.add_option("hold", options.hold, "HOLD-3, or INC-42 for what that incident touched")->required();
                            command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                          },
                          Lift, session);
}

}  // namespace firebreak::cli
