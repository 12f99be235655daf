#include "services/upkeep/entry.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"

namespace firebreak {
namespace {
constexpr size_t kSummaryBytesMax = 512;
constexpr int kSubjectsMax = 16;
constexpr size_t kReasonBytesMax = 1000;
}  // namespace

v1::AuditEntry UpkeepEntry(const Identity& actor, std::string_view action, std::string_view summary) {
  v1::AuditEntry entry;
  entry.set_actor(actor.text());
  entry.set_action(std::string(action));
  size_t end = std::min(summary.size(), kSummaryBytesMax);
  while (end < summary.size() && end > 0 && (static_cast<unsigned char>(summary[end]) & 0xC0) == 0x80) --end;
  entry.set_summary(std::string(summary.substr(0, end)));
  return entry;
}

void AddUpkeepSubject(v1::AuditEntry& entry, std::string subject) {
  if (entry.subjects_size() < kSubjectsMax) entry.add_subjects(std::move(subject));
}

absl::Status CheckUpkeepReason(std::string_view reason) {
  if (reason.empty()) return absl::InvalidArgumentError("a reason is required; it goes on the record");
  if (reason.size() > kReasonBytesMax) return absl::InvalidArgumentError("reason longer than 1000 bytes");
  if (!IsValidUtf8(reason)) return absl::InvalidArgumentError("reason is not valid UTF-8");
  return absl::OkStatus();
}

}  // namespace firebreak
