#include "firebreak/alerts/incoming.h"

#include <algorithm>
#include <string_view>

#include "firebreak/alerts/fingerprint.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

// [a-zA-Z_][a-zA-Z0-9_]*
bool IsLabelName(std::string_view name) {
  if (name.empty()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (!letter && (i == 0 || !digit)) return false;
  }
  return true;
}

// Sorted by name; of equal names the last one said stays.
void SortKeepLast(TextPairs& pairs) {
  const auto by_name = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (!std::is_sorted(pairs.begin(), pairs.end(), by_name)) std::stable_sort(pairs.begin(), pairs.end(), by_name);
  size_t kept = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (i + 1 < pairs.size() && pairs[i + 1].first == pairs[i].first) continue;
    if (kept != i) pairs[kept] = std::move(pairs[i]);
    ++kept;
  }
  pairs.resize(kept);
}

absl::Status CheckPairs(std::string_view what, const TextPairs& pairs, size_t value_bytes_max, size_t& bytes) {
  if (pairs.size() > kLabelsMax) {
    return absl::InvalidArgumentError(StrCat("invalid ", what, ": ", pairs.size(), " of them, at most ", kLabelsMax));
  }
  for (const auto& [name, value] : pairs) {
    if (!IsLabelName(name)) {
      return absl::InvalidArgumentError(
          StrCat("invalid ", what, ": invalid name ", QuoteJson(IsValidUtf8(name) ? name.substr(0, 256) : "?")));
    }
    if (name.size() > kLabelNameBytesMax) {
      return absl::InvalidArgumentError(StrCat("invalid ", what, ": a name of ", name.size(), " bytes, at most ",
                                               kLabelNameBytesMax));
    }
    if (value.size() > value_bytes_max) {
      return absl::InvalidArgumentError(StrCat("invalid ", what, ": value of \"", name, "\" has ", value.size(),
                                               " bytes, at most ", value_bytes_max));
    }
    if (!IsValidUtf8(value)) {
      return absl::InvalidArgumentError(StrCat("invalid ", what, ": value of \"", name, "\" is not valid UTF-8"));
    }
    bytes += name.size() + value.size();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Normalise(IncomingAlert& alert, absl::Time now, absl::Duration timeout) {
  SortKeepLast(alert.labels);
  alert.labels.erase(std::remove_if(alert.labels.begin(), alert.labels.end(), [](const auto& p) { return p.second.empty(); }),
                     alert.labels.end());
  SortKeepLast(alert.annotations);

  const bool starts = alert.starts_at != absl::InfinitePast();
  const bool ends = alert.ends_at != absl::InfinitePast();
  if (!starts) alert.starts_at = ends ? alert.ends_at : now;
  if (alert.ended) {
    // The sender's clock may be ahead of ours; what it calls over is over now.
    alert.ends_at = ends ? std::min(alert.ends_at, now) : now;
    alert.starts_at = std::min(alert.starts_at, alert.ends_at);
  } else if (!ends) {
    alert.ends_at = now + timeout;
    alert.ends_at_is_timeout = true;
  }
  if (alert.ends_at < alert.starts_at) return absl::InvalidArgumentError("start time must be before end time");

  alert.bytes = alert.generator_url.size();
  RETURN_IF_ERROR(CheckPairs("label set", alert.labels, kLabelValueBytesMax, alert.bytes));
  if (alert.labels.empty()) return absl::InvalidArgumentError("at least one label pair required");
  RETURN_IF_ERROR(CheckPairs("annotations", alert.annotations, kAnnotationValueBytesMax, alert.bytes));
  if (alert.generator_url.size() > kUrlBytesMax || !IsValidUtf8(alert.generator_url)) {
    return absl::InvalidArgumentError(StrCat("invalid generatorURL: more than ", kUrlBytesMax, " bytes or not UTF-8"));
  }
  if (alert.bytes > kAlertBytesMax) {
    return absl::InvalidArgumentError(StrCat("alert has ", alert.bytes, " bytes, at most ", kAlertBytesMax));
  }
  alert.fingerprint = FingerprintOf(alert.labels);
  alert.content = Fnv1a(FingerprintOf(alert.annotations), alert.generator_url);
  return absl::OkStatus();
}

}  // namespace firebreak
