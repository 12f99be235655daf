// CompareFolder: a folder on disk held against the manifest the other side lists; both come in path order, so one merge does.
#include <algorithm>
#include <optional>
#include <utility>

#include "clients/transfer/folder_scan.h"
#include "clients/transfer/retry.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/snapshots/manifest.h"
#include "firebreak/transfer/pull.h"

namespace firebreak {
namespace {

constexpr size_t kFindingsMax = 100;

}  // namespace

absl::StatusOr<std::vector<std::string>> CompareFolder(SnapshotPort& port, const Digest& digest,
                                                       const std::filesystem::path& folder) {
  v1::GetSnapshotRequest which;
  which.set_snapshot(digest.text());
  ASSIGN_OR_RETURN(v1::GetSnapshotResponse found, port.GetSnapshot(which));
  std::vector<std::string> findings;
  absl::StatusOr<FolderTotals> counted = CountFolder(folder, {});
  if (!counted.ok()) return std::vector<std::string>{std::string(MessageOf(counted.status()))};
  ASSIGN_OR_RETURN(FolderWalk walk, FolderWalk::Open(folder, {}));
  ScannedFile local;
  ASSIGN_OR_RETURN(bool more, walk.Next(local));
  auto note = [&](std::string text) {
    if (findings.size() < kFindingsMax) findings.push_back(std::move(text));
  };
  ManifestChecker checker(found.snapshot().kind());
  v1::ListFilesRequest request;
  request.set_snapshot(digest.text());
  do {
    ASSIGN_OR_RETURN(v1::ListFilesResponse page, port.ListFiles(request));
    for (const v1::FileEntry& entry : page.files()) {
      absl::Status allowed = checker.Add(entry);
      if (!allowed.ok()) return absl::DataLossError(StrCat("refused: ", MessageOf(allowed)));
      if (entry.chunks_before() > 0) continue;
      while (more && local.path < entry.path()) {
        note(StrCat("file '", local.path, "' does not belong here"));
        ASSIGN_OR_RETURN(more, walk.Next(local));
      }
      if (!more || local.path != entry.path()) {
        note(StrCat("file '", entry.path(), "' is missing"));
        continue;
      }
      absl::StatusOr<std::string> hash = HashFile(walk.root(), local);
      if (!hash.ok()) {
        note(std::string(MessageOf(hash.status())));
      } else if (*hash != entry.digest()) {
        note(StrCat("file '", entry.path(), "' has other content"));
      }
      ASSIGN_OR_RETURN(more, walk.Next(local));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  while (more) {
    note(StrCat("file '", local.path, "' does not belong here"));
    ASSIGN_OR_RETURN(more, walk.Next(local));
  }
  ASSIGN_OR_RETURN(ManifestTotals totals, checker.Finish());
  if (totals.digest != digest) return absl::DataLossError(StrCat("the files listed make ", totals.digest.text()));
  return findings;
}

}  // namespace firebreak
