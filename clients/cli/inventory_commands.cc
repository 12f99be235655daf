// inventory: everything stored, filtered, as a table, JSON or CSV; page by page, so that its size does not matter.
#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/v1/inventory.grpc.pb.h"

namespace firebreak::cli {
namespace inventory_commands {
namespace {

struct InventoryOptions {
  std::string kind, name, signer, serving, unproven_for;
  std::vector<std::string> labels;
  bool quarantined = false;
  bool csv = false;
};

// 7d, 36h, 30m; days are what people say here.
absl::StatusOr<absl::Duration> ParseAge(std::string text) {
  absl::Duration age;
  const bool days = !text.empty() && text.back() == 'd';
  if (days) text.back() = 'h';
  if (!absl::ParseDuration(text, &age) || age <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(StrCat("--unproven-for ", text, ": use a time like 7d or 36h"));
  }
  return days ? age * 24 : age;
}

absl::StatusOr<v1::ListInventoryRequest> RequestOf(const InventoryOptions& options) {
  v1::ListInventoryRequest request;
  if (!options.kind.empty()) {
    ASSIGN_OR_RETURN(int kind, ParseEnum(v1::SnapshotKind_descriptor(), "kind", options.kind));
    request.set_kind(static_cast<v1::SnapshotKind>(kind));
  }
  request.set_name(options.name);
  request.set_signer(options.signer);
  request.set_serving(options.serving);
  request.set_quarantined(options.quarantined);
  if (!options.unproven_for.empty()) {
    ASSIGN_OR_RETURN(const absl::Duration age, ParseAge(options.unproven_for));
    *request.mutable_unproven_for() = ToProto(age);
  }
  using Pairs = std::map<std::string, std::string>;
  ASSIGN_OR_RETURN(const Pairs labels, ParsePairs("label", options.labels));
  for (const auto& [name, value] : labels) (*request.mutable_labels())[name] = value;
  return request;
}

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) StrAppend(&joined, joined.empty() ? "" : " ", text);
  return joined;
}

std::string Signers(const v1::InventoryItem& item) {
  std::string joined;
  for (const v1::InventorySigner& signer : item.signers()) {
    StrAppend(&joined, joined.empty() ? "" : " ", signer.signer(), signer.revoked() ? "(revoked)" : "");
  }
  return joined;
}

std::string Proven(const v1::InventoryItem& item) {
  if (!item.has_proven_at()) return "never";
  return StrCat(item.proven_intact() ? "" : "DAMAGED ", TimeText(true, item.proven_at()), item.proven_by().empty() ? "" : " ", item.proven_by());
}

std::string State(const v1::Snapshot& snapshot) {
  if (!snapshot.has_quarantine()) return "ok";
  return snapshot.quarantine().tainted_by().empty() ? "quarantined" : "tainted";
}

// RFC 4180. A cell that a spreadsheet would run as a formula is made text with an apostrophe.
std::string Cell(std::string value) {
  if (!value.empty() && std::string_view("=+-@\t\r").find(value.front()) != std::string_view::npos) value.insert(0, "'");
  bool quote = false;
  std::string cell;
  for (const char c : value) {
    quote = quote || c == '"' || c == ',' || c == '\n' || c == '\r';
    if (c == '"') cell += '"';
    cell += c;
  }
  return quote ? StrCat("\"", cell, "\"") : cell;
}

std::string CsvRow(const v1::InventoryItem& item) {
  const v1::Snapshot& snapshot = item.snapshot();
  std::string labels;
  const std::map<std::string, std::string> sorted(snapshot.labels().begin(), snapshot.labels().end());
  for (const auto& [name, value] : sorted) StrAppend(&labels, labels.empty() ? "" : "; ", name, "=", value);
  std::string row;
  for (const std::string& value :
       {SnapshotName(snapshot), snapshot.digest(), std::to_string(snapshot.file_count()), std::to_string(snapshot.size_bytes()),
        snapshot.pushed_by(), TimeText(snapshot.has_pushed_at(), snapshot.pushed_at()), Signers(item),
        item.has_proven_at() ? TimeText(true, item.proven_at()) : std::string(), std::string(item.proven_intact() ? "yes" : "no"),
        item.proven_by(), Joined(item.serving()), State(snapshot), snapshot.quarantine().tainted_path(), labels}) {
    StrAppend(&row, row.empty() ? "" : ",", Cell(value));
  }
  return row;
}

constexpr char kCsvHeader[] =
    "name,digest,files,bytes,pushed_by,pushed_at,signed_by,proven_at,proven_intact,proven_by,serving,state,tainted_through,labels";

// Calls `show` for every page until there is no next one.
absl::Status EachPage(Session& session, v1::ListInventoryRequest request, const std::function<void(const v1::ListInventoryResponse&)>& show) {
  do {
    ASSIGN_OR_RETURN(v1::ListInventoryResponse page, session.Call<v1::Inventory>(&v1::Inventory::Stub::ListInventory, request));
    request.set_page_token(page.next_page_token());
    show(page);
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::Status List(Session& session, const InventoryOptions& options) {
  ASSIGN_OR_RETURN(v1::ListInventoryRequest request, RequestOf(options));
  const Output& out = session.out();
  if (options.csv) {
    out.Print(kCsvHeader);
    return EachPage(session, std::move(request), [&](const v1::ListInventoryResponse& page) {
      for (const v1::InventoryItem& item : page.items()) out.Print(CsvRow(item));
    });
  }
  if (out.format() == Format::kJson) {
    // One object around all pages, written as they come.
    out.Print("{\"items\": [");
    bool first = true;
    RETURN_IF_ERROR(EachPage(session, std::move(request), [&](const v1::ListInventoryResponse& page) {
      for (const v1::InventoryItem& item : page.items()) {
        out.Print(StrCat(first ? " " : ",", MessageToJson(item)));
        first = false;
      }
    }));
    out.Print("]}");
    return absl::OkStatus();
  }
  bool any = false;
  RETURN_IF_ERROR(EachPage(session, std::move(request), [&](const v1::ListInventoryResponse& page) {
    if (page.items().empty()) return;
    any = true;
    Table table({"NAME", "SIZE", "SIGNED BY", "LAST PROVEN INTACT", "SERVING", "STATE"});
    for (const v1::InventoryItem& item : page.items()) {
      table.Add({SnapshotName(item.snapshot()), SizeText(item.snapshot().size_bytes()), Signers(item), Proven(item), Joined(item.serving()),
                 State(item.snapshot())});
    }
    out.PrintTable(table, "");
  }));
  if (!any) out.Notice("nothing matches");
  return absl::OkStatus();
}

}  // namespace
}  // namespace inventory_commands

void AddInventoryCommand(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace inventory_commands;
  AddCommand<InventoryOptions>(
      app, chosen, "inventory", "What is stored: who signed and validated it, where it serves, when it was last proven intact",
      [](CLI::App& command, InventoryOptions& options) {
        command.add_option("--kind", options.kind, "model, dataset or config");
        command.add_option("--name", options.name, "Only this one, e.g. fraud");
        command.add_option("--signer", options.signer, "Signed by this signer or key id");
        command.add_option("--serving", options.serving, "In the release that this deployment should serve");
        command.add_option("--unproven-for", options.unproven_for, "Not proven intact for this long, e.g. 7d");
        command.add_flag("--quarantined", options.quarantined, "Quarantined, or tainted by what is");
        AddRepeated(command, "--label", options.labels, "name=value it must have");
        command.add_flag("--csv", options.csv, "As comma-separated values");
      },
      List, session);
}

}  // namespace firebreak::cli
