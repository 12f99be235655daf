#include "services/firebreakd/house/suspects.h"

#include <string>
#include <utility>

#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr int kPagesMax = 20;  // deployments looked through for one alert

// "model/fraud@7" -> "fraud"
std::string ModelOf(std::string_view name) {
  if (!name.starts_with("model/")) return "";
  name.remove_prefix(6);
  return std::string(name.substr(0, name.find('@')));
}

std::optional<v1::Deployment> FindServing(FleetDesk& fleet, std::string_view model) {
  v1::ListDeploymentsRequest request;
  for (int page = 0; page < kPagesMax; ++page) {
    absl::StatusOr<v1::ListDeploymentsResponse> listed = fleet.ListDeployments(ServiceCaller(), request);
    if (!listed.ok()) return std::nullopt;
    for (v1::Deployment& deployment : *listed->mutable_deployments()) {
      if (ModelOf(deployment.wanted().model_name()) == model) return std::move(deployment);
    }
    if (listed->next_page_token().empty()) return std::nullopt;
    request.set_page_token(listed->next_page_token());
  }
  return std::nullopt;
}

}  // namespace

std::optional<SuspectFacts> FindSuspect(FleetDesk& fleet, const SnapshotVault& vault, std::string_view model,
                                        std::string_view version, std::string_view deployment) {
  std::optional<v1::Deployment> serving;
  if (!deployment.empty()) {
    absl::StatusOr<v1::Deployment> loaded = fleet.LoadDeployment(DeploymentName(std::string(deployment)));
    if (loaded.ok()) serving = *std::move(loaded);
  } else if (!model.empty()) {
    serving = FindServing(fleet, model);
  }
  SuspectFacts facts;
  facts.model = std::string(model);
  if (serving) {
    facts.deployment = serving->name();
    facts.snapshot = serving->wanted().model_name();
    facts.snapshot_digest = serving->wanted().model_digest();
    if (facts.model.empty()) facts.model = ModelOf(facts.snapshot);
  }
  if (!facts.model.empty() && !version.empty()) {
    absl::StatusOr<v1::Snapshot> named = vault.Resolve(StrCat("model/", facts.model, "@", version));
    if (named.ok()) {
      facts.snapshot = StrCat("model/", named->name(), "@", named->version());
      facts.snapshot_digest = named->digest();
    }
  }
  if (facts.deployment.empty() && facts.snapshot.empty()) return std::nullopt;
  return facts;
}

}  // namespace firebreak
