// PlaybookShelf: stored playbooks, each version pinned by the digest of its YAML bytes; the handlers of service
// Playbooks. What the linter calls an error is never stored, so whatever stands on the shelf can be run.
#ifndef FIREBREAK_PLAYBOOKS_PLAYBOOK_SHELF_H_
#define FIREBREAK_PLAYBOOKS_PLAYBOOK_SHELF_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

// Thread-safe. `ledger`, `clock`, `log` and the specs outlive it.
class PlaybookShelf {
 public:
  PlaybookShelf(Ledger& ledger, const Clock& clock, Log& log, std::vector<const ActionSpec*> actions);

  // Findings with an error: the answer is OK and lists them when validate_only, else kInvalidArgument naming the first.
  // Bytes already stored under the name's newest version change nothing.
  absl::StatusOr<v1::PutPlaybookResponse> PutPlaybook(const Caller& caller, const v1::PutPlaybookRequest& request);
  absl::StatusOr<v1::GetPlaybookResponse> GetPlaybook(const Caller& caller,
                                                      const v1::GetPlaybookRequest& request) const;
  absl::StatusOr<v1::ListPlaybooksResponse> ListPlaybooks(const Caller& caller,
                                                          const v1::ListPlaybooksRequest& request) const;

  // Puts every *.yaml of `folder` on the shelf in the service's name; used by main at start with the shipped runbooks.
  // A name whose newest version was put by a person keeps that version. The first playbook that does not lint ends it
  // with an error.
  absl::Status LoadFolder(const std::string& folder);

  // Name (newest version) or sha256:… ; kNotFound names the nearest.
  absl::StatusOr<v1::StoredPlaybook> Resolve(std::string_view name_or_digest) const;
  // The newest version of every name, in name order.
  absl::StatusOr<std::vector<v1::StoredPlaybook>> Newest() const;

 private:
  struct PutOptions {
    std::string stored_by;
    bool keep_version_of_people = false;
  };
  std::optional<v1::Playbook> FindPlaybook(const std::string& digest) const;
  absl::Status Store(const v1::Playbook& playbook, std::string_view yaml, const PutOptions& options);

  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  const std::vector<const ActionSpec*> actions_;
};

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_PLAYBOOK_SHELF_H_
