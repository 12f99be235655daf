// Program: a playbook made ready to be decided on: its tree of steps with every path, expression and action resolved once, the
// playbooks it runs inlined. Deciding about a run then looks nothing up by text but the run's own states.
#ifndef FIREBREAK_RUNS_PROGRAM_H_
#define FIREBREAK_RUNS_PROGRAM_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/playbooks/expression.h"
#include "firebreak/v1/playbook.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

inline constexpr int kProgramDepthMax = 4;             // playbooks that run playbooks that run …
inline constexpr size_t kProgramStepsMax = 2000;   // of a playbook with all it runs
inline constexpr int kParallelWidthMax = 64;       // branches of one step
inline constexpr int kPathDepthMax = 48;           // components of a path

enum class StepKind { kDo, kAsk, kIf, kSwitch, kWhile, kForEach, kParallel, kGroup, kRun, kUnknown };

struct Node;

// A call with its arguments' expressions parsed.
struct CompiledCall {
  const v1::DoStep* call = nullptr;
  const ActionSpec* spec = nullptr;  // nullptr: this build does not have the action
  std::vector<absl::StatusOr<ParsedExpression>> expressions;   // one per argument; unused for literals
};

// Steps that follow one another. `link` stands between the path they hang under and their names: "/then/", "/", "on_failure/".
struct NodeList {
  std::string link;
  std::vector<const Node*> nodes;
  const Node* Find(std::string_view name) const;  // nullptr
};

// One playbook: what $name and $step.field mean for its steps.
struct Scope {
  const v1::Playbook* playbook = nullptr;
  const Node* run = nullptr;                       // the step that runs it; nullptr for the run's own playbook
  std::map<std::string, const Node*, std::less<>> names;
};

struct Node {
  const v1::Step* step = nullptr;
  StepKind kind = StepKind::kUnknown;
  const Node* parent = nullptr;                    // nullptr for the outermost steps
  const Scope* scope = nullptr;
  std::string link;                                // as its list's
  int depth = 0;                                   // components of its path: 1 = "contain"
  bool absorbs = false;                            // its failure does not have to be the run's: something around it goes on
  CompiledCall call;                               // of a do
  CompiledCall undo;
  absl::StatusOr<ParsedExpression> expression = absl::InternalError("no expression");   // condition, subject, list or about
  std::vector<CompiledCall> arguments;             // of a run: one call without an action, its `with`
  std::vector<NodeList> lists;                     // if: then, else; switch: cases, default last; others: one
  NodeList handlers;                               // of a run: the other playbook's on_failure
  const Scope* inner = nullptr;                    // of a run: the other playbook; nullptr when it is not there
  bool IsLoop() const { return kind == StepKind::kWhile || kind == StepKind::kForEach; }
  bool IsLeaf() const { return kind == StepKind::kDo || kind == StepKind::kAsk || kind == StepKind::kUnknown; }
};

// Immutable; copies share everything. Thread-safe.
class Program {
 public:
  // Playbooks by the digest they are pinned by.
  using Children = std::map<std::string, v1::Playbook, std::less<>>;

  Program(v1::Playbook playbook, absl::Span<const ActionSpec* const> actions, Children children = {});

  const v1::Playbook& playbook() const;
  const ActionSpec* FindAction(std::string_view name) const;  // nullptr when this build does not have it
  const NodeList& steps() const;
  const NodeList& handlers() const;
  // The step an instance's path belongs to: "contain", "gate/then/apply", "each[3]/mend", "on_failure/page"; nullptr when there is
  // none. "apply/undo" answers apply.
  const Node* FindNode(std::string_view path) const;
  const v1::Step* FindStep(std::string_view path) const;
  // Why it may not be run at all: too deep, too large, a playbook it runs is missing.
  const absl::Status& status() const;

 private:
  struct Compiled;
  friend class ProgramCompiler;
  std::shared_ptr<const Compiled> compiled_;
};

// Whether the step or something around it runs whatever happens.
bool IsAlways(const Node* node);

// Paths of undo end so.
inline constexpr std::string_view kUndoSuffix = "/undo";
inline constexpr std::string_view kHandlerPrefix = "on_failure/";
bool IsUndoPath(std::string_view path);
// The first `depth` components of `path`.
std::string_view PathPrefix(std::string_view path, int depth);
// "each[3]" -> 3; 0 when the last component has no round.
uint32_t RoundOf(std::string_view path);
std::string_view WithoutRound(std::string_view path);

const v1::StepState* FindState(const v1::PlaybookRun& run, std::string_view path);
v1::StepState* FindState(v1::PlaybookRun& run, std::string_view path);
bool HasEnded(const v1::PlaybookRun& run);
// A step that is a single act and is neither over nor yet to come.
bool IsOpenLeaf(v1::StepPhase phase);

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_PROGRAM_H_
