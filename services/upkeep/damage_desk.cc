#include "firebreak/upkeep/damage_desk.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/reports.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"
#include "services/upkeep/manifest_reader.h"

namespace firebreak {
namespace {

constexpr size_t kRows = 256;
constexpr int kNamesMax = 20;          // of each sort, per chunk
constexpr int kSnapshotsMax = 5000;    // touched by one chunk
constexpr size_t kProofsAtOnce = 40;   // one draft takes 100 writes
constexpr size_t kOfferBytesMax = size_t{3} << 20;
constexpr size_t kClosedAtOnce = 64;

using Places = absl::flat_hash_map<Digest, v1::ChunkDamage*>;

std::string DigestOfKey(const std::string& prefix, const std::string& key) {
  return key.substr(prefix.size(), key.find('\0', prefix.size()) - prefix.size());
}

void AddNew(google::protobuf::RepeatedPtrField<std::string>* list, int max, const std::string& text) {
  if (list->size() < max && std::find(list->begin(), list->end(), text) == list->end()) *list->Add() = text;
}

// Notes in `places` what one manifest names of them; a page that cannot be read ends its manifest, and is among them itself.
void NoteManifest(const ChunkStore& chunks, const store::v1::Manifest& manifest, const std::string& digest, const std::string& name,
                  Places& places) {
  const absl::Status walked = VisitChunks(chunks, manifest.pages(), [&](const Digest& chunk, const v1::FileEntry* entry) {
    auto place = places.find(chunk);
    if (place == places.end()) return absl::OkStatus();
    v1::ChunkDamage& damage = *place->second;
    AddNew(damage.mutable_snapshot_digests(), kSnapshotsMax, digest);
    AddNew(damage.mutable_snapshots(), kNamesMax, name);
    AddNew(damage.mutable_files(), kNamesMax, StrCat(name, ": ", entry == nullptr ? "(a page of its list of files)" : entry->path()));
    return absl::OkStatus();
  });
  static_cast<void>(walked);
}

}  // namespace

std::string ExamineChunk(const ChunkStore& chunks, const Digest& digest, uint64_t* bytes_read) {
  absl::StatusOr<std::string> bytes = chunks.Get(digest);
  if (absl::IsNotFound(bytes.status())) return "";   // collected since it was listed
  if (!bytes.ok()) return std::string(MessageOf(bytes.status()));
  *bytes_read += bytes->size();
  return Sha256(*bytes) == digest ? "" : StrCat("chunk ", digest.text(), ": its bytes do not match its digest");
}

absl::Status DamageDesk::Open() {
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::ChunkDamages(), after, kRows));
    for (const auto& [key, damage] : page.records) {
      ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(damage.digest()));
      chunks_.SetDamaged(digest, true);
    }
    after = page.next_after;
  } while (!after.empty());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::ChunkDamage>> DamageDesk::Describe(const std::vector<FoundDamage>& found,
                                                                  std::string_view found_by) const {
  std::vector<v1::ChunkDamage> damage(found.size());
  Places places;
  for (size_t i = 0; i < found.size(); ++i) {
    damage[i].set_digest(found[i].digest.text());
    damage[i].set_size_bytes(found[i].size_bytes);
    damage[i].set_problem(found[i].problem);
    damage[i].set_found_by(std::string(found_by));
    *damage[i].mutable_found_at() = ToProto(clock_.Now());
    places[found[i].digest] = &damage[i];
  }
  const MetaStore& store = ledger_.store();
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(store, keys::SnapshotManifests(), after, kRows));
    for (const auto& [key, manifest] : page.records) {
      const std::string digest = DigestOfKey(keys::SnapshotManifests().bytes, key);
      ASSIGN_OR_RETURN(auto snapshot, FindRecord(store, keys::SnapshotByDigest(digest)));
      NoteManifest(chunks_, manifest, digest, snapshot ? SnapshotName(*snapshot) : digest, places);
    }
    after = page.next_after;
  } while (!after.empty());
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(store, keys::AllSnapshotSignatures(), after, kRows));
    for (const auto& [key, signature] : page.records) {
      const std::string digest = DigestOfKey(keys::AllSnapshotSignatures().bytes, key);
      for (const v1::ChunkRef& ref : signature.bundle_chunks()) {
        ASSIGN_OR_RETURN(const Digest chunk, ToDigest(ref.digest()));
        auto place = places.find(chunk);
        if (place == places.end()) continue;
        AddNew(place->second->mutable_snapshot_digests(), kSnapshotsMax, digest);
        AddNew(place->second->mutable_files(), kNamesMax, StrCat(digest, ": (its signature)"));
      }
    }
    after = page.next_after;
  } while (!after.empty());
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(store, keys::Reports(), after, kRows));
    for (const auto& [key, report] : page.records) {
      ASSIGN_OR_RETURN(const Digest chunk, Digest::Parse(report.digest()));
      auto place = places.find(chunk);
      if (place != places.end()) AddNew(place->second->mutable_files(), kNamesMax, StrCat("report ", report.id()));
    }
    after = page.next_after;
  } while (!after.empty());
  for (v1::ChunkDamage& one : damage) {
    for (const std::string& text : one.snapshot_digests()) {
      ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(text));
      if (!serving_ || one.deployments_size() >= kNamesMax) continue;
      ASSIGN_OR_RETURN(const std::vector<DeploymentName> serving, serving_(digest));
      for (const DeploymentName& name : serving) AddNew(one.mutable_deployments(), kNamesMax, name.text());
    }
  }
  return damage;
}

absl::Status DamageDesk::FailProofs(const v1::ChunkDamage& damage, size_t from) {
  const size_t end = std::min<size_t>(from + kProofsAtOnce, static_cast<size_t>(damage.snapshot_digests_size()));
  auto build = [&](Draft& draft) -> absl::Status {
    if (from == 0) draft.Put(keys::ChunkDamage(damage.digest()), damage);
    for (size_t i = from; i < end; ++i) {
      const std::string& snapshot = damage.snapshot_digests(static_cast<int>(i));
      ASSIGN_OR_RETURN(auto proven, draft.Find(keys::SnapshotProven(snapshot)));
      store::v1::Proven failed = proven.value_or(store::v1::Proven());
      if (failed.intact()) failed.clear_findings();
      failed.set_intact(false);
      *failed.mutable_time() = damage.found_at();
      const std::string file = damage.files().empty() ? "" : StrCat(damage.files(0), ": ");
      if (failed.findings_size() < kNamesMax) failed.add_findings(StrCat(file, damage.problem()));
      draft.Put(keys::SnapshotProven(snapshot), failed);
    }
    v1::AuditEntry entry = MakeEntry(
        Identity("firebreak"), "store.chunk_damaged",
        StrCat("chunk ", damage.digest(), " is damaged (found by ", damage.found_by(), "); it touches ", damage.snapshot_digests_size(),
               " snapshots", damage.snapshots().empty() ? "" : StrCat(", among them ", damage.snapshots(0))));
    AddSubject(entry, StrCat("chunk/", damage.digest()));
    for (const std::string& name : damage.deployments()) AddSubject(entry, StrCat("deployment/", name));
    for (size_t i = from; i < end; ++i) AddSubject(entry, StrCat("snapshot/", damage.snapshot_digests(static_cast<int>(i))));
    for (const std::string& name : damage.snapshots()) AddSubject(entry, name);
    (*entry.mutable_facts())["problem"] = damage.problem().substr(0, 256);
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  return ledger_.Transact(build).status();
}

absl::Status DamageDesk::RecordOne(const v1::ChunkDamage& damage) {
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(damage.digest()));
  for (size_t from = 0; from == 0 || from < static_cast<size_t>(damage.snapshot_digests_size()); from += kProofsAtOnce) {
    RETURN_IF_ERROR(FailProofs(damage, from));
  }
  chunks_.SetDamaged(digest, true);
  log_.Error("chunk_damaged", {{"chunk", damage.digest()}, {"problem", damage.problem()}});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::ChunkDamage>> DamageDesk::Record(const std::vector<FoundDamage>& found, std::string_view found_by) {
  std::vector<FoundDamage> fresh;
  for (const FoundDamage& one : found) {
    ASSIGN_OR_RETURN(auto known, FindRecord(ledger_.store(), keys::ChunkDamage(one.digest.text())));
    if (!known) fresh.push_back(one);
  }
  if (fresh.empty()) return std::vector<v1::ChunkDamage>();
  ASSIGN_OR_RETURN(std::vector<v1::ChunkDamage> damage, Describe(fresh, found_by));
  for (const v1::ChunkDamage& one : damage) RETURN_IF_ERROR(RecordOne(one));
  return damage;
}

absl::Status DamageDesk::Close(const v1::ChunkDamage& damage, std::string_view action, std::string_view how) {
  auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(auto known, draft.Find(keys::ChunkDamage(damage.digest())));
    if (!known) return absl::OkStatus();
    draft.Delete(keys::ChunkDamage(damage.digest()));
    v1::AuditEntry entry = MakeEntry(Identity("firebreak"), action, StrCat("chunk ", damage.digest(), " ", how));
    AddSubject(entry, StrCat("chunk/", damage.digest()));
    for (const std::string& name : damage.snapshots()) AddSubject(entry, name);
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(damage.digest()));
  chunks_.SetDamaged(digest, false);
  log_.Info("chunk_damage_closed", {{"chunk", damage.digest()}, {"how", std::string(how)}});
  return absl::OkStatus();
}

absl::Status DamageDesk::CloseHealed(const Digest& digest) {
  ASSIGN_OR_RETURN(auto damage, FindRecord(ledger_.store(), keys::ChunkDamage(digest.text())));
  uint64_t bytes = 0;
  if (!damage) return absl::OkStatus();
  if (!ExamineChunk(chunks_, digest, &bytes).empty() || bytes == 0) {
    chunks_.SetDamaged(digest, true);   // damaged anew: asked for again
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Close(*damage, "store.chunk_healed", "holds the right bytes again"));
  for (const std::string& text : damage->snapshot_digests()) {
    ASSIGN_OR_RETURN(const Digest snapshot, Digest::Parse(text));
    ASSIGN_OR_RETURN(auto manifest, FindRecord(ledger_.store(), keys::SnapshotManifest(text)));
    if (!manifest) continue;
    // Other chunks of it may still be damaged; then this says so, and the next healing asks again.
    RETURN_IF_ERROR(vault_.Verify(snapshot, Identity("firebreak")).status());
  }
  return absl::OkStatus();
}

absl::Status DamageDesk::CloseUnnamed() {
  std::vector<FoundDamage> gone;
  for (const Digest& digest : chunks_.ListDamaged(kClosedAtOnce)) {
    if (absl::IsNotFound(chunks_.Get(digest).status())) gone.push_back({digest, 0, ""});
  }
  if (gone.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<v1::ChunkDamage> described, Describe(gone, ""));
  for (const v1::ChunkDamage& one : described) {
    if (one.files().empty()) RETURN_IF_ERROR(Close(one, "store.damage_collected", "was collected as garbage"));
  }
  return absl::OkStatus();
}

absl::Status DamageDesk::Settle() {
  std::vector<FoundDamage> found;
  for (const Digest& digest : chunks_.TakeSuspects()) {
    uint64_t bytes = 0;
    const std::string problem = ExamineChunk(chunks_, digest, &bytes);
    const bool twice = std::any_of(found.begin(), found.end(), [&](const FoundDamage& one) { return one.digest == digest; });
    if (!problem.empty() && !twice) found.push_back({digest, bytes, problem});
  }
  chunks_.TakeSuspects();   // what looking at them added
  if (!found.empty()) RETURN_IF_ERROR(Record(found, "read").status());
  const std::vector<Digest> replaced = chunks_.TakeReplaced();
  if (!replaced.empty()) {
    // The record that says "damaged" goes only after the right bytes are durable.
    RETURN_IF_ERROR(chunks_.Sync());
    for (const Digest& digest : replaced) RETURN_IF_ERROR(CloseHealed(digest));
  }
  return chunks_.damaged() > 0 ? CloseUnnamed() : absl::OkStatus();
}

absl::StatusOr<v1::ListDamageResponse> DamageDesk::ListDamage(const Caller&, const v1::ListDamageRequest&) const {
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::ChunkDamages(), "", kRows));
  v1::ListDamageResponse response;
  for (auto& [key, damage] : page.records) *response.add_damage() = std::move(damage);
  return response;
}

absl::StatusOr<v1::OfferChunksResponse> DamageDesk::OfferChunks(const Caller&, const v1::OfferChunksRequest& request) {
  v1::OfferChunksResponse response;
  const std::vector<Digest> wanted = chunks_.ListDamaged(chunks_.damaged());
  std::vector<ChunkView> views;
  size_t bytes = 0;
  for (const v1::Chunk& chunk : request.chunks()) {
    bytes += chunk.data().size();
    if (request.chunks_size() > 1 && bytes > kOfferBytesMax) {
      return absl::ResourceExhaustedError(StrCat("more than ", kOfferBytesMax, " bytes of chunks in one call"));
    }
    const Digest digest = Sha256(chunk.data());
    if (digest.raw() != chunk.digest()) return absl::DataLossError(StrCat("chunk ", ToHex(chunk.digest()), ": its bytes are others"));
    if (std::find(wanted.begin(), wanted.end(), digest) != wanted.end()) views.push_back({digest, chunk.data()});
  }
  RETURN_IF_ERROR(chunks_.Put(views));
  response.set_taken(views.size());
  return response;
}

}  // namespace firebreak
