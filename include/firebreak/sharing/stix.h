// STIX 2.1, neutral profile: the subset on which both published shapes of the incident extension agree. Pure.
#ifndef FIREBREAK_SHARING_STIX_H_
#define FIREBREAK_SHARING_STIX_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/v1/sharing.pb.h"

namespace firebreak {

// A bundle's exact bytes, the same for the same record, TLP and key. `tlp`: clear | green | amber | amber+strict | red.
// Ids are HMACs under `destination_key`; created and modified are the first of the detection month.
absl::StatusOr<std::string> WriteStixBundle(const v1::SharedRecord& record, std::string_view tlp, std::string_view destination_key);

// The TAXII 2.1 envelope {"objects":[…]} with the bundle's objects byte for byte. kDataLoss when `bundle` is not one of ours.
absl::StatusOr<std::string> TaxiiEnvelope(std::string_view bundle);

// True for clear, green, amber, amber+strict, red.
bool IsTlp(std::string_view word);

}  // namespace firebreak

#endif  // FIREBREAK_SHARING_STIX_H_
