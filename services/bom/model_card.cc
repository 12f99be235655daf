#include "services/bom/model_card.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/names.h"

namespace firebreak {
namespace {

using google::protobuf::ListValue;

constexpr std::string_view kMetricPrefix = "metric.";
constexpr const char* kApproaches[] = {"supervised", "unsupervised", "reinforcement-learning", "semi-supervised", "self-supervised"};

std::string LabelOf(const v1::Snapshot& snapshot, const std::string& name) {
  const auto found = snapshot.labels().find(name);
  return found == snapshot.labels().end() ? std::string() : found->second;
}

// "a; b" -> a, b. Semicolons, because people write sentences.
std::vector<std::string> Several(const std::string& text) {
  std::vector<std::string> parts;
  for (const absl::string_view part : absl::StrSplit(text, ';')) {
    const absl::string_view trimmed = absl::StripAsciiWhitespace(part);
    if (!trimmed.empty()) parts.emplace_back(trimmed);
  }
  return parts;
}

ListValue Texts(const std::string& text) {
  ListValue list;
  for (const std::string& one : Several(text)) Append(list, one);
  return list;
}

JsonObject Parameters(const v1::Snapshot& model) {
  JsonObject parameters;
  const std::string approach = LabelOf(model, "approach");
  if (std::find(std::begin(kApproaches), std::end(kApproaches), approach) != std::end(kApproaches)) {
    parameters.Object("approach", JsonObject().Text("type", approach));
  }
  parameters.TextUnlessEmpty("task", LabelOf(model, "task"));
  parameters.TextUnlessEmpty("architectureFamily", LabelOf(model, "architecture-family"));
  parameters.TextUnlessEmpty("modelArchitecture", LabelOf(model, "architecture"));
  ListValue datasets;
  for (const v1::LineageEdge& edge : model.lineage()) {
    const bool data = edge.relation() == v1::LINEAGE_RELATION_TRAINED_ON || edge.relation() == v1::LINEAGE_RELATION_EVALUATED_ON;
    if (data) Append(datasets, JsonObject().Text("ref", RefOf(edge.parent_digest())));
  }
  parameters.ListUnlessEmpty("datasets", std::move(datasets));
  for (const auto& [label, member] : {std::pair("input-format", "inputs"), std::pair("output-format", "outputs")}) {
    ListValue formats;
    for (const std::string& format : Several(LabelOf(model, label))) Append(formats, JsonObject().Text("format", format));
    parameters.ListUnlessEmpty(member, std::move(formats));
  }
  return parameters;
}

JsonObject Metrics(const v1::Snapshot& model) {
  ListValue metrics;
  const std::map<std::string, std::string> labels(model.labels().begin(), model.labels().end());
  for (const auto& [name, value] : labels) {
    if (name.compare(0, kMetricPrefix.size(), kMetricPrefix) != 0) continue;
    Append(metrics, JsonObject().Text("type", name.substr(kMetricPrefix.size())).Text("value", value));
  }
  return JsonObject().ListUnlessEmpty("performanceMetrics", std::move(metrics));
}

JsonObject Considerations(const v1::Snapshot& model) {
  JsonObject considerations;
  considerations.ListUnlessEmpty("users", Texts(LabelOf(model, "users")));
  considerations.ListUnlessEmpty("useCases", Texts(LabelOf(model, "use-cases")));
  considerations.ListUnlessEmpty("technicalLimitations", Texts(LabelOf(model, "limitations")));
  considerations.ListUnlessEmpty("performanceTradeoffs", Texts(LabelOf(model, "tradeoffs")));
  ListValue risks;
  for (const std::string& risk : Several(LabelOf(model, "ethics"))) Append(risks, JsonObject().Text("name", risk));
  considerations.ListUnlessEmpty("ethicalConsiderations", std::move(risks));
  return considerations;
}

// An address of a person, or an organisation. Anything that only looks like an address is a name: the schema checks addresses.
JsonObject Party(const std::string& who) {
  const size_t at = who.find('@');
  const bool plain = std::all_of(who.begin(), who.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '@' || c == '.' || c == '-' || c == '_' || c == '+';
  });
  const bool address = plain && at != std::string::npos && at > 0 && who.find('@', at + 1) == std::string::npos &&
                       who.find('.', at + 2) != std::string::npos && who.back() != '.' && who.find("..") == std::string::npos &&
                       who.front() != '.' && who[at - 1] != '.' && who[at + 1] != '-' && who.back() != '-';
  if (address) return JsonObject().Object("contact", JsonObject().Text("email", who));
  return JsonObject().Object("organization", JsonObject().Text("name", who));
}

JsonObject Governance(const v1::Snapshot& snapshot) {
  JsonObject governance;
  for (const auto& [label, member] :
       {std::pair("owner", "owners"), std::pair("steward", "stewards"), std::pair("custodian", "custodians")}) {
    ListValue parties;
    for (const std::string& who : Several(LabelOf(snapshot, label))) Append(parties, Party(who));
    governance.ListUnlessEmpty(member, std::move(parties));
  }
  return governance;
}

}  // namespace

std::string RefOf(std::string_view digest) { return StrCat("snapshot:", digest); }

JsonObject ModelCard(const v1::Snapshot& model) {
  JsonObject card;
  card.ObjectUnlessEmpty("modelParameters", Parameters(model));
  card.ObjectUnlessEmpty("quantitativeAnalysis", Metrics(model));
  card.ObjectUnlessEmpty("considerations", Considerations(model));
  return card;
}

JsonObject DataEntry(const v1::Snapshot& snapshot) {
  JsonObject data;
  data.Text("type", snapshot.kind() == v1::SNAPSHOT_KIND_DATASET ? "dataset" : "configuration");
  data.Text("name", SnapshotName(snapshot));
  data.TextUnlessEmpty("description", snapshot.description());
  data.TextUnlessEmpty("classification", LabelOf(snapshot, "classification"));
  data.ListUnlessEmpty("sensitiveData", Texts(LabelOf(snapshot, "sensitive-data")));
  data.Object("contents", JsonObject().List("properties", Properties().Add("firebreak:snapshot-digest", snapshot.digest()).list()));
  data.ObjectUnlessEmpty("governance", Governance(snapshot));
  return data;
}

}  // namespace firebreak
