#include "firebreak/ledger/entry_form.h"

#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {
constexpr size_t kFormSummaryBytesMax = 512;
constexpr int kFormSubjectsMax = 16;
constexpr size_t kReasonBytesMax = 1000;
}  // namespace

v1::AuditEntry MakeEntry(const Identity& actor, std::string_view action, std::string_view summary) {
  v1::AuditEntry entry;
  entry.set_actor(actor.text());
  entry.set_action(std::string(action));
  entry.set_summary(std::string(CutText(summary, kFormSummaryBytesMax)));
  return entry;
}

void AddSubject(v1::AuditEntry& entry, std::string subject) {
  if (entry.subjects_size() < kFormSubjectsMax) entry.add_subjects(std::move(subject));
}

absl::Status CheckReason(std::string_view reason) {
  if (reason.empty()) return absl::InvalidArgumentError("a reason is required; it goes on the record");
  if (reason.size() > kReasonBytesMax) return absl::InvalidArgumentError(StrCat("reason longer than ", kReasonBytesMax, " bytes"));
  if (!IsValidUtf8(reason)) return absl::InvalidArgumentError("reason is not valid UTF-8");
  return absl::OkStatus();
}

}  // namespace firebreak
