// Delivery into a folder on the service's host: for an air gap, or a person who carries it.
#ifndef FIREBREAK_SERVICES_SHARING_FILE_DROP_H_
#define FIREBREAK_SERVICES_SHARING_FILE_DROP_H_

#include <string>

#include "absl/status/status.h"
#include "firebreak/v1/sharing.pb.h"

namespace firebreak {

// Writes FOLDER/<record id>.json whole or not at all; the same share again writes the same file. kUnavailable when the folder
// is not there or full.
absl::Status DropFile(const std::string& folder, const v1::Share& share);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SHARING_FILE_DROP_H_
