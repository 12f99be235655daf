// PushProof: hashes a push's files while their chunks come in, so that a commit need not read back what this process has seen
// whole. What it cannot follow (a run that never came, too much waiting, a restart) is simply not proven, and is read back.
//
// What is proven is told as spans of files: a hash over the chunks, sizes and digests of consecutive files, in the push's order.
// A manifest whose files hash to the same has exactly these files, each with the digest its bytes have. So nothing the sender
// says of places is believed.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_PUSH_PROOF_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_PUSH_PROOF_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Files [first, first + files) of a push, all proven.
struct ProvenSpan {
  uint64_t first = 0;
  uint64_t files = 0;
  std::string transcript;   // 32 bytes
};

// SHA-256 over what consecutive files are: per file its chunks (digest, size), then its size and digest. Not thread-safe.
class FileTranscript {
 public:
  void AddChunk(std::string_view digest, uint64_t size_bytes);
  void EndFile(std::string_view digest);
  std::string Take();   // and starts over

 private:
  Sha256Stream stream_;
  uint64_t file_bytes_ = 0;
};

// A chunk of a run. `data` is looked at during the call only.
struct ProofChunk {
  // kHashed: `data` has this digest, and was stored with it. kRead: `data` was read from the store. kStored: it is in the store.
  // kAwaited: it will be sent.
  enum class State { kHashed, kRead, kStored, kAwaited };
  std::string digest;
  std::string_view data = {};
  State state = State::kStored;
  std::string kept = {};      // `data`, while the run waits for its turn
};

// What all pushes together keep of runs that wait.
struct ProofBudget {
  std::atomic<size_t> bytes{0};   // of chunks
  std::atomic<size_t> lists{0};   // bytes that listing the chunks takes
};

// Thread-safe; calls of one push wait for one another while files are hashed. `chunks` and `waiting` outlive it.
class PushProof {
 public:
  PushProof(const ChunkStore& chunks, ProofBudget& waiting, uint64_t stream)
      : chunks_(chunks), waiting_(waiting), stream_(stream) {}
  ~PushProof();

  uint64_t stream() const { return stream_; }
  // A run and what is known of its chunks, in order. One that came before is ignored.
  void Begin(const v1::ChunkRun& run, std::vector<ProofChunk> chunks);
  // Bytes that a run awaited.
  void Fill(const v1::ChunkRun& run, const std::vector<ProofChunk>& chunks);
  // What is proven so far, in order.
  std::vector<ProvenSpan> Spans();

 private:
  struct Run {
    std::vector<ProofChunk> chunks;
    std::vector<uint32_t> ends;
    size_t awaited = 0;
    size_t list_bytes = 0;     // while it waits
  };

  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void HashRun(Run& run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void HashChunk(ProofChunk& chunk, bool is_whole_file) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndSpan() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void KeepData(Run& run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(Run& run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(ProofChunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ChunkStore& chunks_;
  ProofBudget& waiting_;
  const uint64_t stream_;

  absl::Mutex mutex_;
  std::map<uint64_t, Run> runs_ ABSL_GUARDED_BY(mutex_);   // from next_run_ on
  uint64_t next_run_ ABSL_GUARDED_BY(mutex_) = 0;
  bool given_up_ ABSL_GUARDED_BY(mutex_) = false;

  Sha256Stream file_ ABSL_GUARDED_BY(mutex_);
  uint64_t file_chunks_ ABSL_GUARDED_BY(mutex_) = 0;       // of the open file
  std::string file_digest_ ABSL_GUARDED_BY(mutex_);        // known without hashing: a file of one chunk
  FileTranscript transcript_ ABSL_GUARDED_BY(mutex_);
  uint64_t span_chunks_ ABSL_GUARDED_BY(mutex_) = 0;
  ProvenSpan span_ ABSL_GUARDED_BY(mutex_);                // the open one
  std::vector<ProvenSpan> spans_ ABSL_GUARDED_BY(mutex_);
};

// The proofs of the pushes that go on now. Thread-safe. `chunks` outlives it.
class ProofShelf {
 public:
  explicit ProofShelf(const ChunkStore& chunks) : chunks_(chunks) {}

  // A fresh proof for this push; answers its stream.
  uint64_t Open(const std::string& push_id);
  // Null when there is none, or none of this stream.
  std::shared_ptr<PushProof> Find(const std::string& push_id, uint64_t stream);
  std::vector<ProvenSpan> Spans(const std::string& push_id);
  void Close(const std::string& push_id);

 private:
  struct Place {
    std::shared_ptr<PushProof> proof;
    uint64_t used = 0;
  };

  const ChunkStore& chunks_;
  ProofBudget waiting_;
  absl::Mutex mutex_;
  std::map<std::string, Place> places_ ABSL_GUARDED_BY(mutex_);
  uint64_t streams_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t uses_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Holds a manifest against spans while it is read. Not thread-safe; `spans` outlives it.
class SpanMatcher {
 public:
  explicit SpanMatcher(const std::vector<ProvenSpan>& spans) : spans_(spans) {}
  // Every entry, in order.
  void Add(const v1::FileEntry& entry);
  // Of the files added, in order: whether it is proven. Fewer than there are files: the rest is not.
  std::vector<bool> Finish();

 private:
  void EndFile();

  const std::vector<ProvenSpan>& spans_;
  size_t at_ = 0;                 // the span the open file may be in
  uint64_t files_ = 0;            // ended
  bool open_ = false;
  std::string digest_;
  FileTranscript transcript_;
  std::vector<bool> proven_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_PUSH_PROOF_H_
