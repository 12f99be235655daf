// Reading runs: one, many, what waits for approval.
#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/runs/program.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/storage/keys/runs.h"

namespace firebreak {
namespace {

constexpr size_t kPageDefault = 50;
constexpr size_t kPageMax = 500;
constexpr size_t kApprovalRunsMax = 1000;  // runs looked through for pending approvals

absl::StatusOr<v1::PlaybookRun> LoadRun(const MetaStore& store, const std::string& id) {
  if (RunNumber(RunId(id)) == 0) return absl::InvalidArgumentError(StrCat("'", id, "' is no run (next: RUN-17)"));
  return LoadRecord(store, keys::Run(RunId(id)), StrCat("run ", id));
}

// Runs that an index page names.
absl::Status AddReferenced(const MetaStore& store, const RecordPage<store::v1::RunReference>& page,
                           v1::ListRunsResponse& response) {
  for (const auto& [key, reference] : page.records) {
    ASSIGN_OR_RETURN(v1::PlaybookRun run, LoadRun(store, reference.run()));
    *response.add_runs() = std::move(run);
  }
  response.set_next_page_token(ToHex(page.next_after));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::GetRunResponse> RunDesk::GetRun(const Caller&, const v1::GetRunRequest& request) const {
  v1::GetRunResponse response;
  ASSIGN_OR_RETURN(*response.mutable_run(), LoadRun(ledger_.store(), request.run()));
  if (waits_ != nullptr) waits_->Fill(*response.mutable_run());
  return response;
}

absl::StatusOr<v1::ListRunsResponse> RunDesk::ListRuns(const Caller&, const v1::ListRunsRequest& request) const {
  const size_t limit = request.page_size() == 0 ? kPageDefault : std::min<size_t>(request.page_size(), kPageMax);
  absl::StatusOr<std::string> after = FromHex(request.page_token());
  if (!after.ok()) return absl::InvalidArgumentError("page_token is not one of this listing's");
  v1::ListRunsResponse response;
  if (!request.incident().empty()) {
    ASSIGN_OR_RETURN(auto page,
                     ListRecords(ledger_.store(), keys::RunsOfIncident(IncidentId(request.incident())), *after, limit));
    RETURN_IF_ERROR(AddReferenced(ledger_.store(), page, response));
    if (request.only_active()) {
      auto& runs = *response.mutable_runs();
      runs.erase(std::remove_if(runs.begin(), runs.end(), HasEnded), runs.end());
    }
    return response;
  }
  if (request.only_active()) {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::ActiveRuns(), *after, limit));
    RETURN_IF_ERROR(AddReferenced(ledger_.store(), page, response));
    return response;
  }
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::Runs(), *after, limit));
  for (auto& [key, run] : page.records) *response.add_runs() = std::move(run);
  response.set_next_page_token(ToHex(page.next_after));
  return response;
}

absl::StatusOr<v1::ListApprovalsResponse> RunDesk::ListApprovals(const Caller&, const v1::ListApprovalsRequest&) const {
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::ActiveRuns(), "", kApprovalRunsMax));
  v1::ListApprovalsResponse response;
  for (const auto& [key, reference] : page.records) {
    ASSIGN_OR_RETURN(const v1::PlaybookRun run, LoadRun(ledger_.store(), reference.run()));
    for (const v1::StepState& state : run.steps()) {
      if (state.phase() != v1::STEP_PHASE_ASKING) continue;
      v1::PendingApproval& approval = *response.add_approvals();
      approval.set_run(run.id());
      approval.set_incident(run.incident());
      approval.set_step(state.path());
      approval.set_question(state.question());
      approval.set_subject_digest(state.subject_digest());
      *approval.mutable_roles() = state.roles();
      approval.set_need(state.need());
      *approval.mutable_votes() = state.votes();
      *approval.mutable_expires_at() = state.deadline_at();
    }
  }
  return response;
}

}  // namespace firebreak
