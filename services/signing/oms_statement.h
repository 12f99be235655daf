// The signed statement of an OMS bundle: reading it and every rule it must keep. Private to this folder.
#ifndef FIREBREAK_SERVICES_SIGNING_OMS_STATEMENT_H_
#define FIREBREAK_SERVICES_SIGNING_OMS_STATEMENT_H_

#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "firebreak/base/json.h"
#include "firebreak/signing/oms.h"
#include "firebreak/signing/oms_stream.h"
#include "services/signing/oms_payload.h"

namespace firebreak::oms {

// Of everything but the resources, and of each of those.
inline constexpr JsonLimits kStatementLimits{.size_bytes_max = size_t{4} << 20, .depth_max = 32, .values_max = 100'000};

inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kPredicateTypePrefix = "https://model_signing/signature/v1.";
inline constexpr std::string_view kPredicateType = "https://model_signing/signature/v1.0";

inline constexpr std::string_view kEarlyPredicateType = "https://model_signing/Digests/v0.1";

// What the bundle around the statement says about its age.
enum class BundleAge { kCurrent, kMayBeBefore11 };

// Fills in everything but the signer, and hands every resource over, checked by itself. The payload must have been verified
// already; it is gone through twice, because what says how to read the resources may stand behind them.
absl::StatusOr<OmsSeal> ReadStatement(Pieces& payload, BundleAge age, OmsVisitor visit);

// Its ignore paths alone, if it has any that can be read.
absl::StatusOr<std::vector<std::string>> ReadIgnorePaths(Pieces& payload);

// The same as ReadStatement for a statement of the reference signer 0.2, held as a whole.
absl::StatusOr<OmsSignature> ParseEarlyStatement(std::string_view payload);

// The rules over the whole list: names are unique, no file is also a folder, shards cover each file from its start without holes.
absl::Status CheckResources(const OmsSignature& statement);

// A name by itself: a relative path, and not ignored.
class NameCheck {
 public:
  explicit NameCheck(const std::vector<std::string>& ignore_paths) : ignored_(ignore_paths.begin(), ignore_paths.end()) {}
  absl::Status Check(const std::string& name) const;

 private:
  const absl::flat_hash_set<std::string> ignored_;
};

// Relative, '/' between components, no empty, "." or ".." component, no control character, no backslash. kInvalidArgument names
// `what`.
absl::Status CheckPath(std::string_view what, std::string_view path);

// The same, and no glob character: what is ignored is named, not matched (spec §6.2.1).
absl::Status CheckIgnorePath(std::string_view path);

// `digits` lowercase hex digits.
absl::Status CheckDigest(std::string_view what, std::string_view hex, size_t digits);

}  // namespace firebreak::oms

#endif  // FIREBREAK_SERVICES_SIGNING_OMS_STATEMENT_H_
