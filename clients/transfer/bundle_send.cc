#include "clients/transfer/bundle_send.h"

#include <utility>

#include "clients/transfer/retry.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {
namespace {

constexpr size_t kInlineMax = size_t{1} << 20;    // larger bundles travel as chunks

absl::Status SendChunk(SnapshotPort& port, const RetryPolicy& retry, std::string data, v1::CommitPushRequest& commit) {
  v1::PutChunksRequest piece;
  piece.set_push_id(commit.push_id());
  v1::Chunk* chunk = piece.add_chunks();
  chunk->set_digest(Sha256(data).raw());
  v1::ChunkRef* ref = commit.add_bundle_chunks();
  ref->set_digest(chunk->digest());
  ref->set_size_bytes(data.size());
  chunk->set_data(std::move(data));
  return Retry(retry, "send signature", [&] { return port.PutChunks(piece); }).status();
}

}  // namespace

absl::Status SendBundle(SnapshotPort& port, const RetryPolicy& retry,
                        absl::FunctionRef<absl::StatusOr<std::string_view>()> next, v1::CommitPushRequest& commit) {
  std::string waiting;
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view piece, next());
    if (piece.empty()) break;
    waiting.append(piece);
    while (waiting.size() > kInlineMax) {
      RETURN_IF_ERROR(SendChunk(port, retry, waiting.substr(0, kChunkBytesDefault), commit));
      waiting.erase(0, kChunkBytesDefault);
    }
  }
  if (!commit.bundle_chunks().empty()) return SendChunk(port, retry, std::move(waiting), commit);
  commit.set_bundle(std::move(waiting));
  return absl::OkStatus();
}

}  // namespace firebreak
