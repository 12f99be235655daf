#include "firebreak/diff/diff_desk.h"

#include <utility>

#include "firebreak/base/status.h"

namespace firebreak {

DiffSource DiffDesk::SourceOf(const Caller& caller, const std::string& digest) {
  DiffSource source;
  source.list = [this, caller, digest](const std::string& page_token) {
    v1::ListFilesRequest request;
    request.set_snapshot(digest);
    request.set_page_token(page_token);
    return vault_.ListFiles(caller, request);
  };
  source.chunk = [this](const Digest& chunk) { return chunks_.Get(chunk); };
  return source;
}

absl::StatusOr<v1::DiffSnapshotsResponse> DiffDesk::DiffSnapshots(const Caller& caller, const v1::DiffSnapshotsRequest& request) {
  ASSIGN_OR_RETURN(v1::Snapshot before, vault_.Resolve(request.before()));
  ASSIGN_OR_RETURN(v1::Snapshot after, vault_.Resolve(request.after()));
  const DiffSource old_side = SourceOf(caller, before.digest());
  const DiffSource new_side = SourceOf(caller, after.digest());
  const DiffWish wish{.page_token = request.page_token(), .files_only = request.files_only()};
  ASSIGN_OR_RETURN(v1::DiffSnapshotsResponse response, DiffPage(old_side, new_side, wish));
  *response.mutable_before() = std::move(before);
  *response.mutable_after() = std::move(after);
  return response;
}

}  // namespace firebreak
