// Where signatures and signers stand in the log: what their entries say, and how that is read back. A position counts only when it
// is that of an entry that is there: the size of the log while a draft is built is not yet the place it will get.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_SIGNATURE_LOG_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_SIGNATURE_LOG_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/storage/meta_store.h"
#include "firebreak/v1/audit.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// A signature's log index is that of the entry with one of these actions and the key's fact "key_id".
inline constexpr std::string_view kActionPushed = "snapshot.pushed";
inline constexpr std::string_view kActionSigned = "snapshot.signed";     // a further signature over stored content
inline constexpr std::string_view kActionRotated = "signer.rotated";     // of the new key; fact "rotated_from" names the old one

// snapshot/sha256:… and model/fraud@7.
void AddSubjects(v1::AuditEntry& entry, const v1::Snapshot& snapshot);

// The facts a signature's log entry is read back by.
void AddSignatureFacts(v1::AuditEntry& entry, const v1::SignatureSummary& summary);
bool IsSignature(const v1::AuditEntry& entry, const std::string& key_id);

// kDataLoss unless the log says that this very bundle was held against the content, entered when that was done.
absl::Status CheckMatched(const MetaStore& store, const std::string& digest, const v1::SignatureSummary& summary);

// A rotation that is being committed together with the question: later than every index there is.
inline constexpr uint64_t kNotLoggedYet = std::numeric_limits<uint64_t>::max();

// Log index of the entry by which a signer was replaced; `signer` has rotated_to.
absl::StatusOr<uint64_t> RotationIndex(const MetaStore& store, const v1::TrustedSigner& signer);
// Sets rotated_at_index, which no record holds: it is only known once the entry is logged.
absl::Status FillRotation(const MetaStore& store, v1::TrustedSigner& signer);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_SIGNATURE_LOG_H_
