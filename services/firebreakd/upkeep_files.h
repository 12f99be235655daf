// What upkeep needs of the data folder and the engine, and the two commands that work on a stopped folder: check and
// accept-rollback.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_UPKEEP_FILES_H_
#define FIREBREAK_SERVICES_FIREBREAKD_UPKEEP_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/random.h"
#include "firebreak/storage_rocksdb/rocks_store.h"
#include "services/firebreakd/config.h"
#include "services/firebreakd/data_folder.h"

namespace firebreak {

// `store` outlives whoever is given the options.
UpkeepOptions MakeUpkeepOptions(const DataFolder& folder, const Config& config, RocksStore& store);

// Reads everything and prints one line per finding; writes nothing. The number of findings.
absl::StatusOr<uint64_t> CheckDataFolder(const DataFolder& folder, const Clock& clock, Random& random, Log& log, bool json);

// Goes on with records that are older than what was seen outside: writes the decision down.
absl::Status AcceptRollback(const DataFolder& folder, const std::string& actor, const std::string& reason, const Clock& clock,
                            Random& random, Log& log);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_UPKEEP_FILES_H_
