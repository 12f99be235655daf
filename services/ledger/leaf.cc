#include "leaf.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "firebreak/base/bytes.h"
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
  const auto refuse = [&](const auto&... why) {
    return absl::InvalidArgumentError(StrCat("audit entry ", IsText(entry.action()) ? entry.action() : "?", ": ", why...));
  };
  if (entry.actor().empty()) return refuse("it names no actor");
  if (!IsText(entry.action()) || !IsText(entry.actor()) || !IsText(entry.summary()) || !IsText(entry.payload_digest())) {
    return refuse("not UTF-8 text");
  }
  if (entry.summary().size() > kSummaryBytesMax) {
    return refuse("the summary is longer than ", kSummaryBytesMax, " bytes");
  }
  if (static_cast<size_t>(entry.subjects_size()) > kSubjectsMax) {
    return refuse("more than ", kSubjectsMax, " subjects");
  }
  for (const std::string& subject : entry.subjects()) {
    if (subject.empty() || subject.size() > kSubjectBytesMax || !IsText(subject)) {
      return refuse("a subject must be 1 to ", kSubjectBytesMax, " bytes of text");
    }
  }
  if (entry.facts().size() > kFactsMax) {
    return refuse("more than ", kFactsMax, " facts");
  }
  for (const auto& [key, value] : entry.facts()) {
    if (!IsText(key) || !IsText(value)) return refuse("a fact is not UTF-8 text");
  }
  return absl::OkStatus();
}

// Of text that is UTF-8 without NUL.
void AppendQuoted(std::string_view text, std::string& json) {
  constexpr char kDigits[] = "0123456789abcdef";
  json.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json.push_back('\\');
      json.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      json += "\\u00";
      json.push_back(kDigits[static_cast<unsigned char>(c) >> 4U]);
      json.push_back(kDigits[static_cast<unsigned char>(c) & 15U]);
    } else {
      json.push_back(c);
    }
  }
  json.push_back('"');
}

// "name":"value",
void AppendMember(std::string_view name, std::string_view value, std::string& json) {
  AppendQuoted(name, json);
  json.push_back(':');
  AppendQuoted(value, json);
  json.push_back(',');
}

// In the order of their names, so that equal entries are equal bytes.
void AppendFacts(const v1::AuditEntry& entry, std::string& json) {
  std::vector<std::pair<std::string_view, std::string_view>> facts(entry.facts().begin(), entry.facts().end());
  std::sort(facts.begin(), facts.end());
  json += "\"facts\":{";
  for (const auto& [name, value] : facts) AppendMember(name, value, json);
  json.back() = '}';
  json.push_back(',');
}

}  // namespace

absl::StatusOr<std::string> LeafBody(const v1::AuditEntry& entry) {
  RETURN_IF_ERROR(CheckEntry(entry));
  // By hand: this is done for every change of state, and protobuf's writer takes ten times as long.
  std::string json;
  json.reserve(entry.ByteSizeLong() + 128);
  AppendMember("actor", entry.actor(), json);
  AppendMember("action", entry.action(), json);
  if (!entry.subjects().empty()) {
    json += "\"subjects\":";
    char before = '[';
    for (const std::string& subject : entry.subjects()) {
      json.push_back(std::exchange(before, ','));
      AppendQuoted(subject, json);
    }
    json += "],";
  }
  if (!entry.summary().empty()) AppendMember("summary", entry.summary(), json);
  if (!entry.facts().empty()) AppendFacts(entry, json);
  if (!entry.payload_digest().empty()) AppendMember("payload_digest", entry.payload_digest(), json);
  json.back() = '}';
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
