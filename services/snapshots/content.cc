#include "services/snapshots/content.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr size_t kMissingBatch = 1024;
constexpr size_t kMissingShown = 10;

// Digests stored in our own records and checked pages are 32 bytes; damaged ones must not reach Digest::FromRaw.
absl::StatusOr<Digest> StoredDigest(const std::string& raw) {
  if (raw.size() != 32) return absl::DataLossError("a stored digest is not 32 bytes");
  return Digest::FromRaw(raw);
}

std::string ShortHex(const std::string& raw) { return StrCat(ToHex(raw).substr(0, 16), "…"); }

// Asks for missing chunks in batches, remembering where each stands.
class MissingFinder {
 public:
  MissingFinder(const ChunkStore& chunks, ManifestReport& report) : chunks_(chunks), report_(report) {}

  absl::Status Add(const v1::FileEntry& entry) {
    uint64_t number = entry.chunks_before();
    for (const v1::ChunkRef& chunk : entry.chunks()) {
      ASSIGN_OR_RETURN(Digest digest, StoredDigest(chunk.digest()));
      digests_.push_back(std::move(digest));
      places_.push_back(StrCat("file '", entry.path(), "': chunk ", ShortHex(chunk.digest()), " (number ", number, ")"));
      ++number;
      ++report_.chunk_count;
      if (digests_.size() >= kMissingBatch) RETURN_IF_ERROR(Flush());
    }
    return absl::OkStatus();
  }

  absl::Status Flush() {
    if (digests_.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(std::vector<Digest> missing, chunks_.Missing(digests_));
    report_.missing_total += missing.size();
    size_t at = 0;
    for (const Digest& digest : missing) {
      if (report_.missing.size() >= kMissingShown) break;
      while (at < digests_.size() && digests_[at] != digest) ++at;
      if (at < digests_.size()) report_.missing.push_back(places_[at++]);
    }
    digests_.clear();
    places_.clear();
    return absl::OkStatus();
  }

 private:
  const ChunkStore& chunks_;
  ManifestReport& report_;
  std::vector<Digest> digests_;
  std::vector<std::string> places_;
};

}  // namespace

absl::StatusOr<v1::ManifestPage> LoadPage(const ChunkStore& chunks, const store::v1::PageRef& ref) {
  ASSIGN_OR_RETURN(Digest digest, StoredDigest(ref.digest()));
  absl::StatusOr<std::string> bytes = chunks.Get(digest);
  if (!bytes.ok()) {
    return absl::DataLossError(StrCat("manifest page ", ShortHex(ref.digest()), ": ", MessageOf(bytes.status())));
  }
  v1::ManifestPage page;
  if (Sha256(*bytes) != digest || !page.ParseFromString(*bytes)) {
    return absl::DataLossError(StrCat("manifest page ", ShortHex(ref.digest()), ": its bytes do not match its digest"));
  }
  return page;
}

absl::Status ForEachEntry(const ChunkStore& chunks, const PageRefs& pages,
                          absl::FunctionRef<absl::Status(const v1::FileEntry&)> visit) {
  for (const store::v1::PageRef& ref : pages) {
    ASSIGN_OR_RETURN(v1::ManifestPage page, LoadPage(chunks, ref));
    for (const v1::FileEntry& entry : page.files()) RETURN_IF_ERROR(visit(entry));
  }
  return absl::OkStatus();
}

absl::StatusOr<ManifestReport> ExamineManifest(const ChunkStore& chunks, v1::SnapshotKind kind, const PageRefs& pages,
                                               absl::FunctionRef<absl::Status(const v1::FileEntry&)> visit) {
  ManifestReport report;
  ManifestChecker checker(kind);
  MissingFinder missing(chunks, report);
  RETURN_IF_ERROR(ForEachEntry(chunks, pages, [&](const v1::FileEntry& entry) -> absl::Status {
    RETURN_IF_ERROR(checker.Add(entry));
    RETURN_IF_ERROR(visit(entry));
    return missing.Add(entry);
  }));
  RETURN_IF_ERROR(missing.Flush());
  ASSIGN_OR_RETURN(report.totals, checker.Finish());
  return report;
}

absl::StatusOr<ChunkRefs> StoreBytes(ChunkStore& chunks, std::string_view bytes) {
  ChunkRefs refs;
  for (size_t begin = 0; begin < bytes.size(); begin += kChunkBytesDefault) {
    const std::string_view piece = bytes.substr(begin, kChunkBytesDefault);
    const Digest digest = Sha256(piece);
    const ChunkView view{digest, piece};
    RETURN_IF_ERROR(chunks.Put(absl::MakeConstSpan(&view, 1)));
    v1::ChunkRef* ref = refs.Add();
    ref->set_digest(digest.raw());
    ref->set_size_bytes(piece.size());
  }
  return refs;
}

}  // namespace firebreak
