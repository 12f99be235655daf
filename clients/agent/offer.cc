#include "clients/agent/offer.h"

#include <fstream>

#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {
namespace {

// Empty when the file does not hold the bytes.
std::string ReadRange(const std::filesystem::path& path, uint64_t offset, uint64_t size) {
  if (size > kChunkBytesMax) return "";
  std::ifstream file(path, std::ios::binary);
  std::string bytes(static_cast<size_t>(size), '\0');
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!file || file.gcount() != static_cast<std::streamsize>(size)) return "";
  return bytes;
}

class Search {
 public:
  Search(ControlPort& control, std::set<std::string> wanted) : control_(control), wanted_(std::move(wanted)) {}

  // Entries come in order; a long file goes on in the next one.
  absl::Status Look(const std::filesystem::path& folder, const v1::FileEntry& entry) {
    if (!CheckPath(entry.path()).ok()) return absl::OkStatus();   // a list that leads out of the folder is not followed
    if (entry.chunks_before() == 0) offset_ = 0;
    for (const v1::ChunkRef& chunk : entry.chunks()) {
      if (wanted_.contains(chunk.digest())) RETURN_IF_ERROR(Offer(folder / entry.path(), chunk));
      offset_ += chunk.size_bytes();
    }
    return absl::OkStatus();
  }

  bool over() const { return wanted_.empty(); }
  uint64_t taken() const { return taken_; }

 private:
  absl::Status Offer(const std::filesystem::path& path, const v1::ChunkRef& ref) {
    std::string bytes = ReadRange(path, offset_, ref.size_bytes());
    if (Sha256(bytes).raw() != ref.digest()) return absl::OkStatus();   // damaged here too, or another file by now
    v1::OfferChunksRequest request;
    v1::Chunk* chunk = request.add_chunks();
    chunk->set_digest(ref.digest());
    chunk->set_data(std::move(bytes));
    ASSIGN_OR_RETURN(const v1::OfferChunksResponse answer, control_.OfferChunks(request));
    taken_ += answer.taken();
    wanted_.erase(ref.digest());
    return absl::OkStatus();
  }

  ControlPort& control_;
  std::set<std::string> wanted_;
  uint64_t offset_ = 0;
  uint64_t taken_ = 0;
};

}  // namespace

absl::StatusOr<uint64_t> OfferWanted(SnapshotPort& snapshots, ControlPort& control, const std::set<std::string>& wanted,
                                     const std::vector<HeldSnapshot>& held) {
  Search search(control, wanted);
  for (const auto& [digest, folder] : held) {
    v1::ListFilesRequest request;
    request.set_snapshot(digest.text());
    do {
      if (search.over()) return search.taken();
      const absl::StatusOr<v1::ListFilesResponse> page = snapshots.ListFiles(request);
      if (!page.ok()) break;
      for (const v1::FileEntry& entry : page->files()) RETURN_IF_ERROR(search.Look(folder, entry));
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
  }
  return search.taken();
}

}  // namespace firebreak
