#include "firebreak/ledger/ledger.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "committer.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/note.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/ledger.h"
#include "stored_tree.h"

namespace firebreak {
namespace {

// The log found must contain the log the newest checkpoint was signed over; anything else means that the store was rolled
// back or rewritten.
absl::Status CheckAgainst(const store::v1::SignedCheckpoint& signed_last, const MetaStore& store, const LogTip& tip,
                          const std::string& vkey, Log& log) {
  if (signed_last.size() > tip.edge->size()) {
    return absl::DataLossError(StrCat("the log holds ", tip.edge->size(), " entries, but a checkpoint was signed over ",
                                      signed_last.size(), ": the store was rolled back"));
  }
  StoredTree tree(store, tip.edge);
  ASSIGN_OR_RETURN(std::string root, TreeRoot(tree, signed_last.size()));
  if (root != signed_last.root()) {
    return absl::DataLossError(StrCat("the log of ", tip.edge->size(), " entries does not continue the one a checkpoint was signed over at ",
                                      signed_last.size(), " entries: the store was changed"));
  }
  const absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(signed_last.note(), vkey);
  if (!checkpoint.ok()) {
    // A new key or a new name of the log; the roots above are what protects it.
    log.Warning("ledger.checkpoint_of_other_key", {{"error", std::string(MessageOf(checkpoint.status()))}});
  } else if (checkpoint->size != signed_last.size() || checkpoint->root != signed_last.root()) {
    return absl::DataLossError(StrCat("the stored checkpoint was signed over ", checkpoint->size, " entries, not ", signed_last.size(),
                                      ": the store was changed"));
  }
  return absl::OkStatus();
}

}  // namespace

class Ledger::Core {
 public:
  Core(MetaStore& store, const Clock& clock, Log& log, const Ed25519Key& signer, LedgerOptions options, std::string vkey,
       LogTip tip, store::v1::SignedCheckpoint newest)
      : signer_(signer),
        options_(std::move(options)),
        vkey_(std::move(vkey)),
        newest_(std::move(newest)),
        committer_(store, clock, log, std::move(tip), options_) {}

  absl::StatusOr<Receipt> Submit(Ticket& ticket) {
    RETURN_IF_ERROR(refusal());
    committer_.Submit(ticket);
    return std::move(ticket.result);
  }

  // False, with the reason in the ticket's result, when it was not taken.
  bool SubmitThen(Ticket& ticket) {
    if (absl::Status refused = refusal(); !refused.ok()) {
      ticket.result = std::move(refused);
      return false;
    }
    return committer_.Enqueue(ticket);
  }

  absl::StatusOr<std::string> Note(uint64_t size, const std::string& root) const {
    return SignNote(signer_, options_.origin, FormatCheckpoint({.origin = options_.origin, .size = size, .root = root, .extensions = {}}));
  }

  // One signer at a time; those who waited find the checkpoint they wanted.
  absl::StatusOr<std::string> SignNewest() {
    absl::MutexLock lock(&signing_);
    const std::shared_ptr<const TreeEdge> edge = committer_.edge();
    if (!newest_.note().empty() && newest_.size() == edge->size()) return newest_.note();
    store::v1::SignedCheckpoint next;
    next.set_size(edge->size());
    next.set_root(edge->Root());
    ASSIGN_OR_RETURN(*next.mutable_note(), Note(next.size(), next.root()));
    Ticket ticket;
    ticket.checkpoint = &next;
    // Nobody sees a checkpoint that a restart would not know of.
    RETURN_IF_ERROR(Annotate(Submit(ticket).status(), "store checkpoint"));
    newest_ = std::move(next);
    return newest_.note();
  }

  uint64_t signed_size() {
    absl::MutexLock lock(&signing_);
    return newest_.note().empty() ? 0 : newest_.size();
  }

  void Refuse(absl::Status why) {
    absl::MutexLock lock(&refusal_mutex_);
    refusal_ = std::move(why);
  }
  absl::Status refusal() const {
    absl::ReaderMutexLock lock(&refusal_mutex_);
    return refusal_;
  }

  Committer& committer() { return committer_; }
  const LedgerOptions& options() const { return options_; }
  const std::string& vkey() const { return vkey_; }

 private:
  const Ed25519Key& signer_;
  const LedgerOptions options_;
  const std::string vkey_;
  mutable absl::Mutex refusal_mutex_;
  absl::Status refusal_ ABSL_GUARDED_BY(refusal_mutex_);
  absl::Mutex signing_;
  store::v1::SignedCheckpoint newest_ ABSL_GUARDED_BY(signing_);
  Committer committer_;
};

Ledger::Ledger(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Ledger::~Ledger() = default;

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(MetaStore& store, const Clock& clock, Log& log, const Ed25519Key& signer,
                                                     LedgerOptions options) {
  std::string vkey = MakeVerifierKey(options.origin, signer.public_key());
  if (!NoteVerifier::Parse(vkey).ok()) {
    return absl::InvalidArgumentError(StrCat("ledger: \"", options.origin, "\" cannot name a log (no spaces, no '+')"));
  }
  absl::StatusOr<LogTip> tip = LoadTip(store);
  if (!tip.ok()) return Annotate(tip.status(), "open ledger");
  ASSIGN_OR_RETURN(std::optional<store::v1::SignedCheckpoint> newest, FindRecord(store, LogCheckpointKey()));
  if (newest) {
    RETURN_IF_ERROR(Annotate(CheckAgainst(*newest, store, *tip, vkey, log), "open ledger"));
    // A note of another key or name is not ours to hand out; the next one is signed afresh.
    if (!OpenCheckpoint(newest->note(), vkey).ok()) newest->clear_note();
  }
  return std::unique_ptr<Ledger>(new Ledger(std::make_unique<Core>(store, clock, log, signer, std::move(options), std::move(vkey),
                                                                   *std::move(tip), newest ? *std::move(newest) : store::v1::SignedCheckpoint())));
}

absl::StatusOr<Receipt> Ledger::Commit(Draft& draft) {
  Ticket ticket;
  ASSIGN_OR_RETURN(ticket.parts, CheckDraft(draft, store().limits()));
  ticket.draft = &draft;
  return core_->Submit(ticket);
}

absl::StatusOr<Receipt> Ledger::Transact(absl::FunctionRef<absl::Status(Draft&)> build) {
  absl::Status last;
  for (int attempt = 0; attempt < core_->options().transact_attempts_max; ++attempt) {
    Draft draft(store(), core_->committer().visible());
    RETURN_IF_ERROR(build(draft));
    if (draft.writes().empty() && draft.entries().empty()) return Receipt{};
    Ticket ticket;
    ASSIGN_OR_RETURN(ticket.parts, CheckDraft(draft, store().limits()));
    ticket.draft = &draft;
    ticket.build.emplace(build);
    absl::StatusOr<Receipt> receipt = core_->Submit(ticket);
    if (!absl::IsAborted(receipt.status())) return receipt;
    last = receipt.status();
  }
  return Annotate(last, StrCat("gave up after ", core_->options().transact_attempts_max, " attempts"));
}

namespace {

// A draft on its way whose caller has gone on.
struct Departed final : Ticket {
  Departed(std::function<absl::Status(Draft&)> how, Ledger::Done what, const MetaStore& store, uint64_t as_of)
      : how_built(std::move(how)), answer(std::move(what)), own_draft(store, as_of) {}

  static void Arrive(Ticket& ticket, absl::StatusOr<Receipt> receipt) {
    const std::unique_ptr<Departed> self(static_cast<Departed*>(&ticket));
    self->answer(std::move(receipt));
  }

  const std::function<absl::Status(Draft&)> how_built;
  const Ledger::Done answer;
  Draft own_draft;
};

}  // namespace

void Ledger::TransactThen(std::function<absl::Status(Draft&)> build, Done done) {
  auto departed = std::make_unique<Departed>(std::move(build), std::move(done), store(), core_->committer().visible());
  Draft& draft = departed->own_draft;
  if (absl::Status built = departed->how_built(draft); !built.ok()) return departed->answer(std::move(built));
  if (draft.writes().empty() && draft.entries().empty()) return departed->answer(Receipt{});
  absl::StatusOr<DraftParts> parts = CheckDraft(draft, store().limits());
  if (!parts.ok()) return departed->answer(parts.status());
  departed->parts = *std::move(parts);
  departed->draft = &draft;
  departed->build.emplace(departed->how_built);
  departed->then = &Departed::Arrive;
  Ticket& ticket = *departed.release();   // Arrive takes it back
  if (!core_->SubmitThen(ticket)) Departed::Arrive(ticket, std::move(ticket.result));
}

std::unique_ptr<Ledger::Watch> Ledger::AddWatcher(Watcher watcher) {
  return core_->committer().watchers().Add(std::move(watcher));
}

void Ledger::Refuse(absl::Status why) { core_->Refuse(std::move(why)); }

absl::Status Ledger::refusal() const { return core_->refusal(); }

absl::StatusOr<std::string> Ledger::Root(uint64_t size) const {
  const std::shared_ptr<const TreeEdge> edge = core_->committer().edge();
  if (size > edge->size()) {
    return absl::InvalidArgumentError(StrCat("root: the log holds ", edge->size(), " entries, not ", size));
  }
  if (size == edge->size()) return edge->Root();
  StoredTree tree(store(), edge);
  return TreeRoot(tree, size);
}

const MetaStore& Ledger::store() const { return core_->committer().store(); }

uint64_t Ledger::size() const { return core_->committer().edge()->size(); }

absl::StatusOr<std::string> Ledger::SignCheckpoint() { return core_->SignNewest(); }

absl::StatusOr<std::string> Ledger::SignCheckpointAt(uint64_t size) {
  const std::shared_ptr<const TreeEdge> edge = core_->committer().edge();
  if (size > edge->size()) {
    return absl::InvalidArgumentError(StrCat("checkpoint: the log holds ", edge->size(), " entries, not ", size));
  }
  // A checkpoint over a prefix of a log that is already signed over cannot fork it; the newest is what is remembered.
  if (core_->signed_size() < size) RETURN_IF_ERROR(core_->SignNewest().status());
  if (size == edge->size()) return core_->Note(size, edge->Root());
  StoredTree tree(store(), edge);
  ASSIGN_OR_RETURN(std::string root, TreeRoot(tree, size));
  return core_->Note(size, root);
}

std::string Ledger::verifier_key() const { return core_->vkey(); }

absl::StatusOr<std::vector<std::string>> Ledger::ProveInclusion(uint64_t index, uint64_t size) const {
  StoredTree tree(store(), core_->committer().edge());
  return InclusionProof(tree, index, size);
}

absl::StatusOr<std::vector<std::string>> Ledger::ProveConsistency(uint64_t old_size, uint64_t new_size) const {
  StoredTree tree(store(), core_->committer().edge());
  return ConsistencyProof(tree, old_size, new_size);
}

}  // namespace firebreak
