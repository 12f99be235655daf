#include "services/upkeep/manifest_reader.h"

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"

namespace firebreak {

absl::StatusOr<Digest> ToDigest(const std::string& raw) {
  if (raw.size() != 32) return absl::DataLossError("a stored digest is not 32 bytes");
  return Digest::FromRaw(raw);
}

std::string ShortDigest(const Digest& digest) { return StrCat(ToHex(digest.raw()).substr(0, 16), "…"); }

absl::StatusOr<v1::ManifestPage> ReadPage(const ChunkStore& chunks, const store::v1::PageRef& ref) {
  ASSIGN_OR_RETURN(const Digest digest, ToDigest(ref.digest()));
  absl::StatusOr<std::string> bytes = chunks.Get(digest);
  if (!bytes.ok()) return absl::DataLossError(StrCat("manifest page ", ShortDigest(digest), ": ", MessageOf(bytes.status())));
  v1::ManifestPage page;
  if (Sha256(*bytes) != digest || !page.ParseFromString(*bytes)) {
    return absl::DataLossError(StrCat("manifest page ", ShortDigest(digest), ": its bytes do not match its digest"));
  }
  return page;
}

absl::Status VisitChunks(const ChunkStore& chunks, const PageList& pages,
                         absl::FunctionRef<absl::Status(const Digest&, const v1::FileEntry*)> visit) {
  for (const store::v1::PageRef& ref : pages) {
    ASSIGN_OR_RETURN(const Digest page_digest, ToDigest(ref.digest()));
    RETURN_IF_ERROR(visit(page_digest, nullptr));
    ASSIGN_OR_RETURN(const v1::ManifestPage page, ReadPage(chunks, ref));
    for (const v1::FileEntry& entry : page.files()) {
      for (const v1::ChunkRef& chunk : entry.chunks()) {
        ASSIGN_OR_RETURN(const Digest digest, ToDigest(chunk.digest()));
        RETURN_IF_ERROR(visit(digest, &entry));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace firebreak
