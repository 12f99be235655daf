// incident.note, incident.advance, report.build, share.request: what a run writes down and hands on.
#include <map>
#include <memory>
#include <utility>

#include "firebreak/actions/specs.h"
#include "firebreak/base/text.h"
#include "firebreak/storage/keys/actions.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

// Whoever started the run asks for what it proposes, so that starting a run is no way around "somebody else must decide".
Identity Requester(const ActionCall& call) { return call.started_by.empty() ? RunActor(call) : call.started_by; }

class NoteAction final : public Action {
 public:
  explicit NoteAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Note(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    RETURN_IF_ERROR(NeedIncident(call));
    RETURN_IF_ERROR(Write(parts_.ledger, [&](Draft& draft) -> absl::Status {
      const auto key = keys::NoteOfEffect(call.effect);
      ASSIGN_OR_RETURN(auto written, draft.Find(key));
      if (written) return absl::OkStatus();
      google::protobuf::StringValue incident;
      incident.set_value(call.incident.text());
      draft.Put(key, incident);
      return parts_.incidents.AddNote(draft, call.incident, RunActor(call), TextField(call.inputs, "text"));
    }));
    return Outputs().Done();
  }

 private:
  const ActionParts parts_;
};

class AdvanceAction final : public Action {
 public:
  explicit AdvanceAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Advance(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    RETURN_IF_ERROR(NeedIncident(call));
    static const std::map<std::string, v1::IncidentState> kStates = {{"triaged", v1::INCIDENT_STATE_TRIAGED},
                                                                     {"contained", v1::INCIDENT_STATE_CONTAINED},
                                                                     {"eradicated", v1::INCIDENT_STATE_ERADICATED},
                                                                     {"recovered", v1::INCIDENT_STATE_RECOVERED}};
    const std::string word = TextField(call.inputs, "state");
    const auto state = kStates.find(word);
    if (state == kStates.end()) {
      return absl::InvalidArgumentError(StrCat("state ", word, " cannot be reached by a playbook (triaged, contained, eradicated, recovered)"));
    }
    RETURN_IF_ERROR(Write(parts_.ledger, [&](Draft& draft) {
      return parts_.incidents.Advance(draft, call.incident, state->second, RunActor(call), StrCat("by ", Cause(call)));
    }));
    return Outputs().Done();
  }

 private:
  const ActionParts parts_;
};

class ReportAction final : public Action {
 public:
  explicit ReportAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Report(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    RETURN_IF_ERROR(NeedIncident(call));
    ASSIGN_OR_RETURN(v1::StoredReport report, parts_.reports.Build({call.incident, RunActor(call), call.effect}));
    return Outputs().Text("report", report.id()).Text("digest", report.digest()).Done();
  }

 private:
  const ActionParts parts_;
};

class ShareAction final : public Action {
 public:
  explicit ShareAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Share(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    RETURN_IF_ERROR(NeedIncident(call));
    ASSIGN_OR_RETURN(v1::Share share, parts_.sharing.Propose({.incident = call.incident,
                                                              .destination = TextField(call.inputs, "destination"),
                                                              .bundle_digest = "",
                                                              .requested_by = Requester(call),
                                                              .request_id = call.effect.text()}));
    return Outputs().Text("share", share.id()).Done();
  }

 private:
  const ActionParts parts_;
};

}  // namespace

void AddRecordActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  catalogue.Add(std::make_unique<NoteAction>(parts));
  catalogue.Add(std::make_unique<AdvanceAction>(parts));
  catalogue.Add(std::make_unique<ReportAction>(parts));
  catalogue.Add(std::make_unique<ShareAction>(parts));
}

}  // namespace firebreak
