// alert: raise one by hand or from cron, and look at what monitors said.
#include "absl/strings/match.h"
#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/alert.grpc.pb.h"

namespace firebreak::cli {
namespace alert_commands {
namespace {

struct SendOptions {
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
  bool resolve = false;
  bool dry_run = false;
};
struct ListOptions {
  std::string state;
  std::string incident;
};
struct FingerprintOption {
  std::string fingerprint;
};

std::map<std::string, std::string> Sorted(const google::protobuf::Map<std::string, std::string>& pairs) {
  return std::map<std::string, std::string>(pairs.begin(), pairs.end());
}

std::string LabelText(const v1::Alert& alert) {
  const auto name = alert.labels().find("alertname");
  std::string text = name == alert.labels().end() ? "" : name->second;
  for (const auto& [key, value] : Sorted(alert.labels())) {
    if (key != "alertname") StrAppend(&text, text.empty() ? "" : " ", key, "=", value);
  }
  return text;
}

absl::Status Send(Session& session, const SendOptions& options) {
  v1::RaiseAlertsRequest request;
  request.set_validate_only(options.dry_run);
  v1::PostableAlert& alert = *request.add_alerts();
  ASSIGN_OR_RETURN(auto labels, ParsePairs("--label", options.labels));
  ASSIGN_OR_RETURN(auto annotations, ParsePairs("--annotation", options.annotations));
  alert.mutable_labels()->insert(labels.begin(), labels.end());
  alert.mutable_annotations()->insert(annotations.begin(), annotations.end());
  if (options.resolve) *alert.mutable_ends_at() = ToProto(session.clock().Now());
  ASSIGN_OR_RETURN(v1::RaiseAlertsResponse answer, session.Call<v1::Alerts>(&v1::Alerts::Stub::RaiseAlerts, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  for (const v1::RaisedAlert& raised : answer.alerts()) {
    const bool named = raised.incident().empty() || absl::StrContains(raised.explanation(), raised.incident());
    session.out().Print(StrCat("alert ", raised.fingerprint(), ": ", raised.explanation().empty() ? "stored" : raised.explanation(),
                               named ? "" : StrCat(" (", raised.incident(), ")"),
                               raised.run().empty() ? "" : StrCat(", started ", raised.run())));
  }
  return absl::OkStatus();
}

absl::Status List(Session& session, const ListOptions& options) {
  v1::ListAlertsRequest request;
  if (!options.state.empty()) {
    ASSIGN_OR_RETURN(int state, ParseEnum(v1::AlertState_descriptor(), "state", options.state));
    request.set_state(static_cast<v1::AlertState>(state));
  }
  request.set_incident(options.incident);
  request.set_page_size(200);
  v1::ListAlertsResponse answer;
  do {
    ASSIGN_OR_RETURN(v1::ListAlertsResponse page, session.Call<v1::Alerts>(&v1::Alerts::Stub::ListAlerts, request));
    request.set_page_token(page.next_page_token());
    answer.mutable_alerts()->MergeFrom(page.alerts());
  } while (!request.page_token().empty());
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"FINGERPRINT", "STATE", "SINCE", "SOURCE", "INCIDENT", "LABELS"});
  for (const v1::Alert& alert : answer.alerts()) {
    table.Add({alert.fingerprint(), ShortName(alert.state()), TimeText(alert.has_starts_at(), alert.starts_at()), alert.source(),
               alert.incident(), LabelText(alert)});
  }
  session.out().PrintTable(table, "no alerts");
  return absl::OkStatus();
}

absl::Status Show(Session& session, const FingerprintOption& options) {
  v1::GetAlertRequest request;
  request.set_fingerprint(options.fingerprint);
  ASSIGN_OR_RETURN(v1::GetAlertResponse answer, session.Call<v1::Alerts>(&v1::Alerts::Stub::GetAlert, request));
  const v1::Alert& alert = answer.alert();
  std::string text = StrCat(
      "alert ", alert.fingerprint(), "  ", ShortName(alert.state()), "\n  said by    ", alert.source(), " through ",
      alert.intake(), "\n  since      ", TimeText(alert.has_starts_at(), alert.starts_at()), "\n  until      ",
      TimeText(alert.has_ends_at(), alert.ends_at()), alert.ends_at_is_timeout() ? " unless it is heard of again" : "",
      "\n  incident   ", alert.incident().empty() ? "none" : alert.incident());
  for (const auto& [name, value] : Sorted(alert.labels())) StrAppend(&text, "\n  label      ", name, "=", value);
  for (const auto& [name, value] : Sorted(alert.annotations())) StrAppend(&text, "\n  annotation ", name, "=", value);
  session.out().PrintAnswer(answer, text);
  return absl::OkStatus();
}

}  // namespace
}  // namespace alert_commands

void AddAlertCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace alert_commands;
  CLI::App* alert = AddGroup(app, "alert", "What monitors say");
  AddCommand<SendOptions>(
      *alert, chosen, "send", "Raise or resolve one alert",
      [](CLI::App& command, SendOptions& options) {
        AddRepeated(command, "--label", options.labels, "name=value; together they are the alert's identity")
            ->required();
        AddRepeated(command, "--annotation", options.annotations, "name=value");
        command.add_flag("--resolve", options.resolve, "Say that it is over");
        command.add_flag("--dry-run", options.dry_run, "Say what it would do, do nothing");
      },
      Send, session);
  AddCommand<ListOptions>(*alert, chosen, "list", "Known alerts",
                          [](CLI::App& command, ListOptions& options) {
                            command.add_option("--state", options.state, "firing, resolved or stale");
                            command.add_option("--incident", options.incident, "Those of INC-42");
                          },
                          List, session);
  AddCommand<FingerprintOption>(
      *alert, chosen, "show", "One alert with its labels and annotations",
      [](CLI::App& command, FingerprintOption& options) {
        command.add_option("fingerprint", options.fingerprint, "16 hex digits, as alert list shows it")->required();
      },
      Show, session);
}

}  // namespace firebreak::cli
