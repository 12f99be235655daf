// The outbox: what was approved is sent until the receiver has it or says no for good. Each attempt is recorded before it
// leaves; ids in the bundle are stable, so a repeated post is "already added" at the receiver.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/read.h"
#include "firebreak/sharing/second_lock.h"
#include "firebreak/sharing/share_desk.h"
#include "firebreak/sharing/stix.h"
#include "firebreak/storage/keys/sharing.h"
#include "services/sharing/file_drop.h"
#include "services/sharing/plain_text.h"
#include "services/sharing/share_entries.h"
#include "services/sharing/taxii.h"

namespace firebreak {
namespace {

constexpr uint32_t kAttemptsMax = 60;                              // about two and a half days at the longest wait
constexpr absl::Duration kFirstWait = absl::Seconds(2);
constexpr absl::Duration kWaitMax = absl::Hours(1);
constexpr absl::Duration kLookMax = absl::Minutes(5);
constexpr absl::Duration kPatience = absl::Hours(72);              // with a receiver that never finishes
constexpr size_t kDuePage = 100;

absl::Duration Doubled(absl::Duration first, uint32_t times, absl::Duration longest) {
  return std::min(first * static_cast<double>(uint64_t{1} << std::min<uint32_t>(times, 20)), longest);
}

// `jitter` in [0, 1): many shares that failed together do not come back together.
absl::Duration WaitAfter(uint32_t attempts, double jitter) {
  return Doubled(kFirstWait, attempts == 0 ? 0 : attempts - 1, kWaitMax) * (0.75 + 0.5 * jitter);
}

// "user:password" of a file that only its owner may read. What is wrong with it can be put right, so it is kUnavailable.
absl::StatusOr<std::string> ReadCredential(const std::filesystem::path& folder, const std::string& name) {
  if (name.empty()) return std::string();
  const auto refuse = [&name](std::string_view why) {
    return absl::UnavailableError(StrCat("credential ", name, " ", why));
  };
  const std::string path = (folder / name).string();
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) return refuse(StrCat("cannot be read (next: put user:password into DATA/credentials/", name, ")"));
  struct stat facts {};
  char bytes[1025];
  const bool known = ::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
  const ssize_t count = known ? ::read(file, bytes, sizeof bytes) : -1;
  ::close(file);
  if (count < 0) return refuse("is not a readable file");
  if ((facts.st_mode & 077) != 0) return refuse(StrCat("can be read by others (next: chmod 600 DATA/credentials/", name, ")"));
  std::string_view text(bytes, static_cast<size_t>(count));
  text = text.substr(0, text.find('\n'));
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.size() > 1024 || text.find(':') == std::string_view::npos) return refuse("does not hold user:password");
  return std::string(text);
}

void ApplyOutcome(v1::Share& share, const TaxiiOutcome& outcome, absl::Time now) {
  share.set_objects_accepted(outcome.accepted);
  share.set_objects_refused(outcome.refused);
  share.clear_last_error();
  if (!outcome.complete) {
    share.set_remote_status_url(outcome.status_url);
    *share.mutable_next_attempt_at() = ToProto(now);
    return;
  }
  share.clear_remote_status_url();
  share.clear_next_attempt_at();
  if (outcome.refused > 0) {
    share.set_state(v1::SHARE_STATE_FAILED);
    share.set_last_error(StrCat("the receiver refused ", outcome.refused, " objects: ", outcome.first_failure));
    return;
  }
  share.set_state(v1::SHARE_STATE_DELIVERED);
  *share.mutable_delivered_at() = ToProto(now);
}

bool Over(const v1::Share& share) {
  return share.state() == v1::SHARE_STATE_DELIVERED || share.state() == v1::SHARE_STATE_FAILED || share.state() == v1::SHARE_STATE_REFUSED;
}

// The bytes themselves once more before they leave: exactly what was approved, and nothing that may not go.
absl::Status CheckBytes(const v1::Share& share) {
  if (Sha256(share.bundle()).text() != share.bundle_digest()) return absl::DataLossError("the stored bytes are not those approved");
  return CheckLeavingBytes(share.bundle());
}

absl::StatusOr<TaxiiOutcome> Deliver(const ShareParts& parts, const v1::Destination& destination, const v1::Share& share) {
  if (destination.kind() == v1::DESTINATION_KIND_FILE_DROP) {
    RETURN_IF_ERROR(DropFile(destination.url(), share));
    TaxiiOutcome outcome;
    outcome.complete = true;
    return outcome;
  }
  ASSIGN_OR_RETURN(const std::string credential, ReadCredential(parts.credential_folder, destination.credential_ref()));
  ASSIGN_OR_RETURN(const std::string envelope, TaxiiEnvelope(share.bundle()));
  return PostToTaxii(parts.http, destination, credential, envelope);
}

absl::StatusOr<TaxiiOutcome> Ask(const ShareParts& parts, const v1::Destination& destination, const v1::Share& share) {
  ASSIGN_OR_RETURN(const std::string credential, ReadCredential(parts.credential_folder, destination.credential_ref()));
  return AskTaxiiStatus(parts.http, destination, credential, share.remote_status_url());
}

}  // namespace

absl::StatusOr<uint64_t> ShareNumber(std::string_view id) {
  uint64_t number = 0;
  if (id.substr(0, 4) == "SHR-" && absl::SimpleAtoi(ToAbsl(id.substr(4)), &number) && number > 0) return number;
  return absl::InvalidArgumentError(StrCat("share ", id, ": give an id such as SHR-4"));
}

v1::AuditEntry ShareEntry(const v1::Share& share, std::string_view actor, std::string_view action, std::string_view summary) {
  v1::AuditEntry entry;
  entry.set_actor(std::string(actor));
  entry.set_action(std::string(action));
  entry.add_subjects(StrCat("share/", share.id()));
  entry.add_subjects(StrCat("incident/", share.incident()));
  entry.add_subjects(StrCat("destination/", share.destination()));
  entry.set_summary(std::string(summary));
  entry.set_payload_digest(share.bundle_digest());
  return entry;
}

absl::Status ShareDesk::Record(uint64_t number, const std::function<void(v1::Share&)>& change, std::string_view action) {
  return parts_.ledger
      .Transact([&](Draft& draft) -> absl::Status {
        ASSIGN_OR_RETURN(v1::Share share, draft.Load(keys::Share(number), NumberedId("SHR", number)));
        change(share);
        draft.Put(keys::Share(number), share);
        if (Over(share)) draft.Delete(keys::ShareDue(number));
        std::string summary = StrCat(share.id(), " to ", share.destination(), ": attempt ", share.attempts());
        if (share.state() == v1::SHARE_STATE_DELIVERED) summary = StrCat(share.id(), " was delivered to ", share.destination());
        if (share.state() == v1::SHARE_STATE_FAILED) summary = StrCat(share.id(), " cannot be delivered to ", share.destination());
        v1::AuditEntry entry = ShareEntry(share, "firebreak", action, summary);
        if (!share.last_error().empty()) (*entry.mutable_facts())["error"] = share.last_error();
        draft.Record(std::move(entry));
        return absl::OkStatus();
      })
      .status();
}

absl::Status ShareDesk::RecordFailure(uint64_t number, const absl::Status& why) {
  const absl::Time now = parts_.clock.Now();
  const double jitter = parts_.random.Uniform();
  return Record(number, [&](v1::Share& share) {
    share.set_last_error(PlainText(MessageOf(why), 512));
    if (absl::IsUnavailable(why) && share.attempts() < kAttemptsMax) {
      *share.mutable_next_attempt_at() = ToProto(now + WaitAfter(share.attempts(), jitter));
    } else {
      share.set_state(v1::SHARE_STATE_FAILED);
      share.clear_next_attempt_at();
    }
  }, "share.attempt-failed");
}

// One attempt, recorded before anything leaves: after a crash the ledger says that the bytes may be out.
absl::Status ShareDesk::Send(const v1::Share& share, const v1::Destination& destination) {
  ASSIGN_OR_RETURN(const uint64_t number, ShareNumber(share.id()));
  const absl::Time before = parts_.clock.Now();
  const double jitter = parts_.random.Uniform();
  RETURN_IF_ERROR(Record(number, [&](v1::Share& now) {
    now.set_state(v1::SHARE_STATE_DELIVERING);
    now.set_attempts(now.attempts() + 1);
    // A service that dies at this point again and again knocks no faster than one that is refused.
    *now.mutable_next_attempt_at() = ToProto(before + WaitAfter(now.attempts(), jitter));
  }, "share.attempted"));
  absl::StatusOr<TaxiiOutcome> outcome = Deliver(parts_, destination, share);
  if (!outcome.ok()) return RecordFailure(number, outcome.status());
  const absl::Time now = parts_.clock.Now();
  return Record(number, [&](v1::Share& current) { ApplyOutcome(current, *outcome, now); }, "share.answered");
}

// Asks what became of a post the receiver is still working on. An answer without news costs no commit.
absl::Status ShareDesk::AskAfter(const v1::Share& share, const v1::Destination& destination) {
  ASSIGN_OR_RETURN(const uint64_t number, ShareNumber(share.id()));
  const absl::Time now = parts_.clock.Now();
  const absl::StatusOr<TaxiiOutcome> outcome = Ask(parts_, destination, share);
  const bool waiting = outcome.ok() ? !outcome->complete : absl::IsUnavailable(outcome.status());
  if (waiting && now - FromProto(share.decided_at()) <= kPatience) {
    Look& look = looks_[number];
    look.at = now + Doubled(kFirstWait, look.times++, kLookMax);
    return outcome.status();
  }
  looks_.erase(number);
  if (waiting) return RecordFailure(number, absl::DeadlineExceededError("the receiver did not finish within 72 hours"));
  if (outcome.ok()) {
    return Record(number, [&](v1::Share& current) { ApplyOutcome(current, *outcome, now); }, "share.answered");
  }
  if (absl::IsNotFound(outcome.status())) {
    // Receivers forget statuses. Posting again is harmless and tells.
    return Record(number, [](v1::Share& current) { current.clear_remote_status_url(); }, "share.status-forgotten");
  }
  return RecordFailure(number, outcome.status());
}

absl::Status ShareDesk::DeliverOne(uint64_t number) {
  ASSIGN_OR_RETURN(const v1::Share share, LoadRecord(parts_.ledger.store(), keys::Share(number), NumberedId("SHR", number)));
  const absl::Time now = parts_.clock.Now();
  if (Over(share) || FromProto(share.next_attempt_at()) > now) return absl::OkStatus();
  if (const auto look = looks_.find(number); look != looks_.end() && look->second.at > now) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::Destination destination, LoadDestination(share.destination()));
  if (DestinationDigest(destination) != share.destination_digest()) {
    return RecordFailure(number, absl::FailedPreconditionError("the destination is not the one that was approved any more (next: request the share again)"));
  }
  if (share.attempts() >= kAttemptsMax && share.remote_status_url().empty()) {
    return RecordFailure(number, absl::DeadlineExceededError(StrCat("no success in ", kAttemptsMax, " attempts")));
  }
  if (const absl::Status bytes = CheckBytes(share); !bytes.ok()) return RecordFailure(number, bytes);
  return share.remote_status_url().empty() ? Send(share, destination) : AskAfter(share, destination);
}

absl::Status ShareDesk::DeliverDue() {
  if (!delivering_.TryLock()) return absl::OkStatus();
  absl::Status result;
  std::string after;
  do {
    auto due = ListRecords(parts_.ledger.store(), keys::SharesDue(), after, kDuePage);
    if (!due.ok()) {
      result = due.status();
      break;
    }
    after = due->next_after;
    for (const auto& [key, entry] : due->records) {
      const auto number = ShareNumber(entry.share());
      const absl::Status status = number.ok() ? DeliverOne(*number) : number.status();
      if (!status.ok()) parts_.log.Warning("share-delivery", {{"share", entry.share()}, {"error", std::string(MessageOf(status))}});
    }
  } while (!after.empty());
  delivering_.Unlock();
  return result;
}

}  // namespace firebreak
