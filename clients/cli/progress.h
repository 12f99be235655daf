// A progress line for long transfers: rate and time left on a terminal, a line every few seconds otherwise.
#ifndef FIREBREAK_CLIENTS_CLI_PROGRESS_H_
#define FIREBREAK_CLIENTS_CLI_PROGRESS_H_

#include <string>

#include "absl/time/time.h"
#include "clients/cli/output.h"
#include "firebreak/base/clock.h"
#include "firebreak/transfer/transfer.h"

namespace firebreak::cli {

// `clock` and `out` outlive it. Finish ends the line.
class ProgressLine {
 public:
  ProgressLine(const Clock& clock, const Output& out, std::string what);
  void Update(const TransferProgress& progress);
  void Finish();

 private:
  std::string Line(const TransferProgress& progress, absl::Time now) const;

  const Clock& clock_;
  const Output& out_;
  const std::string what_;
  const absl::Time started_;
  absl::Time shown_ = absl::InfinitePast();
  bool open_ = false;
};

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_PROGRESS_H_
