#include "firebreak/lineage/serving_index.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/fleet.h"

namespace firebreak {
namespace {

constexpr size_t kPageRows = 200;

}  // namespace

ServedRelease PartsOf(const v1::Release& release) {
  ServedRelease served{.digest = release.digest(), .parts = {}};
  if (!release.model_digest().empty()) served.parts.push_back({release.model_name(), release.model_digest()});
  if (!release.config_digest().empty()) served.parts.push_back({release.config_name(), release.config_digest()});
  for (int i = 0; i < release.dataset_digests_size(); ++i) {
    served.parts.push_back({i < release.dataset_names_size() ? release.dataset_names(i) : "dataset", release.dataset_digests(i)});
  }
  return served;
}

absl::StatusOr<ServedDeployment> ServingIndex::Describe(const v1::Deployment& deployment) const {
  ServedDeployment served;
  served.environment = deployment.environment();
  served.contained = deployment.contained();
  served.wants_one = deployment.has_wanted();
  if (served.wants_one) served.releases.push_back(PartsOf(deployment.wanted()));
  for (auto record = deployment.history().rbegin(); record != deployment.history().rend(); ++record) {
    const bool known = std::any_of(served.releases.begin(), served.releases.end(), [&](const ServedRelease& other) {
      return other.digest == record->release().digest();
    });
    if (!known) served.releases.push_back(PartsOf(record->release()));
  }
  std::string after;
  do {
    ASSIGN_OR_RETURN(RecordPage<store::v1::AgentProof> page,
                     ListRecords(ledger_.store(), AgentProofPrefix(DeploymentName(deployment.name())), after, kPageRows));
    for (const auto& [key, proof] : page.records) served.agents.push_back({proof.agent(), proof.proof().release_digest()});
    after = page.next_after;
  } while (!after.empty());
  return served;
}

absl::Status ServingIndex::ReadAgain(const std::string& name) {
  ASSIGN_OR_RETURN(std::optional<v1::Deployment> deployment, FindRecord(ledger_.store(), DeploymentKey(DeploymentName(name))));
  if (!deployment) {
    deployments_->erase(name);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN((*deployments_)[name], Describe(*deployment));
  return absl::OkStatus();
}

absl::Status ServingIndex::CatchUp() {
  if (!feed_) feed_ = std::make_unique<SubjectFeed>(ledger_, "deployment/");
  ASSIGN_OR_RETURN(SubjectFeed::Touched touched, feed_->Take());
  if (deployments_ && !touched.all) {
    for (const std::string& name : touched.subjects) RETURN_IF_ERROR(ReadAgain(name));
    return absl::OkStatus();
  }
  auto all = std::make_unique<Deployments>();
  std::string after;
  do {
    ASSIGN_OR_RETURN(RecordPage<v1::Deployment> page, ListRecords(ledger_.store(), DeploymentPrefix(), after, kPageRows));
    for (const auto& [key, deployment] : page.records) {
      ASSIGN_OR_RETURN((*all)[deployment.name()], Describe(deployment));
    }
    after = page.next_after;
  } while (!after.empty());
  deployments_ = std::move(all);
  return absl::OkStatus();
}

absl::Status ServingIndex::Read(absl::FunctionRef<absl::Status(const Deployments&)> use) {
  absl::MutexLock lock(&mutex_);
  if (absl::Status caught_up = CatchUp(); !caught_up.ok()) {
    deployments_.reset();
    return caught_up;
  }
  return use(*deployments_);
}

}  // namespace firebreak
