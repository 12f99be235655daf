// WaitBoard: what effects under way wait for just now ("proof of epoch 7 from agent web-1"). A hint for people who look; nothing
// is decided by it and it starts empty after a restart.
#ifndef FIREBREAK_RUNS_WAIT_BOARD_H_
#define FIREBREAK_RUNS_WAIT_BOARD_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// Thread-safe.
class WaitBoard {
 public:
  static constexpr size_t kNotesMax = 20000;

  // Empty `what` takes the note away.
  void Set(const std::string& run, const std::string& path, const std::string& what);
  // Puts the notes of the run into its started steps.
  void Fill(v1::PlaybookRun& run) const;

 private:
  mutable absl::Mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::string> notes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_WAIT_BOARD_H_
