// Typed ids and units for function signatures, so that two strings are never swapped. Messages carry their text form.
#ifndef FIREBREAK_BASE_IDS_H_
#define FIREBREAK_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace firebreak {

// A string that means one thing. Compares and hashes as its text.
template <typename Tag>
class TextId {
 public:
  TextId() = default;
  explicit TextId(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const TextId&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const TextId& id) {
    return H::combine(std::move(state), id.text_);
  }

 private:
  std::string text_;
};

using IncidentId = TextId<struct IncidentTag>;          // INC-42
using RunId = TextId<struct RunTag>;                    // RUN-17
using ReportId = TextId<struct ReportTag>;              // REP-3
using ShareId = TextId<struct ShareTag>;                // SHR-4
using DeploymentName = TextId<struct DeploymentTag>;    // fraud-prod
using AgentName = TextId<struct AgentTag>;
using Fingerprint = TextId<struct FingerprintTag>;      // 16 hex digits
using Identity = TextId<struct IdentityTag>;            // alice
using EffectId = TextId<struct EffectTag>;              // 32 hex digits

// Number of a decision within its deployment; strictly +1.
struct Epoch {
  uint64_t value = 0;
  auto operator<=>(const Epoch&) const = default;
};

// SHA-256, held raw. Text form sha256:<64 hex>.
class Digest {
 public:
  Digest() = default;
  // `raw` must be 32 bytes (our own promise; parse outside bytes with Parse).
  static Digest FromRaw(std::string_view raw);
  // Accepts exactly sha256:<64 lowercase hex>.
  static absl::StatusOr<Digest> Parse(std::string_view text);
  bool empty() const { return raw_.empty(); }
  const std::string& raw() const { return raw_; }   // 32 bytes, or empty
  std::string text() const;                         // sha256:…, or empty
  auto operator<=>(const Digest&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const Digest& digest) {
    return H::combine(std::move(state), digest.raw_);
  }

 private:
  std::string raw_;
};

// "INC", 42 -> INC-42.
std::string NumberedId(std::string_view prefix, uint64_t number);

// Names people give (models, deployments, identities): 1..63 of [a-z0-9._-], starting with a letter or digit.
// kInvalidArgument names `what` and the first character that is not allowed.
absl::Status CheckName(std::string_view what, std::string_view name);

}  // namespace firebreak

#endif  // FIREBREAK_BASE_IDS_H_
