// LoadedRun: a run in memory with an index over its steps, so that deciding about one of a thousand steps looks at a few of them.
// The index is only ever derived: it holds nothing that the run does not say.
#ifndef FIREBREAK_RUNS_LOADED_RUN_H_
#define FIREBREAK_RUNS_LOADED_RUN_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "firebreak/runs/program.h"
#include "firebreak/store/v1/runs.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// Not thread-safe. `program` outlives it.
class LoadedRun {
 public:
  LoadedRun(const Program& program, v1::PlaybookRun run);
  LoadedRun(LoadedRun&&) = default;
  LoadedRun(const LoadedRun&) = delete;
  LoadedRun& operator=(const LoadedRun&) = delete;

  const Program& program() const { return program_; }
  const v1::PlaybookRun& run() const { return run_; }
  v1::PlaybookRun& mutable_run() { return run_; }   // for what no step depends on: the sequence

  const v1::StepState* Find(std::string_view path) const;  // nullptr: not entered yet
  // Apply(run, event), with the index kept.
  void Take(const store::v1::RunEvent& event);

  // Single acts that have begun and are not over, in the order they were entered.
  const std::vector<const v1::StepState*>& open() const { return open_; }
  // How many of them are STARTED: effects that may be leaving just now.
  int in_flight() const;
  // About what the run takes in the store; never less. The more happened to it, the more too much.
  size_t bytes() const { return bytes_; }
  // From here on bytes() is exact again until the next event.
  void Recount() { bytes_ = run_.ByteSizeLong(); }

  // How many steps at the front of the list under `prefix` need not be looked at again. Starts at 0; a hint of the decider's own.
  size_t& Passed(const std::string& prefix) const { return passed_[prefix]; }
  // Looks done at by anybody; what a benchmark or a test counts instead of time.
  size_t looks() const { return looks_; }

 private:
  void IndexAll();
  void Index(const v1::StepState* state);

  const Program& program_;
  v1::PlaybookRun run_;
  // Keys point into the states' own paths: a state's address never changes.
  absl::flat_hash_map<std::string_view, v1::StepState*> states_;
  std::vector<const v1::StepState*> open_;
  size_t bytes_ = 0;
  mutable std::unordered_map<std::string, size_t> passed_;   // references stay good
  mutable size_t looks_ = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_LOADED_RUN_H_
