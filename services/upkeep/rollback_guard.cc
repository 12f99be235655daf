#include "firebreak/upkeep/rollback_guard.h"

#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/upkeep.h"

namespace firebreak {
namespace {

constexpr size_t kAcceptedMax = 1000;

std::string Short(const std::string& root) { return ToHex(root).substr(0, 12); }

}  // namespace

absl::StatusOr<std::optional<RollbackGuard::Mismatch>> RollbackGuard::Compare(std::string_view note, const std::string& where) const {
  ASSIGN_OR_RETURN(const Checkpoint seen, OpenCheckpoint(note, ledger_.verifier_key()));
  const uint64_t size = ledger_.size();
  if (seen.size <= size) {
    ASSIGN_OR_RETURN(const std::string root, ledger_.Root(seen.size));
    if (root == seen.root) return std::optional<Mismatch>();
  }
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::AcceptedRollbacks(), "", kAcceptedMax));
  for (const auto& [key, accepted] : page.records) {
    if (seen.size > accepted.common_size() && seen.size <= accepted.lost_size()) return std::optional<Mismatch>();
  }
  std::string text;
  if (seen.size > size) {
    text = StrCat("the records are older than what has been seen outside: the audit log here has ", size, " entries, ", where,
                  " holds a signed checkpoint over ", seen.size, " (root ", Short(seen.root), ")");
  } else {
    ASSIGN_OR_RETURN(const std::string root, ledger_.Root(seen.size));
    text = StrCat("the records are others than what has been seen outside: at ", seen.size, " entries the audit log here has root ",
                  Short(root), ", the signed checkpoint of ", where, " has ", Short(seen.root));
  }
  return std::optional<Mismatch>(Mismatch{seen, std::string(note), where, std::move(text)});
}

void RollbackGuard::Refuse(const Mismatch& mismatch) {
  ledger_.Refuse(WithNextStep(absl::FailedPreconditionError(mismatch.text),
                              "put the newer records back, or stop the service and decide: firebreakd accept-rollback --reason …"));
  log_.Error("rollback.refused", {{"problem", mismatch.text}});
  absl::MutexLock lock(&mutex_);
  if (!worst_ || worst_->seen.size < mismatch.seen.size) worst_ = mismatch;
}

absl::Status RollbackGuard::CheckWitnesses() {
  std::vector<Witness> all = witnesses_;
  all.push_back(presented_);
  for (const Witness& witness : all) {
    absl::StatusOr<std::string> note = witness.read();
    if (absl::IsNotFound(note.status())) continue;
    RETURN_IF_ERROR(Annotate(note.status(), "read witness"));
    if (note->empty()) continue;   // what an agent showed, and a person has decided about
    absl::StatusOr<std::optional<Mismatch>> mismatch = Compare(*note, witness.name);
    if (!mismatch.ok()) {
      // Whoever can damage this file can also remove it: it must not be the way to stop a service. It is said loudly.
      log_.Error("rollback.witness_unreadable", {{"witness", witness.name}, {"error", std::string(MessageOf(mismatch.status()))}});
      continue;
    }
    if (*mismatch) Refuse(**mismatch);
  }
  return absl::OkStatus();
}

void RollbackGuard::CheckPresented(const AgentName& agent, std::string_view note) {
  if (note.empty()) return;
  absl::StatusOr<std::optional<Mismatch>> mismatch = Compare(note, StrCat("agent ", agent.text()));
  if (!mismatch.ok()) {
    log_.Warning("rollback.presented_unreadable", {{"agent", agent.text()}, {"error", std::string(MessageOf(mismatch.status()))}});
    return;
  }
  if (!*mismatch) return;
  {
    absl::MutexLock lock(&mutex_);
    if (worst_ && worst_->seen.size >= (*mismatch)->seen.size) return;   // known
  }
  if (const absl::Status kept = presented_.write(note); !kept.ok()) {
    log_.Error("rollback.not_kept", {{"error", std::string(MessageOf(kept))}});
  }
  Refuse(**mismatch);
}

absl::Status RollbackGuard::WriteWitnesses() {
  if (!ledger_.refusal().ok()) return absl::OkStatus();
  {
    absl::MutexLock lock(&mutex_);
    if (written_ == ledger_.size()) return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string note, ledger_.SignCheckpoint());
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(note, ledger_.verifier_key()));
  absl::Status first;
  for (const Witness& witness : witnesses_) {
    const absl::Status written = witness.write(note);
    if (!written.ok() && first.ok()) first = Annotate(written, StrCat("write witness ", witness.name));
  }
  RETURN_IF_ERROR(first);
  absl::MutexLock lock(&mutex_);
  written_ = checkpoint.size;
  return absl::OkStatus();
}

absl::Status RollbackGuard::Accept(const Identity& actor, const std::string& reason) {
  RETURN_IF_ERROR(CheckReason(reason));
  std::optional<Mismatch> worst;
  {
    absl::MutexLock lock(&mutex_);
    worst = worst_;
  }
  if (!worst) return absl::FailedPreconditionError("nothing is refused: these records continue what was seen outside");
  ledger_.Refuse(absl::OkStatus());
  auto build = [&](Draft& draft) -> absl::Status {
    store::v1::AcceptedRollback accepted;
    accepted.set_kept_size(ledger_.size());
    ASSIGN_OR_RETURN(*accepted.mutable_kept_root(), ledger_.Root(accepted.kept_size()));
    // When this log is a beginning of the lost one, as after a restore, everything up to here is common. Of a fork inside it
    // nobody knows where it began.
    accepted.set_common_size(worst->seen.size > accepted.kept_size() ? accepted.kept_size() : 0);
    accepted.set_lost_size(worst->seen.size);
    accepted.set_lost_checkpoint(worst->note);
    accepted.set_reason(reason);
    accepted.set_accepted_by(actor.text());
    *accepted.mutable_time() = ToProto(clock_.Now());
    draft.Put(keys::AcceptedRollback(accepted.kept_size()), accepted);
    v1::AuditEntry entry = MakeEntry(actor, "rollback.accepted", StrCat(worst->text, "; accepted: ", reason));
    AddSubject(entry, "store");
    auto& facts = *entry.mutable_facts();
    facts["kept_size"] = absl::StrCat(accepted.kept_size());
    facts["kept_root"] = ToHex(accepted.kept_root());
    facts["lost_size"] = absl::StrCat(worst->seen.size);
    facts["lost_root"] = ToHex(worst->seen.root);
    facts["seen_by"] = worst->where;
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  {
    absl::MutexLock lock(&mutex_);
    worst_.reset();
    written_ = 0;
  }
  RETURN_IF_ERROR(WriteWitnesses());
  return presented_.write("");
}

}  // namespace firebreak
