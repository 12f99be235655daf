#include "firebreak/fleet/releases.h"

#include <algorithm>
#include <set>

#include "absl/container/flat_hash_set.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/fleet.h"

namespace firebreak {
namespace {

constexpr size_t kPageRows = 500;
constexpr size_t kReleasesMax = 10'000;
using Wanted = absl::flat_hash_set<std::string>;

bool Holds(const v1::Release& release, const Wanted& wanted) {
  return wanted.contains(release.model_digest()) || wanted.contains(release.config_digest()) ||
         std::any_of(release.dataset_digests().begin(), release.dataset_digests().end(),
                     [&](const std::string& digest) { return wanted.contains(digest); });
}

absl::Status AddReleases(const MetaStore& store, const DeploymentName& deployment, const Wanted& wanted,
                         std::vector<std::string>& found) {
  std::set<std::string> seen;
  std::string after;
  do {
    ASSIGN_OR_RETURN(const auto page, ListRecords(store, DecisionPrefix(deployment), after, kPageRows));
    for (const auto& [key, issued] : page.records) {
      const v1::Release& release = issued.decision().release();
      if (!Holds(release, wanted) || !seen.insert(release.digest()).second) continue;
      if (found.size() == kReleasesMax) return absl::ResourceExhaustedError(StrCat("more than ", kReleasesMax, " releases"));
      found.push_back(StrCat(release.digest(), " of ", deployment.text(), " (", release.model_name(), "), first decided at epoch ",
                             issued.decision().epoch()));
    }
    after = page.next_after;
  } while (!after.empty());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReleasesNaming(const MetaStore& store, const std::vector<std::string>& snapshots) {
  std::vector<std::string> found;
  if (snapshots.empty()) return found;
  Wanted wanted(snapshots.begin(), snapshots.end());
  wanted.erase("");   // a part that a release does not have
  std::string after;
  do {
    ASSIGN_OR_RETURN(const auto page, ListRecords(store, DeploymentPrefix(), after, kPageRows));
    for (const auto& [key, deployment] : page.records) {
      RETURN_IF_ERROR(AddReleases(store, DeploymentName(deployment.name()), wanted, found));
    }
    after = page.next_after;
  } while (!after.empty());
  return found;
}

}  // namespace firebreak
