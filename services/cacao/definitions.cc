#include "services/cacao/definitions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "firebreak/base/status.h"
#include "services/cacao/json_view.h"
#include "services/cacao/names.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;

struct Tlp {
  std::string_view word;
  std::string_view level;
  std::string_view id;
};
// oasis-tcs/cacao, Common-Objects/Data-Markings.
constexpr std::array<Tlp, 5> kTlp = {{
    {"clear", "TLP:CLEAR", "marking-tlp--94868c89-83c2-464b-929b-a1a8aa3c8487"},
    {"green", "TLP:GREEN", "marking-tlp--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"},
    {"amber", "TLP:AMBER", "marking-tlp--55d920b0-5e8b-4f79-9ee9-91f868d9b421"},
    {"amber+strict", "TLP:AMBER+STRICT", "marking-tlp--939a9414-2ddd-4d32-a0cd-375ea402b003"},
    {"red", "TLP:RED", "marking-tlp--e828b379-4e03-4974-9ac4-e53a884c97c1"},
}};
constexpr std::string_view kTlpAuthor = "identity--5abe695c-7bd5-4c31-8824-2528696cdbf1";

// The words of playbook-activity-type-ov that our actions are.
constexpr std::array<std::pair<std::string_view, std::string_view>, 23> kActivities = {{
    {"evidence.capture", "analyze-collected-data"},
    {"fleet.contain", "restrict-access"},
    {"fleet.freeze", "configure-systems"},
    {"fleet.release", "restore-capabilities"},
    {"fleet.unfreeze", "restore-capabilities"},
    {"fleet.verify", "scan-system"},
    {"http.call", "configure-systems"},
    {"incident.close", "compose-content"},
    {"incident.note", "compose-content"},
    {"lineage.sweep", "identify-indicators"},
    {"notify.page", "deliver-content"},
    {"notify.webhook", "deliver-content"},
    {"report.build", "compose-content"},
    {"rollback.apply", "revert-system"},
    {"rollback.confirm", "scan-system"},
    {"rollback.plan", "analyze-collected-data"},
    {"share.request", "deliver-content"},
    {"signer.revoke", "eliminate-risk"},
    {"snapshot.describe", "analyze-collected-data"},
    {"snapshot.lift", "restore-data"},
    {"snapshot.quarantine", "eliminate-risk"},
    {"snapshot.signed_by", "identify-indicators"},
    {"snapshot.verify", "scan-system"},
}};

bool IsIpv4(std::string_view host) {
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos && std::count(host.begin(), host.end(), '.') == 3;
}

}  // namespace

std::string GatewayId() { return CacaoId("http-api", "gateway"); }
std::string GroupId(std::string_view roles) { return CacaoId("group", roles); }

void AddAgents(const std::set<std::string>& groups, const CacaoExportOptions& options, Struct& document) {
  const std::string secret = CacaoId("oauth2", "token");
  Struct& agents = PutObject(document, "agent_definitions");
  Struct& gateway = PutObject(agents, GatewayId());
  PutText(gateway, "type", "http-api");
  PutText(gateway, "name", "firebreak");
  PutText(gateway, "description", "The HTTP door of Firebreak: every action is POST /v1/actions/{name}:run");
  const std::string host = options.gateway.substr(0, options.gateway.rfind(':'));
  PutTexts(PutObject(gateway, "address"), IsIpv4(host) ? "ipv4" : "dname", {host});
  PutText(gateway, "port", options.gateway.substr(options.gateway.rfind(':') + 1));
  PutText(gateway, "authentication_info", secret);
  Struct& authentication = PutObject(PutObject(document, "authentication_info_definitions"), secret);
  PutText(authentication, "type", "oauth2");
  PutText(authentication, "name", "firebreak token");
  PutText(authentication, "oauth_header", "Authorization: Bearer");
  PutText(authentication, "token", "");
  PutFlag(authentication, "kms", true);
  PutText(authentication, "kms_key_identifier", "firebreak-token");
  for (const std::string& group : groups) {
    Struct& agent = PutObject(agents, GroupId(group));
    PutText(agent, "type", "group");
    PutText(agent, "name", group.empty() ? "anybody" : group);
  }
}

absl::Status AddMarking(const CacaoExportOptions& options, Struct& document) {
  for (const Tlp& tlp : kTlp) {
    if (tlp.word != options.tlp) continue;
    PutTexts(document, "markings", {std::string(tlp.id)});
    Struct& marking = PutObject(PutObject(document, "data_marking_definitions"), std::string(tlp.id));
    PutText(marking, "type", "marking-tlp");
    PutText(marking, "id", tlp.id);
    PutText(marking, "created_by", kTlpAuthor);
    PutText(marking, "created", "2022-10-01T00:00:00.000Z");
    PutText(marking, "tlpv2_level", tlp.level);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat("tlp ", options.tlp, " is none of clear, green, amber, amber+strict, red"));
}

void AddReferences(const v1::Playbook& playbook, Struct& document) {
  if (playbook.techniques().empty() && playbook.subcategories().empty()) return;
  auto& list = *(*document.mutable_fields())["external_references"].mutable_list_value();
  for (const std::string& technique : playbook.techniques()) {
    Struct& reference = *list.add_values()->mutable_struct_value();
    PutText(reference, "name", "MITRE ATLAS");
    PutText(reference, "external_id", technique);
    PutText(reference, "url", StrCat("https://atlas.mitre.org/techniques/", technique));
  }
  for (const std::string& subcategory : playbook.subcategories()) {
    Struct& reference = *list.add_values()->mutable_struct_value();
    PutText(reference, "name", "NIST AI RMF 1.0");
    PutText(reference, "external_id", subcategory);
    PutText(reference, "url", "https://doi.org/10.6028/NIST.AI.100-1");
  }
}

std::string CacaoType(std::string_view type) {
  if (type == "int") return "integer";
  if (type == "number") return "float";
  if (type == "bool") return "bool";
  return "string";
}

std::string ActivityOf(std::string_view action) {
  for (const auto& [name, activity] : kActivities) {
    if (name == action) return std::string(activity);
  }
  return "";
}

std::vector<std::string> ActivitiesOf(const v1::Playbook& playbook) {
  std::set<std::string> activities;
  ForEachStep(playbook, [&](const v1::Step& step) {
    if (const std::string activity = ActivityOf(step.do_().action()); !activity.empty()) activities.insert(activity);
  });
  return {activities.begin(), activities.end()};
}

}  // namespace firebreak
