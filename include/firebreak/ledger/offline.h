// The log as a folder: a static tlog-tiles tree that an auditor verifies with no server, with our tools or others'
// (Go sumdb, Tessera fsck). Layout: checkpoint, tile/<L>/<N>[.p/<W>], tile/entries/<N>[.p/<W>], README.txt.
#ifndef FIREBREAK_LEDGER_OFFLINE_H_
#define FIREBREAK_LEDGER_OFFLINE_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace firebreak {

struct AuditExportSummary {
  std::string origin;
  uint64_t entries = 0;
  std::string root;         // 32 raw bytes
  std::string first_time;   // of the first and last entry, RFC 3339; empty for an empty log
  std::string last_time;
};

// One or more consecutive leaves from from_index on.
using LeafSource = absl::FunctionRef<absl::StatusOr<std::vector<std::string>>(uint64_t from_index)>;

// Fills `dir` (created; must be empty: kAlreadyExists) with the log that `checkpoint` was signed over, asking `leaves` until
// that many came. Refuses (kDataLoss) a checkpoint that does not verify under `vkey` or does not belong to the leaves; the
// checkpoint file is written last, so a folder without one was never finished.
absl::StatusOr<AuditExportSummary> WriteAuditExport(const std::filesystem::path& dir, std::string_view checkpoint,
                                                    std::string_view vkey, LeafSource leaves);

// Verifies every byte of such a folder: the checkpoint's signature under `vkey`, the root re-derived from the entries, every
// tile, that each entry is an AuditEntry with its own index and a time not before the last one, and that nothing else is
// there. kDataLoss names the file and, where one can be named, the first bad index. Memory stays below 32 MiB.
absl::StatusOr<AuditExportSummary> VerifyAuditExport(const std::filesystem::path& dir, std::string_view vkey);

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_OFFLINE_H_
