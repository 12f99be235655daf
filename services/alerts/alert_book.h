// AlertBook: the durable path. Takes alerts that change something and writes them, with their incidents, in drafts that keep
// the ledger's limits.
#ifndef FIREBREAK_SERVICES_ALERTS_ALERT_BOOK_H_
#define FIREBREAK_SERVICES_ALERTS_ALERT_BOOK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "firebreak/access/caller.h"
#include "firebreak/alerts/alert_desk.h"
#include "firebreak/alerts/incoming.h"
#include "firebreak/alerts/merge.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/ledger/ledger.h"
#include "services/alerts/known_alerts.h"

namespace firebreak {

// One alert on its way into the book.
struct Posting {
  const IncomingAlert* incoming = nullptr;
  v1::RaisedAlert* answer = nullptr;   // filled when not null
};

struct PostingSource {
  std::string intake;        // alertmanager-v2 | alertmanager-webhook | grpc
  uint64_t truncated = 0;    // alerts the sender says it left out
};

// Thread-safe. Everything given outlives it.
class AlertBook {
 public:
  AlertBook(Ledger& ledger, const Clock& clock, Log& log, IncidentDesk& incidents, KnownAlerts& known,
            const AlertOptions& options, CrashPoints* crash_points);

  // What one post wants written.
  struct Wish {
    Caller caller;
    PostingSource source;
    std::vector<Posting> postings;
    std::shared_ptr<const std::vector<IncomingAlert>> alerts;   // what the postings point into; may be empty
  };

  // Durable when OK. In drafts of at most 25 alerts and two correlation keys; on an error the drafts before it stay (posting
  // all of them again is harmless).
  absl::Status Write(Wish wish);

  // The same without waiting, all drafts at once: for wishes without an ended alert, after which there is nothing to settle.
  // `done` is called exactly once, on this thread or on the ledger's.
  void WriteThen(Wish wish, std::function<void(absl::Status)> done);

  // FIRING -> STALE where the lease is still over; answers how many.
  absl::StatusOr<size_t> MarkStale(absl::Span<const uint64_t> fingerprints, absl::Time now);

 private:
  struct Planned;
  struct Page;      // one draft of a wish
  struct Pending;   // a wish whose drafts are under way
  // Puts the postings in the order of their drafts; the number of postings in each.
  std::vector<size_t> Cut(std::vector<Posting>& postings) const;
  absl::Status Build(Page& page, Draft& draft);
  // What is left to do once it is durable, or found to be nothing to write.
  absl::Status Finish(Page& page, const absl::StatusOr<Receipt>& receipt);
  absl::Status Plan(Draft& draft, const Caller& caller, const PostingSource& source, absl::Span<const Posting> postings,
                    absl::Time now, std::vector<Planned>& planned);
  absl::Status CorrelateRaised(Draft& draft, const Caller& caller, absl::Span<const Posting> postings,
                               std::vector<Planned>& planned);
  absl::Status Put(Draft& draft, const std::vector<Planned>& planned);
  void Remember(absl::Span<const Posting> postings, const std::vector<Planned>& planned, uint64_t revision);
  void Settle(const std::vector<Planned>& planned);

  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  IncidentDesk& incidents_;
  KnownAlerts& known_;
  const AlertOptions options_;
  CrashPoints* const crash_points_;
};

// What a record that is durable at `revision` is in memory.
KnownAlerts::Entry EntryOf(const v1::Alert& alert, uint64_t revision);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ALERTS_ALERT_BOOK_H_
