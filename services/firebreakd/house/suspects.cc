#include "services/firebreakd/house/suspects.h"

#include <string>
#include <utility>
#include <vector>

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

std::optional<v1::Deployment> FindServing(FleetDesk& fleet, const IncidentSignal& signal) {
  v1::ListDeploymentsRequest request;
  std::vector<v1::Deployment> found;
  const auto only = [&]() -> std::optional<v1::Deployment> {
    if (found.size() > 1 && !signal.model_version.empty()) {
      const std::string named = StrCat("model/", signal.model, "@", signal.model_version);
      std::erase_if(found, [&](const v1::Deployment& deployment) { return deployment.wanted().model_name() != named; });
    }
    if (found.size() != 1) return std::nullopt;
    return std::move(found.front());
  };
  for (int page = 0; page < kPagesMax; ++page) {
    absl::StatusOr<v1::ListDeploymentsResponse> listed = fleet.ListDeployments(ServiceCaller(), request);
    if (!listed.ok()) return std::nullopt;
    for (v1::Deployment& deployment : *listed->mutable_deployments()) {
      if (ModelOf(deployment.wanted().model_name()) != signal.model) continue;
      if (!signal.environment.empty() && deployment.environment() != signal.environment) continue;
      found.push_back(std::move(deployment));
      if (found.size() > 1 && signal.model_version.empty()) return std::nullopt;
    }
    if (listed->next_page_token().empty()) return only();
    request.set_page_token(listed->next_page_token());
  }
  return std::nullopt;
}

}  // namespace

std::optional<SuspectFacts> FindSuspect(FleetDesk& fleet, const SnapshotVault& vault, const IncidentSignal& signal) {
  std::optional<v1::Deployment> serving;
  if (!signal.deployment.empty()) {
    absl::StatusOr<v1::Deployment> loaded = fleet.LoadDeployment(DeploymentName(signal.deployment));
    if (loaded.ok()) serving = *std::move(loaded);
  } else if (!signal.model.empty()) {
    serving = FindServing(fleet, signal);
  }
  SuspectFacts facts;
  facts.model = signal.model;
  if (serving) {
    facts.deployment = serving->name();
    facts.snapshot = serving->wanted().model_name();
    facts.snapshot_digest = serving->wanted().model_digest();
    if (facts.model.empty()) facts.model = ModelOf(facts.snapshot);
  }
  if (!facts.model.empty() && !signal.model_version.empty()) {
    absl::StatusOr<v1::Snapshot> named = vault.Resolve(StrCat("model/", facts.model, "@", signal.model_version));
    if (named.ok()) {
      facts.snapshot = StrCat("model/", named->name(), "@", named->version());
      facts.snapshot_digest = named->digest();
    }
  }
  if (facts.deployment.empty() && facts.snapshot.empty()) return std::nullopt;
  return facts;
}

}  // namespace firebreak
