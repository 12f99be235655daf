#include "firebreak/runs/program.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <set>
#include <utility>

#include "firebreak/base/text.h"

namespace firebreak {

struct Program::Compiled {
  v1::Playbook playbook;
  Children children;
  std::map<std::string, ActionSpec, std::less<>> actions;
  std::deque<Node> nodes;  // addresses stay
  std::deque<Scope> scopes;
  NodeList steps;
  NodeList handlers;
  absl::Status status;
};

namespace {

using Steps = google::protobuf::RepeatedPtrField<v1::Step>;

constexpr size_t kSearchedOneByOneMax = 16;  // steps of one list

StepKind KindOf(const v1::Step& step) {
  switch (step.kind_case()) {
    case v1::Step::kDo:
      return StepKind::kDo;
    case v1::Step::kAsk:
      return StepKind::kAsk;
    case v1::Step::kBranch:
      return StepKind::kIf;
    case v1::Step::kLoop:
      return StepKind::kWhile;
    case v1::Step::kChoice:
      return StepKind::kSwitch;
    case v1::Step::kParallel:
      return StepKind::kParallel;
    case v1::Step::kGroup:
      return StepKind::kGroup;
    case v1::Step::kRun:
      return StepKind::kRun;
    case v1::Step::kForEach:
      return StepKind::kForEach;
    case v1::Step::KIND_NOT_SET:
      break;
  }
  return StepKind::kUnknown;
}

absl::StatusOr<ParsedExpression> Parse(const v1::Expression& expression) {
  auto parsed = ParseExpression(expression.text());
  if (const auto* fault = std::get_if<ExpressionFault>(&parsed))
    return absl::InvalidArgumentError(StrCat("expression ", expression.text(), ": ", fault->message));
  return std::get<ParsedExpression>(std::move(parsed));
}

}  // namespace

// Builds the tree. One use.
class ProgramCompiler {
 public:
  explicit ProgramCompiler(Program::Compiled& to) : to_(to) {}

  void Compile() {
    Scope& scope = NewScope(to_.playbook, nullptr);
    Fill(to_.playbook.steps(), "", {nullptr, &scope, 0, false}, to_.steps);
    Fill(to_.playbook.on_failure(), std::string(kHandlerPrefix), {nullptr, &scope, 1, false}, to_.handlers);
  }

 private:
  struct Place {
    const Node* parent;
    Scope* scope;
    int depth;  // of the components above
    bool absorbs;
  };

  Scope& NewScope(const v1::Playbook& playbook, const Node* run) {
    Scope& scope = to_.scopes.emplace_back();
    scope.playbook = &playbook;
    scope.run = run;
    return scope;
  }

  void Refuse(std::string why) {
    if (to_.status.ok()) to_.status = absl::FailedPreconditionError(why);
  }

  void Fill(const Steps& steps, std::string link, const Place& place, NodeList& list) {
    list.link = std::move(link);
    for (const v1::Step& step : steps) {
      if (to_.nodes.size() >= kProgramStepsMax) return Refuse(StrCat("it has more than ", kProgramStepsMax, " steps"));
      if (place.depth >= kPathDepthMax) return Refuse("its steps are nested too deeply");
      list.nodes.push_back(&Add(step, list.link, place));
    }
  }

  const Node& Add(const v1::Step& step, const std::string& link, const Place& place) {
    Node& node = to_.nodes.emplace_back();
    node.step = &step;
    node.kind = KindOf(step);
    node.parent = place.parent;
    node.scope = place.scope;
    node.link = link;
    node.depth = place.depth + 1;
    node.absorbs = place.absorbs || step.continue_on_failure();
    place.scope->names.emplace(step.name(), &node);
    if (step.has_undo()) node.undo = CompileCall(step.undo());
    AddInside(step, place, node);
    return node;
  }

  void AddInside(const v1::Step& step, const Place& place, Node& node) {
    const Place below{&node, place.scope, node.depth, node.absorbs};
    const Place labelled{&node, place.scope, node.depth + 1, node.absorbs};
    switch (node.kind) {
      case StepKind::kDo:
        node.call = CompileCall(step.do_());
        break;
      case StepKind::kAsk:
        if (step.ask().has_about()) node.expression = Parse(step.ask().about());
        break;
      case StepKind::kIf:
        node.expression = Parse(step.branch().condition());
        node.lists.resize(2);
        Fill(step.branch().then_steps(), "/then/", labelled, node.lists[0]);
        Fill(step.branch().else_steps(), "/else/", labelled, node.lists[1]);
        break;
      case StepKind::kSwitch:
        AddCases(step.choice(), labelled, node);
        break;
      case StepKind::kWhile:
        node.expression = Parse(step.loop().condition());
        Fill(step.loop().steps(), "/", below, node.lists.emplace_back());
        break;
      case StepKind::kForEach:
        node.expression = Parse(step.for_each().list());
        Fill(step.for_each().steps(), "/", below, node.lists.emplace_back());
        break;
      case StepKind::kParallel: {
        if (step.parallel().branches_size() > kParallelWidthMax)
          Refuse(StrCat("step ", step.name(), " has more than ", kParallelWidthMax, " branches"));
        const Place branches{&node, place.scope, node.depth, node.absorbs || step.parallel().need() > 0};
        Fill(step.parallel().branches(), "/", branches, node.lists.emplace_back());
        break;
      }
      case StepKind::kGroup:
        Fill(step.group().steps(), "/", below, node.lists.emplace_back());
        break;
      case StepKind::kRun:
        AddRun(step.run(), node);
        break;
      case StepKind::kUnknown:
        Refuse(StrCat("step ", step.name(), " is of a kind this build does not know"));
        break;
    }
  }

  void AddCases(const v1::SwitchStep& choice, const Place& place, Node& node) {
    node.expression = Parse(choice.subject());
    node.lists.resize(static_cast<size_t>(choice.cases_size()) + 1);
    for (int i = 0; i < choice.cases_size(); ++i)
      Fill(choice.cases(i).steps(), StrCat("/case", i + 1, "/"), place, node.lists[static_cast<size_t>(i)]);
    Fill(choice.default_steps(), "/default/", place, node.lists.back());
  }

  void AddRun(const v1::RunStep& run, Node& node) {
    CompiledCall& with = node.arguments.emplace_back();
    for (const v1::Argument& argument : run.with()) with.expressions.push_back(ParseArgument(argument));
    const auto child = to_.children.find(run.digest());
    if (child == to_.children.end())
      return Refuse(StrCat("playbook ", run.playbook(), "@", run.digest(), ", which step ", node.step->name(), " runs, is missing"));
    if (running_.size() >= static_cast<size_t>(kProgramDepthMax) || running_.count(run.digest()) > 0)
      return Refuse(StrCat("playbooks run one another more than ", kProgramDepthMax, " deep"));
    running_.insert(run.digest());
    Scope& scope = NewScope(child->second, &node);
    node.inner = &scope;
    Fill(child->second.steps(), "/", {&node, &scope, node.depth, node.absorbs}, node.lists.emplace_back());
    Fill(child->second.on_failure(), StrCat("/", kHandlerPrefix), {&node, &scope, node.depth + 1, node.absorbs}, node.handlers);
    running_.erase(run.digest());
  }

  static absl::StatusOr<ParsedExpression> ParseArgument(const v1::Argument& argument) {
    if (argument.has_expression()) return Parse(argument.expression());
    return absl::InternalError("a literal");
  }

  CompiledCall CompileCall(const v1::DoStep& call) const {
    CompiledCall compiled;
    compiled.call = &call;
    const auto spec = to_.actions.find(call.action());
    if (spec != to_.actions.end()) compiled.spec = &spec->second;
    for (const v1::Argument& argument : call.with()) compiled.expressions.push_back(ParseArgument(argument));
    return compiled;
  }

  Program::Compiled& to_;
  std::set<std::string> running_;  // digests of the playbooks around the step
};

Program::Program(v1::Playbook playbook, absl::Span<const ActionSpec* const> actions, Children children) {
  auto compiled = std::make_shared<Compiled>();
  compiled->playbook = std::move(playbook);
  compiled->children = std::move(children);
  for (const ActionSpec* spec : actions) compiled->actions.emplace(spec->name, *spec);
  ProgramCompiler(*compiled).Compile();
  compiled_ = std::move(compiled);
}

const v1::Playbook& Program::playbook() const { return compiled_->playbook; }
const NodeList& Program::steps() const { return compiled_->steps; }
const NodeList& Program::handlers() const { return compiled_->handlers; }
const absl::Status& Program::status() const { return compiled_->status; }

const ActionSpec* Program::FindAction(std::string_view name) const {
  const auto found = compiled_->actions.find(name);
  return found == compiled_->actions.end() ? nullptr : &found->second;
}

const Node* NodeList::Find(std::string_view name) const {
  if (nodes.size() > kSearchedOneByOneMax) {  // names are unique in a playbook
    const auto& names = nodes.front()->scope->names;
    const auto found = names.find(name);
    const bool here = found != names.end() && found->second->parent == nodes.front()->parent && found->second->link == link;
    return here ? found->second : nullptr;
  }
  for (const Node* node : nodes) {
    if (node->step->name() == name) return node;
  }
  return nullptr;
}

const Node* Program::FindNode(std::string_view path) const {
  if (IsUndoPath(path)) path.remove_suffix(kUndoSuffix.size());
  const NodeList* list = &compiled_->steps;
  if (path.starts_with(kHandlerPrefix)) {
    list = &compiled_->handlers;
    path.remove_prefix(kHandlerPrefix.size());
  }
  for (;;) {
    const size_t slash = path.find('/');
    const Node* node = list->Find(WithoutRound(path.substr(0, slash)));
    if (node == nullptr || slash == std::string_view::npos) return node;
    const std::string_view rest = path.substr(slash);  // "/then/apply"
    const NodeList* next = nullptr;
    if (!node->handlers.link.empty() && rest.starts_with(node->handlers.link)) {
      next = &node->handlers;
    } else {
      for (const NodeList& candidate : node->lists) {
        if (rest.starts_with(candidate.link)) next = &candidate;
      }
    }
    if (next == nullptr) return nullptr;
    list = next;
    path = rest.substr(next->link.size());
  }
}

const v1::Step* Program::FindStep(std::string_view path) const {
  const Node* node = FindNode(path);
  return node == nullptr ? nullptr : node->step;
}

bool IsAlways(const Node* node) {
  for (; node != nullptr; node = node->parent) {
    if (node->step->always()) return true;
  }
  return false;
}

bool IsUndoPath(std::string_view path) { return path.ends_with(kUndoSuffix); }

std::string_view PathPrefix(std::string_view path, int depth) {
  size_t end = 0;
  for (int i = 0; i < depth; ++i) {
    end = path.find('/', i == 0 ? 0 : end + 1);
    if (end == std::string_view::npos) return path;
  }
  return path.substr(0, end);
}

std::string_view WithoutRound(std::string_view path) {
  return path.ends_with(']') ? path.substr(0, path.rfind('[')) : path;
}

uint32_t RoundOf(std::string_view path) {
  if (!path.ends_with(']')) return 0;
  const std::string_view digits = path.substr(path.rfind('[') + 1);
  uint32_t round = 0;
  std::from_chars(digits.data(), digits.data() + digits.size() - 1, round);
  return round;
}

// From the end: what is asked about has mostly been entered just now.
const v1::StepState* FindState(const v1::PlaybookRun& run, std::string_view path) {
  for (auto state = run.steps().rbegin(); state != run.steps().rend(); ++state) {
    if (state->path() == path) return &*state;
  }
  return nullptr;
}

v1::StepState* FindState(v1::PlaybookRun& run, std::string_view path) {
  for (auto state = run.mutable_steps()->rbegin(); state != run.mutable_steps()->rend(); ++state) {
    if (state->path() == path) return &*state;
  }
  return nullptr;
}

bool HasEnded(const v1::PlaybookRun& run) {
  return run.state() == v1::RUN_STATE_SUCCEEDED || run.state() == v1::RUN_STATE_FAILED ||
         run.state() == v1::RUN_STATE_CANCELLED;
}

bool IsOpenLeaf(v1::StepPhase phase) {
  return phase == v1::STEP_PHASE_STARTED || phase == v1::STEP_PHASE_BACKING_OFF || phase == v1::STEP_PHASE_ASKING ||
         phase == v1::STEP_PHASE_IN_DOUBT || phase == v1::STEP_PHASE_DELAYED;
}

}  // namespace firebreak
