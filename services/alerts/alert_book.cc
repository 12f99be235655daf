#include "services/alerts/alert_book.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "firebreak/alerts/fingerprint.h"
#include "firebreak/base/crash_points.h"
#include "firebreak/base/text.h"
#include "firebreak/storage/keys/alerts.h"
#include "services/alerts/alert_entries.h"

namespace firebreak {
namespace {

constexpr size_t kAlertsPerDraftMax = 25;
constexpr size_t kKeysPerDraftMax = 2;
constexpr size_t kBytesPerDraftMax = 400 * 1024;

AlertMark MarkOf(v1::AlertState state) {
  if (state == v1::ALERT_STATE_FIRING) return AlertMark::kFiring;
  if (state == v1::ALERT_STATE_STALE) return AlertMark::kStale;
  return AlertMark::kResolved;
}

IncidentSignal SignalOf(const IncomingAlert& alert) {
  return SignalFromLabels(alert.labels, alert.annotations, alert.starts_at);
}

// What is correlated as one: alerts of one incident that name one deployment, for each deployment may need a run of its own.
CorrelationKey GroupOf(const IncidentSignal& signal) {
  CorrelationKey group = KeyOf(signal).value_or(CorrelationKey());
  group.deployment = signal.deployment;
  return group;
}

// How many of the postings from `first` on go into one draft; they are sorted by key.
size_t DraftLength(absl::Span<const std::pair<CorrelationKey, Posting>> postings) {
  size_t bytes = 0;
  size_t keys = 0;
  for (size_t i = 0; i < postings.size(); ++i) {
    if (i == 0 || postings[i].first != postings[i - 1].first) ++keys;
    bytes += postings[i].second.incoming->bytes;
    if (i == kAlertsPerDraftMax || keys > kKeysPerDraftMax || (i > 0 && bytes > kBytesPerDraftMax)) return i;
  }
  return postings.size();
}

}  // namespace

struct AlertBook::Planned {
  AlertMove move = AlertMove::kNone;
  v1::Alert alert;                    // the record after the move; as stored for kNone and kLate
  std::optional<AlertMark> before;    // mark it has in alert.incident() now
  Correlation correlation;
};

KnownAlerts::Entry EntryOf(const v1::Alert& alert, uint64_t revision) {
  KnownAlerts::Entry entry;
  entry.facts = FactsOf(alert);
  entry.lease = Lease{FromProto(alert.ends_at()), alert.ends_at_is_timeout()};
  const absl::StatusOr<uint64_t> incident = ParseIncidentId(alert.incident());
  entry.incident = incident.ok() ? *incident : 0;
  entry.revision = revision;
  return entry;
}

AlertBook::AlertBook(Ledger& ledger, const Clock& clock, Log& log, IncidentDesk& incidents, KnownAlerts& known,
                     const AlertOptions& options, CrashPoints* crash_points)
    : ledger_(ledger), clock_(clock), log_(log), incidents_(incidents), known_(known), options_(options),
      crash_points_(crash_points) {}

struct AlertBook::Page {
  const Caller& caller;
  const PostingSource& source;
  absl::Span<const Posting> postings;
  absl::Time now;
  std::vector<Planned> planned = {};
  bool nothing_to_write = false;
};

std::vector<size_t> AlertBook::Cut(std::vector<Posting>& postings) const {
  if (postings.size() == 1) return {1};
  std::vector<std::pair<CorrelationKey, Posting>> sorted;
  sorted.reserve(postings.size());
  for (const Posting& posting : postings) {
    sorted.emplace_back(GroupOf(SignalOf(*posting.incoming)), posting);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < sorted.size(); ++i) postings[i] = sorted[i].second;
  std::vector<size_t> lengths;
  for (size_t at = 0; at < sorted.size(); at += lengths.back()) {
    lengths.push_back(DraftLength(absl::MakeConstSpan(sorted).subspan(at)));
  }
  return lengths;
}

absl::Status AlertBook::Write(Wish wish) {
  size_t at = 0;
  for (const size_t length : Cut(wish.postings)) {
    if (crash_points_ != nullptr) crash_points_->Reach("alert-before-commit");
    Page page{wish.caller, wish.source, absl::MakeConstSpan(wish.postings).subspan(at, length), clock_.Now()};
    const auto receipt = ledger_.Transact([&](Draft& draft) { return Build(page, draft); });
    RETURN_IF_ERROR(Finish(page, receipt));
    if (!page.nothing_to_write) Settle(page.planned);
    at += length;
  }
  return absl::OkStatus();
}

struct AlertBook::Pending {
  Pending(Wish what, std::function<void(absl::Status)> then) : wish(std::move(what)), done(std::move(then)) {}

  // The last of all drafts tells; the first error counts.
  void Ended(const absl::Status& status) {
    {
      absl::MutexLock lock(&mutex);
      first_error.Update(status);
      if (--open > 0) return;
    }
    done(first_error);
  }

  const Wish wish;
  const std::function<void(absl::Status)> done;
  std::vector<Page> pages;
  absl::Mutex mutex;
  size_t open = 0;
  absl::Status first_error;
};

void AlertBook::WriteThen(Wish wish, std::function<void(absl::Status)> done) {
  const std::vector<size_t> lengths = Cut(wish.postings);
  const auto pending = std::make_shared<Pending>(std::move(wish), std::move(done));
  pending->open = lengths.size();
  pending->pages.reserve(lengths.size());   // drafts refer to their pages
  const absl::Time now = clock_.Now();
  size_t at = 0;
  for (const size_t length : lengths) {
    if (crash_points_ != nullptr) crash_points_->Reach("alert-before-commit");
    const Wish& kept = pending->wish;
    Page& page = pending->pages.emplace_back(
        Page{kept.caller, kept.source, absl::MakeConstSpan(kept.postings).subspan(at, length), now});
    ledger_.TransactThen([this, &page](Draft& draft) { return Build(page, draft); },
                         [this, &page, pending](const absl::StatusOr<Receipt>& receipt) {
                           pending->Ended(Finish(page, receipt));
                         });
    at += length;
  }
}

absl::Status AlertBook::Build(Page& page, Draft& draft) {
  page.nothing_to_write = false;
  RETURN_IF_ERROR(Plan(draft, page.caller, page.source, page.postings, page.now, page.planned));
  RETURN_IF_ERROR(CorrelateRaised(draft, page.caller, page.postings, page.planned));
  RETURN_IF_ERROR(Put(draft, page.planned));
  page.nothing_to_write = draft.writes().empty();
  if (page.nothing_to_write) return absl::CancelledError("nothing to write");
  std::vector<AlertEvent> events;
  events.reserve(page.planned.size());
  for (const Planned& plan : page.planned) {
    if (plan.move == AlertMove::kRaise) events.push_back({"alert.raised", &plan.alert});
    if (plan.move == AlertMove::kResolve || plan.move == AlertMove::kRecord) events.push_back({"alert.resolved", &plan.alert});
    if (plan.move == AlertMove::kChange) events.push_back({"alert.changed", &plan.alert});
  }
  std::vector<std::pair<std::string, std::string>> facts;
  if (page.source.truncated > 0) facts.emplace_back("truncated_alerts", StrCat(page.source.truncated));
  RecordAlerts(draft, page.caller.identity.text(), events, facts);
  return absl::OkStatus();
}

absl::Status AlertBook::Finish(Page& page, const absl::StatusOr<Receipt>& receipt) {
  if (!receipt.ok() && !page.nothing_to_write) return receipt.status();
  if (!page.nothing_to_write && crash_points_ != nullptr) crash_points_->Reach("alert-after-commit");
  Remember(page.postings, page.planned, page.nothing_to_write ? 0 : receipt->revision);
  return absl::OkStatus();
}

absl::Status AlertBook::Plan(Draft& draft, const Caller& caller, const PostingSource& source,
                             absl::Span<const Posting> postings, absl::Time now, std::vector<Planned>& planned) {
  planned.clear();
  planned.reserve(postings.size());
  // Two postings of one alert in one draft: the second meets the first one's plan, not the store's record.
  std::map<uint64_t, size_t> newest;
  for (const Posting& posting : postings) {
    const IncomingAlert& incoming = *posting.incoming;
    std::optional<v1::Alert> stored;
    const auto earlier = newest.find(incoming.fingerprint);
    if (earlier != newest.end()) {
      stored = planned[earlier->second].alert;
    } else {
      ASSIGN_OR_RETURN(stored, draft.Find(keys::Alert(FingerprintText(incoming.fingerprint))));
    }
    Planned plan;
    plan.move = ChooseMove(stored ? std::optional<KnownFacts>(FactsOf(*stored)) : std::nullopt, incoming, now,
                           options_.late_window);
    const bool writes = plan.move != AlertMove::kNone && plan.move != AlertMove::kLate;
    plan.alert = writes ? ApplyMove(stored, incoming, plan.move, now) : *stored;
    if (stored && !stored->incident().empty()) {
      plan.before = earlier != newest.end() ? planned[earlier->second].before : MarkOf(stored->state());
    }
    if (writes) {
      plan.alert.set_source(caller.identity.text());
      plan.alert.set_intake(source.intake);
      if (plan.move == AlertMove::kRecord) plan.alert.clear_incident();
    }
    // Only the last word of an alert is written; what it said before in the same body is passed over.
    if (earlier != newest.end() && writes) {
      if (plan.move == AlertMove::kChange) plan.move = planned[earlier->second].move;
      planned[earlier->second].move = AlertMove::kNone;
    }
    if (writes || earlier == newest.end()) newest[incoming.fingerprint] = planned.size();
    planned.push_back(std::move(plan));
  }
  return absl::OkStatus();
}

absl::Status AlertBook::CorrelateRaised(Draft& draft, const Caller& caller, absl::Span<const Posting> postings,
                                        std::vector<Planned>& planned) {
  std::map<CorrelationKey, std::pair<IncidentSignal, std::vector<size_t>>> groups;
  for (size_t i = 0; i < planned.size(); ++i) {
    if (planned[i].move != AlertMove::kRaise) continue;
    const IncidentSignal signal = SignalOf(*postings[i].incoming);
    auto& [worst, members] = groups[GroupOf(signal)];
    if (members.empty() || signal.severity < worst.severity) {
      const absl::Time began_at = members.empty() ? signal.began_at : worst.began_at;
      worst = signal;
      worst.began_at = began_at;
    }
    worst.began_at = std::min(worst.began_at, signal.began_at);
    members.push_back(i);
  }
  for (const auto& [key, group] : groups) {
    ASSIGN_OR_RETURN(Correlation correlation, incidents_.Correlate(draft, caller, group.first));
    for (size_t i : group.second) {
      // A mark in another, older incident stays there as it is.
      if (planned[i].alert.incident() != correlation.incident.text()) planned[i].before.reset();
      planned[i].alert.set_incident(correlation.incident.text());
      planned[i].correlation = correlation;
      correlation.opened = false;   // by the first of the group
      correlation.relapsed = false;
    }
  }
  return absl::OkStatus();
}

absl::Status AlertBook::Put(Draft& draft, const std::vector<Planned>& planned) {
  std::set<std::string> ended;
  for (const Planned& plan : planned) {
    if (plan.move == AlertMove::kNone || plan.move == AlertMove::kLate) continue;
    draft.Put(keys::Alert(plan.alert.fingerprint()), plan.alert);
    if (plan.alert.incident().empty()) continue;
    incidents_.MarkAlert(draft, IncidentId(plan.alert.incident()), Fingerprint(plan.alert.fingerprint()),
                         FromProto(plan.alert.starts_at()), MarkOf(plan.alert.state()),
                         plan.before ? &*plan.before : nullptr);
    if (plan.move == AlertMove::kResolve) ended.insert(plan.alert.incident());
  }
  for (const std::string& incident : ended) RETURN_IF_ERROR(incidents_.SettleAlerts(draft, IncidentId(incident)));
  return absl::OkStatus();
}

void AlertBook::Remember(absl::Span<const Posting> postings, const std::vector<Planned>& planned, uint64_t revision) {
  for (size_t i = 0; i < planned.size(); ++i) {
    const Planned& plan = planned[i];
    const uint64_t fingerprint = postings[i].incoming->fingerprint;
    const bool wrote = plan.move != AlertMove::kNone && plan.move != AlertMove::kLate;
    KnownAlerts::Entry entry = EntryOf(plan.alert, wrote ? revision : 0);
    if (!wrote && plan.alert.state() == v1::ALERT_STATE_FIRING) {
      // A heartbeat that met the store: the lease known so far, or the stored end, goes on.
      const std::optional<KnownAlerts::Entry> known = known_.Find(fingerprint);
      if (known) entry = *known;
      if (plan.move == AlertMove::kNone) entry.lease = ExtendLease(entry.lease, *postings[i].incoming);
    }
    if (plan.alert.state() != v1::ALERT_STATE_STALE) known_.Learn(fingerprint, entry);
    if (postings[i].answer == nullptr) continue;
    v1::RaisedAlert& answer = *postings[i].answer;
    answer.set_incident(plan.alert.incident());
    answer.set_opened_incident(plan.correlation.opened);
    answer.set_run(plan.correlation.run);
    if (plan.move == AlertMove::kRaise) answer.set_explanation(plan.correlation.explanation);
    if (plan.move == AlertMove::kNone) answer.set_explanation("known already: nothing new");
    if (plan.move == AlertMove::kLate) answer.set_explanation("ignored: older than what is known of this alert");
    if (plan.move == AlertMove::kResolve || plan.move == AlertMove::kRecord) answer.set_explanation("resolved");
    if (plan.move == AlertMove::kChange) answer.set_explanation("known already: its details changed");
  }
}

void AlertBook::Settle(const std::vector<Planned>& planned) {
  std::set<std::string> ended;
  for (const Planned& plan : planned) {
    if (plan.move == AlertMove::kResolve && !plan.alert.incident().empty()) ended.insert(plan.alert.incident());
  }
  for (const std::string& incident : ended) {
    const absl::Status status = incidents_.Reconcile(IncidentId(incident));
    // The alerts are durable; the slow timer looks again.
    if (!status.ok()) log_.Warning("incident.reconcile_failed", {{"incident", incident}, {"error", status.ToString()}});
  }
}

absl::StatusOr<size_t> AlertBook::MarkStale(absl::Span<const uint64_t> fingerprints, absl::Time now) {
  size_t marked = 0;
  for (size_t at = 0; at < fingerprints.size(); at += kAlertsPerDraftMax) {
    const absl::Span<const uint64_t> part = fingerprints.subspan(at, kAlertsPerDraftMax);
    std::vector<v1::Alert> stale;
    bool nothing_to_write = false;
    const absl::StatusOr<Receipt> receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
      stale.clear();
      for (uint64_t fingerprint : part) {
        const std::optional<KnownAlerts::Entry> known = known_.Find(fingerprint);
        if (!known || known->lease.end > now) continue;   // heard of again meanwhile
        ASSIGN_OR_RETURN(std::optional<v1::Alert> alert, draft.Find(keys::Alert(FingerprintText(fingerprint))));
        if (!alert || alert->state() != v1::ALERT_STATE_FIRING) continue;
        alert->set_state(v1::ALERT_STATE_STALE);
        *alert->mutable_ends_at() = ToProto(known->lease.end);
        *alert->mutable_updated_at() = ToProto(now);
        draft.Put(keys::Alert(alert->fingerprint()), *alert);
        const AlertMark before = AlertMark::kFiring;
        incidents_.MarkAlert(draft, IncidentId(alert->incident()), Fingerprint(alert->fingerprint()),
                             FromProto(alert->starts_at()), AlertMark::kStale, &before);
        stale.push_back(*std::move(alert));
      }
      nothing_to_write = stale.empty();
      if (nothing_to_write) return absl::CancelledError("nothing to write");
      std::vector<AlertEvent> events;
      for (const v1::Alert& alert : stale) events.push_back({"alert.stale", &alert});
      RecordAlerts(draft, "firebreak", events, {});
      return absl::OkStatus();
    });
    if (!receipt.ok() && !nothing_to_write) return receipt.status();
    for (const v1::Alert& alert : stale) {
      KnownAlerts::Entry entry = EntryOf(alert, receipt->revision);
      uint64_t fingerprint = 0;
      for (uint64_t candidate : part) {
        if (FingerprintText(candidate) == alert.fingerprint()) fingerprint = candidate;
      }
      known_.Learn(fingerprint, entry);
    }
    marked += stale.size();
  }
  return marked;
}

}  // namespace firebreak
