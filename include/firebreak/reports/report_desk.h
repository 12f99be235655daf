// ReportDesk: post-incident reports. A report is composed from stored facts only, signed, stored, and rendered on demand;
// building it again later makes a new one, the old one stays.
#ifndef FIREBREAK_REPORTS_REPORT_DESK_H_
#define FIREBREAK_REPORTS_REPORT_DESK_H_

#include <string>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/v1/report.pb.h"

namespace firebreak {

struct ReportWish {
  IncidentId incident;
  Identity composed_by;
  EffectId effect;   // the same effect answers the same report; empty = a new one each time
};

// Where the facts come from. Everything outlives the desk.
struct ReportSources {
  Ledger& ledger;
  ChunkStore& chunks;        // holds the signed documents
  SnapshotVault& vault;
  FleetDesk& fleet;
  IncidentDesk& incidents;
  RunDesk& runs;
  const Clock& clock;
  std::string service_version;
};

// Thread-safe.
class ReportDesk {
 public:
  ReportDesk(const ReportSources& sources, EcPrivateKey signing_key);

  // The Reports service.
  absl::StatusOr<v1::BuildReportResponse> BuildReport(const Caller& caller, const v1::BuildReportRequest& request);
  absl::StatusOr<v1::ListReportsResponse> ListReports(const Caller& caller, const v1::ListReportsRequest& request);
  absl::StatusOr<v1::ExportReportResponse> ExportReport(const Caller& caller, const v1::ExportReportRequest& request);

  // Durable when it answers.
  absl::StatusOr<v1::StoredReport> Build(const ReportWish& wish);

 private:
  absl::StatusOr<v1::ReportDocument> Compose(const ReportWish& wish);
  absl::StatusOr<v1::StoredReport> Load(const std::string& id_or_incident);

  const ReportSources sources_;
  const EcPrivateKey signing_key_;
};

}  // namespace firebreak

#endif  // FIREBREAK_REPORTS_REPORT_DESK_H_
