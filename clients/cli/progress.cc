#include "clients/cli/progress.h"

#include <utility>

#include "firebreak/base/text.h"

namespace firebreak::cli {

ProgressLine::ProgressLine(const Clock& clock, const Output& out, std::string what)
    : clock_(clock), out_(out), what_(std::move(what)), started_(clock.Now()), shown_(started_) {}

std::string ProgressLine::Line(const TransferProgress& progress, absl::Time now) const {
  const double seconds = absl::ToDoubleSeconds(now - started_);
  const double rate = seconds > 0 ? static_cast<double>(progress.bytes_done) / seconds : 0;
  std::string line = StrCat(what_, ": ", SizeText(progress.bytes_done), " of ", SizeText(progress.bytes_total), ", ",
                            SizeText(static_cast<uint64_t>(rate)), "/s");
  if (rate > 0 && progress.bytes_total > progress.bytes_done) {
    const auto left = static_cast<int64_t>(static_cast<double>(progress.bytes_total - progress.bytes_done) / rate);
    StrAppend(&line, ", ", left, " s left");
  }
  return line;
}

void ProgressLine::Update(const TransferProgress& progress) {
  const absl::Time now = clock_.Now();
  const absl::Duration every = out_.animated() ? absl::Milliseconds(100) : absl::Seconds(5);
  if (now - shown_ < every) return;
  shown_ = now;
  if (out_.animated()) {
    out_.Replace(Line(progress, now));
    open_ = true;
  } else {
    out_.Notice(Line(progress, now));
  }
}

void ProgressLine::Finish() {
  if (open_) out_.Replace("");
  open_ = false;
}

}  // namespace firebreak::cli
