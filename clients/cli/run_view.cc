#include "clients/cli/run_view.h"

#include <algorithm>

#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/run.grpc.pb.h"

namespace firebreak::cli {
namespace {

Tone ToneOf(const v1::StepState& step) {
  if (step.phase() == v1::STEP_PHASE_DONE) return Tone::kGood;
  if (step.phase() == v1::STEP_PHASE_FAILED) return step.continued() ? Tone::kWarning : Tone::kBad;
  if (step.phase() == v1::STEP_PHASE_IN_DOUBT) return Tone::kBad;
  if (step.phase() == v1::STEP_PHASE_SKIPPED || step.phase() == v1::STEP_PHASE_PENDING) return Tone::kFaint;
  return step.phase() == v1::STEP_PHASE_ASKING || step.phase() == v1::STEP_PHASE_BACKING_OFF ? Tone::kWarning : Tone::kPlain;
}

std::string StepLine(const Output& out, const v1::StepState& step) {
  std::string name = ShortName(step.phase());
  name.resize(std::max<size_t>(name.size(), 11), ' ');
  std::string line = StrCat("  ", out.Paint(name, ToneOf(step)), "  ", step.path());
  if (step.attempt() > 1) StrAppend(&line, "  (attempt ", step.attempt(), ")");
  if (step.round() > 0) StrAppend(&line, "  (round ", step.round(), ")");
  if (!step.branch().empty() && step.branch() != "none") StrAppend(&line, "  -> ", step.branch());
  if (step.adopted()) StrAppend(&line, "  (taken over)");
  if (!step.error().message().empty()) StrAppend(&line, "  ", step.error().message());
  if (step.phase() == v1::STEP_PHASE_ASKING) StrAppend(&line, "  ", step.question());
  if (!step.waiting_for().empty()) StrAppend(&line, "  waits for ", step.waiting_for());
  return line;
}

std::string HeadLine(const v1::PlaybookRun& run) {
  const std::string state = run.id().empty() ? "would start" : ShortName(run.state());
  std::string line = StrCat(run.id(), run.id().empty() ? "" : "  ", run.playbook(), "  ", state);
  if (!run.incident().empty()) StrAppend(&line, "  ", run.incident());
  if (!run.deployment().empty()) StrAppend(&line, "  ", run.deployment());
  if (!run.id().empty()) StrAppend(&line, "  started ", TimeText(run.has_started_at(), run.started_at()), " by ", run.started_by());
  if (!run.resumed_from().empty()) StrAppend(&line, "  goes on from ", run.resumed_from(), " at ", run.resumed_step());
  if (!run.preempted_by().empty()) StrAppend(&line, "  gave way to ", run.preempted_by());
  if (run.paused()) StrAppend(&line, "  paused by ", run.paused_by());
  return line;
}

bool Over(const v1::PlaybookRun& run) {
  return run.state() == v1::RUN_STATE_SUCCEEDED || run.state() == v1::RUN_STATE_FAILED || run.state() == v1::RUN_STATE_CANCELLED;
}

// What a watcher has drawn or printed so far.
class LiveView {
 public:
  explicit LiveView(const Output& out) : out_(out) {}

  void Show(const v1::WatchRunEvent& event) {
    if (out_.format() == Format::kJson) return out_.Print(MessageToJson(event));   // one event, one line
    if (!out_.redraws()) return PrintChanges(event);
    const std::vector<std::string> lines = RunLines(out_, event.run());
    out_.Redraw(lines, drawn_);
    drawn_ = lines.size();
  }

 private:
  void PrintChanges(const v1::WatchRunEvent& event) const {
    for (const v1::RunChange& change : event.changes())
      out_.Print(StrCat(TimeText(change.has_time(), change.time()), "  ", change.action(), "  ", change.summary()));
  }

  const Output& out_;
  size_t drawn_ = 0;
};

}  // namespace

std::vector<std::string> RunLines(const Output& out, const v1::PlaybookRun& run) {
  std::vector<std::string> lines = {HeadLine(run)};
  for (const v1::StepState& step : run.steps()) lines.push_back(StepLine(out, step));
  if (!run.error().message().empty()) lines.push_back(out.Paint(StrCat("  ", run.error().message()), Tone::kBad));
  return lines;
}

absl::StatusOr<google::protobuf::Struct> ParseInputs(const std::vector<std::string>& pairs) {
  google::protobuf::Struct inputs;
  ASSIGN_OR_RETURN(auto parsed, ParsePairs("--input", pairs));
  for (const auto& [name, text] : parsed) {
    // 5, true and ["a","b"] are meant as a number, a truth value and a list; anything that is not JSON is text.
    auto value = ParseJson(text);
    google::protobuf::Value& field = (*inputs.mutable_fields())[name];
    if (value.ok() && !value->has_struct_value()) {
      field = *value;
    } else {
      field.set_string_value(text);
    }
  }
  return inputs;
}

absl::Status WatchRun(Session& session, const std::string& run) {
  v1::GetRunRequest exists;
  exists.set_run(run);
  RETURN_IF_ERROR(session.Call<v1::Runs>(&v1::Runs::Stub::GetRun, exists).status());
  ASSIGN_OR_RETURN(auto channel, session.Channel());
  const auto stub = v1::Runs::NewStub(channel);
  LiveView view(session.out());
  uint64_t sequence = 0;
  while (true) {
    grpc::ClientContext context;
    v1::WatchRunRequest request;
    request.set_run(run);
    request.set_after_sequence(sequence);
    auto reader = stub->WatchRun(&context, request);
    v1::WatchRunEvent event;
    while (reader->Read(&event)) {
      // A service of before tells no changes, only the state.
      sequence = event.sequence() > 0 ? event.sequence() : event.run().sequence();
      view.Show(event);
      if (!Over(event.run()) || sequence < event.run().sequence()) continue;
      context.TryCancel();
      if (session.out().format() == Format::kTable) session.out().Print(StrCat(run, " ", ShortName(event.run().state())));
      if (event.run().state() == v1::RUN_STATE_SUCCEEDED) return absl::OkStatus();
      return absl::UnknownError(StrCat(run, " ended as ", ShortName(event.run().state()), ": ", event.run().error().message()));
    }
    RETURN_IF_ERROR(session.AwaitStreamAgain(FromGrpcStatus(reader->Finish()), "the run goes on without this watcher"));
  }
}

}  // namespace firebreak::cli
