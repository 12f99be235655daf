#include "firebreak/upkeep/scrubber.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/upkeep.h"

namespace firebreak {
namespace {

constexpr size_t kChunksAtOnce = 64;
constexpr absl::Duration kTurnMax = absl::Seconds(10);

}  // namespace

absl::Status Scrubber::Open() {
  ASSIGN_OR_RETURN(auto saved, FindRecord(ledger_.store(), keys::Scrub()));
  absl::MutexLock lock(&mutex_);
  if (saved) state_ = *std::move(saved);
  last_save_ = clock_.Now();
  return absl::OkStatus();
}

store::v1::ScrubState Scrubber::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

absl::Duration Scrubber::age() const {
  const store::v1::ScrubState now = state();
  if (now.has_round_ended_at()) return clock_.Now() - FromProto(now.round_ended_at());
  return now.has_round_began_at() ? clock_.Now() - FromProto(now.round_began_at()) : absl::ZeroDuration();
}

absl::Status Scrubber::Write(std::string_view action, const std::string& summary) {
  const store::v1::ScrubState now = state();
  auto build = [&](Draft& draft) -> absl::Status {
    draft.Put(keys::Scrub(), now);
    v1::AuditEntry entry = MakeEntry(Identity("firebreak"), action, summary);
    AddSubject(entry, "store");
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  absl::MutexLock lock(&mutex_);
  last_save_ = clock_.Now();
  moved_ = false;
  return absl::OkStatus();
}

absl::Status Scrubber::Save() {
  {
    absl::MutexLock lock(&mutex_);
    if (!moved_) return absl::OkStatus();
  }
  const store::v1::ScrubState now = state();
  return Write("store.scrub_paused", StrCat("the scrub has read ", now.chunks_read(), " chunks of this round"));
}

absl::Status Scrubber::EndRound() {
  store::v1::ScrubState ended;
  {
    absl::MutexLock lock(&mutex_);
    ended = state_;
    *state_.mutable_round_ended_at() = ToProto(clock_.Now());
    state_.clear_after();
    state_.clear_round_began_at();
    state_.clear_bytes_read();
    state_.clear_chunks_read();
  }
  return Write("store.scrubbed", StrCat("every chunk was read again: ", ended.chunks_read(), " chunks, ", ended.bytes_read(),
                                        " bytes; ", chunks_.damaged(), " are damaged"));
}

absl::Status Scrubber::Read(uint64_t budget) {
  std::vector<FoundDamage> found;
  uint64_t spent = 0;
  bool ended = false;
  while (spent < budget && !ended) {
    Digest after;
    if (const std::string raw = state().after(); raw.size() == 32) after = Digest::FromRaw(raw);
    ASSIGN_OR_RETURN(const std::vector<StoredChunk> page, chunks_.List(after, kChunksAtOnce));
    ended = page.empty();
    for (const StoredChunk& chunk : page) {
      uint64_t bytes = 0;
      const std::string problem = ExamineChunk(chunks_, chunk.digest, &bytes);
      if (!problem.empty()) found.push_back({chunk.digest, chunk.size_bytes, problem});
      spent += std::max<uint64_t>(bytes, 1);
      absl::MutexLock lock(&mutex_);
      state_.set_after(chunk.digest.raw());
      state_.set_chunks_read(state_.chunks_read() + 1);
      state_.set_bytes_read(state_.bytes_read() + bytes);
      moved_ = true;
      if (spent >= budget) break;
    }
  }
  if (!found.empty()) RETURN_IF_ERROR(damage_.Record(found, "scrub").status());
  return ended ? EndRound() : absl::OkStatus();
}

absl::Status Scrubber::Turn() {
  if (options_.bytes_per_second == 0) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  absl::Duration since;
  {
    absl::MutexLock lock(&mutex_);
    const bool resting = !state_.has_round_began_at();
    if (resting && state_.has_round_ended_at() && now < FromProto(state_.round_ended_at()) + options_.round_every) {
      return absl::OkStatus();
    }
    if (resting) *state_.mutable_round_began_at() = ToProto(now);
    since = last_turn_ == absl::InfinitePast() ? absl::Seconds(1) : now - last_turn_;
    last_turn_ = now;
  }
  since = std::clamp(since, absl::ZeroDuration(), kTurnMax);
  RETURN_IF_ERROR(Read(static_cast<uint64_t>(absl::ToDoubleSeconds(since) * static_cast<double>(options_.bytes_per_second))));
  bool due = false;
  {
    absl::MutexLock lock(&mutex_);
    due = moved_ && now >= last_save_ + options_.save_every;
  }
  return due ? Save() : absl::OkStatus();
}

}  // namespace firebreak
