#include "leaf.h"

#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/ledger.h"

namespace firebreak {
namespace {

constexpr size_t kSubjectsMax = 16;
constexpr size_t kSubjectBytesMax = 256;
constexpr size_t kSummaryBytesMax = 512;
constexpr size_t kFactsMax = 32;
// {"index":"<20 digits>","time":"<27 characters>",
constexpr size_t kLeafHeadBytesMax = 11 + 20 + 10 + 27 + 2;

bool IsText(std::string_view text) { return IsValidUtf8(text) && text.find('\0') == std::string_view::npos; }

absl::Status CheckEntry(const v1::AuditEntry& entry) {
  if (entry.action().empty()) return absl::InvalidArgumentError("audit entry: it names no action");
  const std::string name = StrCat("audit entry ", IsText(entry.action()) ? entry.action() : "?");
  if (entry.actor().empty()) return absl::InvalidArgumentError(StrCat(name, ": it names no actor"));
  if (!IsText(entry.action()) || !IsText(entry.actor()) || !IsText(entry.summary()) || !IsText(entry.payload_digest())) {
    return absl::InvalidArgumentError(StrCat(name, ": not UTF-8 text"));
  }
  if (entry.summary().size() > kSummaryBytesMax) {
    return absl::InvalidArgumentError(StrCat(name, ": the summary is longer than ", kSummaryBytesMax, " bytes"));
  }
  if (static_cast<size_t>(entry.subjects_size()) > kSubjectsMax) {
    return absl::InvalidArgumentError(StrCat(name, ": more than ", kSubjectsMax, " subjects"));
  }
  for (const std::string& subject : entry.subjects()) {
    if (subject.empty() || subject.size() > kSubjectBytesMax || !IsText(subject)) {
      return absl::InvalidArgumentError(StrCat(name, ": a subject must be 1 to ", kSubjectBytesMax, " bytes of text"));
    }
  }
  if (entry.facts().size() > kFactsMax) {
    return absl::InvalidArgumentError(StrCat(name, ": more than ", kFactsMax, " facts"));
  }
  for (const auto& [key, value] : entry.facts()) {
    if (!IsText(key) || !IsText(value)) return absl::InvalidArgumentError(StrCat(name, ": a fact is not UTF-8 text"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> LeafBody(const v1::AuditEntry& entry) {
  RETURN_IF_ERROR(CheckEntry(entry));
  std::string json;
  if (entry.index() != 0 || entry.has_time()) {
    v1::AuditEntry bare = entry;
    bare.clear_index();
    bare.clear_time();
    json = MessageToJson(bare);
  } else {
    json = MessageToJson(entry);
  }
  FIREBREAK_CHECK(json.size() > 2 && json.starts_with("{\""));
  json.erase(0, 1);
  if (json.size() + kLeafHeadBytesMax > kEntryBytesMax) {
    return absl::InvalidArgumentError(StrCat("audit entry ", entry.action(), ": ", json.size(), " bytes of JSON, more than the ",
                                                   kEntryBytesMax, " of a leaf; keep the body beside the log"));
  }
  return json;
}

absl::Time ToLeafTime(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

std::string LeafTimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

std::string MakeLeaf(uint64_t index, std::string_view time_text, std::string_view body) {
  return StrCat("{\"index\":\"", index, "\",\"time\":\"", time_text, "\",", body);
}

}  // namespace firebreak
