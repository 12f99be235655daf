#include "firebreak/base/status.h"

#include <string>

#include "absl/strings/cord.h"

namespace firebreak {
namespace {

absl::Status WithMessage(const absl::Status& status, const std::string& message) {
  absl::Status changed(status.code(), message);
  status.ForEachPayload(
      [&changed](absl::string_view type, const absl::Cord& payload) { changed.SetPayload(type, payload); });
  return changed;
}

}  // namespace

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  return WithMessage(status, StrCat(context, ": ", status.message()));
}

absl::Status WithNextStep(const absl::Status& status, std::string_view hint) {
  if (status.ok()) return status;
  return WithMessage(status, StrCat(status.message(), " (next: ", hint, ")"));
}

}  // namespace firebreak
