// The parts of releases, for everything that asks whether a snapshot is needed.
#ifndef FIREBREAK_SERVICES_UPKEEP_RELEASES_H_
#define FIREBREAK_SERVICES_UPKEEP_RELEASES_H_

#include <algorithm>
#include <string>
#include <vector>

#include "firebreak/v1/fleet.pb.h"

namespace firebreak {

inline std::vector<std::string> PartsOf(const v1::Release& release) {
  std::vector<std::string> parts(release.dataset_digests().begin(), release.dataset_digests().end());
  if (!release.model_digest().empty()) parts.push_back(release.model_digest());
  if (!release.config_digest().empty()) parts.push_back(release.config_digest());
  return parts;
}

inline bool HasPart(const v1::Release& release, const std::string& digest) {
  const std::vector<std::string> parts = PartsOf(release);
  return std::find(parts.begin(), parts.end(), digest) != parts.end();
}

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_UPKEEP_RELEASES_H_
