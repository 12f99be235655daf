// InventoryDesk: the service Inventory. Every stored version with who signed it, who had it read back and when, and where it serves.
#ifndef FIREBREAK_INVENTORY_INVENTORY_DESK_H_
#define FIREBREAK_INVENTORY_INVENTORY_DESK_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/lineage/lineage_desk.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/v1/inventory.pb.h"

namespace firebreak {

// Thread-safe. Everything it is given outlives it.
class InventoryDesk {
 public:
  InventoryDesk(Ledger& ledger, SnapshotVault& vault, LineageDesk& lineage, const Clock& clock)
      : ledger_(ledger), vault_(vault), lineage_(lineage), clock_(clock) {}

  // One page in the order of kind, name and version. A page may hold fewer than asked, even none, and still name a next one: a
  // call looks at no more than 2,000 versions.
  absl::StatusOr<v1::ListInventoryResponse> ListInventory(const Caller& caller, const v1::ListInventoryRequest& request);

 private:
  using Serving = std::map<std::string, std::vector<std::string>>;   // snapshot -> deployments
  absl::StatusOr<bool> Describe(const v1::ListInventoryRequest& request, const Serving& serving, v1::InventoryItem& item);
  absl::Status AddSigners(v1::InventoryItem& item) const;

  Ledger& ledger_;
  SnapshotVault& vault_;
  LineageDesk& lineage_;
  const Clock& clock_;
};

}  // namespace firebreak

#endif  // FIREBREAK_INVENTORY_INVENTORY_DESK_H_
