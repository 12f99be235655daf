#include "firebreak/runs/program_library.h"

#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/playbooks.h"

namespace firebreak {
namespace {

using Steps = google::protobuf::RepeatedPtrField<v1::Step>;

// Digests of the playbooks that `steps` run, at any depth of their own nesting.
void AddRuns(const Steps& steps, std::vector<std::string>& digests) {
  for (const v1::Step& step : steps) {
    if (step.has_run()) digests.push_back(step.run().digest());
    AddRuns(step.branch().then_steps(), digests);
    AddRuns(step.branch().else_steps(), digests);
    AddRuns(step.loop().steps(), digests);
    AddRuns(step.for_each().steps(), digests);
    AddRuns(step.group().steps(), digests);
    AddRuns(step.parallel().branches(), digests);
    AddRuns(step.choice().default_steps(), digests);
    for (const v1::SwitchCase& one : step.choice().cases()) AddRuns(one.steps(), digests);
  }
}

}  // namespace

ProgramLibrary::ProgramLibrary(const MetaStore& store, Actions actions)
    : store_(store), actions_(std::move(actions)) {}

std::shared_ptr<const Program> ProgramLibrary::FindKept(const std::string& digest) const {
  absl::MutexLock lock(&mutex_);
  const auto place = places_.find(digest);
  if (place == places_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, place->second);
  return kept_.front().second;
}

absl::Status ProgramLibrary::AddChildren(const v1::Playbook& playbook, int depth, Program::Children& children) const {
  std::vector<std::string> digests;
  AddRuns(playbook.steps(), digests);
  AddRuns(playbook.on_failure(), digests);
  if (!digests.empty() && depth >= kProgramDepthMax)
    return absl::FailedPreconditionError(StrCat("playbooks run one another more than ", kProgramDepthMax, " deep"));
  for (const std::string& digest : digests) {
    if (children.count(digest) > 0) continue;
    ASSIGN_OR_RETURN(v1::StoredPlaybook stored, LoadRecord(store_, keys::Playbook(digest), StrCat("playbook ", digest)));
    const v1::Playbook& child = children[digest] = std::move(*stored.mutable_playbook());
    RETURN_IF_ERROR(AddChildren(child, depth + 1, children));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Program>> ProgramLibrary::Make(const v1::Playbook& playbook) const {
  if (std::shared_ptr<const Program> kept = FindKept(playbook.digest())) return kept;
  Program::Children children;
  absl::Status status = AddChildren(playbook, 0, children);
  if (!status.ok()) return Annotate(status, StrCat("playbook ", playbook.name()));
  auto program = std::make_shared<const Program>(playbook, actions_(), std::move(children));
  if (!program->status().ok()) return Annotate(program->status(), StrCat("playbook ", playbook.name()));
  absl::MutexLock lock(&mutex_);
  if (places_.count(playbook.digest()) > 0) return program;
  kept_.emplace_front(playbook.digest(), program);
  places_[playbook.digest()] = kept_.begin();
  if (kept_.size() > kProgramsKeptMax) {
    places_.erase(kept_.back().first);
    kept_.pop_back();
  }
  return program;
}

absl::StatusOr<std::shared_ptr<const Program>> ProgramLibrary::Load(const std::string& digest) const {
  if (std::shared_ptr<const Program> kept = FindKept(digest)) return kept;
  ASSIGN_OR_RETURN(const v1::StoredPlaybook stored, LoadRecord(store_, keys::Playbook(digest), StrCat("playbook ", digest)));
  return Make(stored.playbook());
}

bool IsOfPlaybookForGood(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsDataLoss(status) || absl::IsFailedPrecondition(status) ||
         absl::IsInvalidArgument(status);
}

}  // namespace firebreak
