// Reading runs: one, many, what waits for approval, and watching one live.
#include <algorithm>
#include <utility>

#include "absl/synchronization/mutex.h"
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

// One watcher of one run. The ledger calls it on its committer thread, so it only reads one record and hands it on.
class RunWatch final : public Subscription {
 public:
  RunWatch(Ledger& ledger, RunId run, uint64_t after_sequence, std::shared_ptr<Sink<v1::WatchRunEvent>> sink)
      : ledger_(ledger),
        run_(std::move(run)),
        subject_(StrCat("run/", run_.text())),
        sink_(std::move(sink)),
        sequence_(after_sequence) {
    watch_ = ledger_.AddWatcher([this](const std::vector<v1::AuditEntry>& entries) {
      const bool concerned = std::any_of(entries.begin(), entries.end(), [this](const v1::AuditEntry& entry) {
        return std::find(entry.subjects().begin(), entry.subjects().end(), subject_) != entry.subjects().end();
      });
      if (concerned) SendNewest();
    });
    SendNewest();  // after the watch began, so that no change falls between
  }

 private:
  void SendNewest() {
    absl::MutexLock lock(&mutex_);
    if (closed_) return;
    absl::StatusOr<v1::PlaybookRun> run = LoadRun(ledger_.store(), run_.text());
    if (!run.ok()) {
      closed_ = true;
      sink_->Close(run.status());
      return;
    }
    const bool ended = HasEnded(*run);
    if (run->sequence() > sequence_) {
      sequence_ = run->sequence();
      v1::WatchRunEvent event;
      *event.mutable_run() = *std::move(run);
      closed_ = !sink_->Send(std::move(event));
    }
    if (!ended || closed_) return;
    closed_ = true;
    sink_->Close(absl::OkStatus());
  }

  Ledger& ledger_;
  const RunId run_;
  const std::string subject_;
  const std::shared_ptr<Sink<v1::WatchRunEvent>> sink_;
  absl::Mutex mutex_;
  uint64_t sequence_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Ledger::Watch> watch_;  // last: its end waits for a call in progress
};

}  // namespace

absl::StatusOr<v1::GetRunResponse> RunDesk::GetRun(const Caller&, const v1::GetRunRequest& request) const {
  v1::GetRunResponse response;
  ASSIGN_OR_RETURN(*response.mutable_run(), LoadRun(ledger_.store(), request.run()));
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

absl::StatusOr<std::unique_ptr<Subscription>> RunDesk::WatchRun(const Caller&, const v1::WatchRunRequest& request,
                                                                std::shared_ptr<Sink<v1::WatchRunEvent>> sink) {
  RETURN_IF_ERROR(LoadRun(ledger_.store(), request.run()).status());
  return std::unique_ptr<Subscription>(
      std::make_unique<RunWatch>(ledger_, RunId(request.run()), request.after_sequence(), std::move(sink)));
}

}  // namespace firebreak
