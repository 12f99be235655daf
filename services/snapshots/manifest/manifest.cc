#include "firebreak/snapshots/manifest.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/names.h"

namespace firebreak {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kComponentBytesMax = 255;   // NAME_MAX on every file system we restore to

// A path as it may stand in a message: escaped and short.
std::string Quote(std::string_view path) {
  std::string shown = absl::CHexEscape(ToAbsl(path.substr(0, 200)));
  if (path.size() > 200) shown += "…";
  return StrCat("'", shown, "'");
}

absl::Status Refuse(std::string_view path, std::string_view rule) {
  return absl::InvalidArgumentError(StrCat("path ", Quote(path), " ", rule));
}

bool SameFile(const v1::FileEntry& a, const v1::FileEntry& b) {
  return a.path() == b.path() && a.size_bytes() == b.size_bytes() && a.digest() == b.digest();
}

}  // namespace

absl::Status CheckPath(std::string_view path) {
  if (path.empty()) return absl::InvalidArgumentError("a file has an empty path");
  if (path.size() > kPathBytesMax) return Refuse(path, StrCat("is longer than ", kPathBytesMax, " bytes"));
  if (!IsValidUtf8(path)) return Refuse(path, "is not valid UTF-8");
  if (path.front() == '/') return Refuse(path, "is absolute");
  for (char c : path) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return Refuse(path, "holds a control character");
    if (c == '\\') return Refuse(path, "holds a backslash");
  }
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty()) return Refuse(path, "holds an empty component");
    if (part == "." || part == "..") return Refuse(path, StrCat("holds a '", part, "' component"));
    if (part.size() > kComponentBytesMax) return Refuse(path, "holds a component longer than 255 bytes");
    begin = end + 1;
  }
  if (path == kSignatureFileName) return Refuse(path, "is reserved for the signature; leave it out of the content");
  return absl::OkStatus();
}

absl::Status CheckFileEntry(const v1::FileEntry& entry) {
  RETURN_IF_ERROR(CheckPath(entry.path()));
  const std::string file = StrCat("file ", Quote(entry.path()));
  if (entry.digest().size() != kDigestBytes) return absl::InvalidArgumentError(StrCat(file, ": its digest is not 32 bytes"));
  if (entry.size_bytes() > kSnapshotBytesMax) return absl::InvalidArgumentError(StrCat(file, ": larger than 64 TiB"));
  uint64_t sum = 0;
  for (const v1::ChunkRef& chunk : entry.chunks()) {
    if (chunk.digest().size() != kDigestBytes) {
      return absl::InvalidArgumentError(StrCat(file, ": a chunk's digest is not 32 bytes"));
    }
    if (chunk.size_bytes() == 0 || chunk.size_bytes() > kChunkBytesMax) {
      return absl::InvalidArgumentError(
          StrCat(file, ": a chunk of ", chunk.size_bytes(), " bytes (allowed: 1 to ", kChunkBytesMax, ")"));
    }
    sum += chunk.size_bytes();
  }
  if (sum > entry.size_bytes()) {
    return absl::InvalidArgumentError(
        StrCat(file, ": its chunks hold ", sum, " bytes, the file only ", entry.size_bytes()));
  }
  if (entry.chunks_before() > 0 && entry.chunks().empty()) {
    return absl::InvalidArgumentError(StrCat(file, ": goes on without chunks"));
  }
  return absl::OkStatus();
}

SnapshotDigest::SnapshotDigest(v1::SnapshotKind kind) {
  stream_.Update("firebreak-snapshot-v1\n");
  stream_.Update(KindText(kind));
  stream_.Update("\n");
}

void SnapshotDigest::AddFile(std::string_view path, uint64_t size_bytes, std::string_view file_digest) {
  stream_.Update(ToBigEndian64(path.size()));
  stream_.Update(path);
  stream_.Update(ToBigEndian64(size_bytes));
  stream_.Update(file_digest);
}

Digest SnapshotDigest::Finish() { return stream_.Finish(); }

// In code-point order everything that begins with "a" stands together, so the files that could be a folder of a later path
// are exactly those on this stack.
absl::Status ManifestChecker::CheckFolders(const std::string& path) {
  while (!open_prefixes_.empty() && path.compare(0, open_prefixes_.back().size(), open_prefixes_.back()) != 0) {
    open_prefixes_.pop_back();
  }
  for (const std::string& file : open_prefixes_) {
    if (path[file.size()] == '/') {
      return absl::InvalidArgumentError(StrCat("path ", Quote(file), " is a file and also a folder of ", Quote(path)));
    }
  }
  open_prefixes_.push_back(path);
  return absl::OkStatus();
}

absl::Status ManifestChecker::BeginFile(const v1::FileEntry& entry) {
  if (any_) {
    if (bytes_seen_ != current_.size_bytes()) {
      return absl::InvalidArgumentError(StrCat("file ", Quote(current_.path()), ": its chunks hold ", bytes_seen_,
                                               " bytes, the file ", current_.size_bytes()));
    }
    if (entry.path() == current_.path()) return Refuse(entry.path(), "appears twice");
    if (entry.path() < current_.path()) {
      return absl::InvalidArgumentError(
          StrCat("files are not in path order: ", Quote(entry.path()), " comes after ", Quote(current_.path())));
    }
  }
  if (entry.chunks_before() != 0) return Refuse(entry.path(), "goes on from a page that was not sent");
  RETURN_IF_ERROR(CheckFolders(entry.path()));
  if (++totals_.file_count > kFilesMax) {
    return absl::InvalidArgumentError(StrCat("more than ", kFilesMax, " files in one snapshot"));
  }
  totals_.size_bytes += entry.size_bytes();
  if (totals_.size_bytes > kSnapshotBytesMax) {
    return absl::InvalidArgumentError("snapshot larger than 64 TiB");
  }
  current_.set_path(entry.path());
  current_.set_size_bytes(entry.size_bytes());
  current_.set_digest(entry.digest());
  digest_.AddFile(entry.path(), entry.size_bytes(), entry.digest());
  any_ = true;
  chunks_seen_ = 0;
  bytes_seen_ = 0;
  return absl::OkStatus();
}

absl::Status ManifestChecker::Add(const v1::FileEntry& entry) {
  RETURN_IF_ERROR(CheckFileEntry(entry));
  const bool goes_on = any_ && entry.chunks_before() > 0;
  if (goes_on) {
    if (!SameFile(entry, current_) || entry.chunks_before() != chunks_seen_) {
      return Refuse(entry.path(), StrCat("goes on at chunk ", entry.chunks_before(), ", but ", chunks_seen_,
                                         " chunks of ", Quote(current_.path()), " were listed"));
    }
  } else {
    RETURN_IF_ERROR(BeginFile(entry));
  }
  for (const v1::ChunkRef& chunk : entry.chunks()) bytes_seen_ += chunk.size_bytes();
  chunks_seen_ += static_cast<uint64_t>(entry.chunks_size());
  if (bytes_seen_ > current_.size_bytes()) {
    return absl::InvalidArgumentError(StrCat("file ", Quote(current_.path()), ": its chunks hold more than its ",
                                             current_.size_bytes(), " bytes"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ManifestTotals> ManifestChecker::Finish() {
  if (!any_) return absl::InvalidArgumentError("a snapshot needs at least one file");
  if (bytes_seen_ != current_.size_bytes()) {
    return absl::InvalidArgumentError(StrCat("file ", Quote(current_.path()), ": its chunks hold ", bytes_seen_,
                                             " bytes, the file ", current_.size_bytes(), " (a page is missing?)"));
  }
  totals_.digest = digest_.Finish();
  return totals_;
}

std::vector<v1::ManifestPage> PageWriter::Add(v1::FileEntry file) {
  std::vector<v1::ManifestPage> full;
  google::protobuf::RepeatedPtrField<v1::ChunkRef> chunks;
  chunks.Swap(file.mutable_chunks());
  int next = 0;
  do {
    v1::FileEntry* entry = page_.add_files();
    *entry = file;
    entry->set_chunks_before(static_cast<uint64_t>(next));
    bytes_ += entry->ByteSizeLong() + 8;
    for (; next < chunks.size() && bytes_ < kPageBytesTarget; ++next) {
      bytes_ += chunks.Get(next).ByteSizeLong() + 4;
      entry->add_chunks()->Swap(chunks.Mutable(next));
    }
    if (bytes_ >= kPageBytesTarget) {
      // An entry may have found no room for a single chunk; it belongs to the next page then, as a whole.
      const bool homeless = entry->chunks().empty() && next < chunks.size();
      if (homeless) page_.mutable_files()->RemoveLast();
      if (!page_.files().empty()) full.push_back(std::move(page_));
      page_ = v1::ManifestPage();
      bytes_ = 0;
    }
  } while (next < chunks.size());
  return full;
}

v1::ManifestPage PageWriter::Finish() {
  bytes_ = 0;
  return std::exchange(page_, v1::ManifestPage());
}

std::string EncodePage(const v1::ManifestPage& page) { return page.SerializeAsString(); }

}  // namespace firebreak
