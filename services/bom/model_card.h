// What people write into a snapshot's labels and description, as CycloneDX model card and data governance.
#ifndef FIREBREAK_SERVICES_BOM_MODEL_CARD_H_
#define FIREBREAK_SERVICES_BOM_MODEL_CARD_H_

#include "firebreak/v1/snapshot.pb.h"
#include "services/bom/json_value.h"

namespace firebreak {

// modelCard of a model: parameters, datasets by reference, metrics, considerations.
JsonObject ModelCard(const v1::Snapshot& model);

// The one entry of `data` of a dataset or configuration, with classification and governance.
JsonObject DataEntry(const v1::Snapshot& snapshot);

// The reference by which a snapshot is known inside a BOM.
std::string RefOf(std::string_view digest);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_BOM_MODEL_CARD_H_
