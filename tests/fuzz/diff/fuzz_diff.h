// What the fuzzer does with two versions of a file; the corpus test walks through the same function.
#ifndef FIREBREAK_TESTS_FUZZ_DIFF_FUZZ_DIFF_H_
#define FIREBREAK_TESTS_FUZZ_DIFF_FUZZ_DIFF_H_

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/diff/diff.h"

namespace firebreak::testing {

// One file in memory, in chunks of one size.
class OneFile {
 public:
  OneFile(const std::string& path, std::string_view bytes, size_t chunk_bytes) {
    v1::FileEntry& entry = *page_.add_files();
    entry.set_path(path);
    entry.set_size_bytes(bytes.size());
    entry.set_digest(Sha256(bytes).raw());
    for (size_t at = 0; at < bytes.size(); at += chunk_bytes) {
      const std::string chunk(bytes.substr(at, chunk_bytes));
      const Digest digest = Sha256(chunk);
      chunks_[digest] = chunk;
      v1::ChunkRef& ref = *entry.add_chunks();
      ref.set_digest(digest.raw());
      ref.set_size_bytes(chunk.size());
    }
  }

  DiffSource source() {
    return {.list = [this](const std::string&) -> absl::StatusOr<v1::ListFilesResponse> { return page_; },
            .chunk = [this](const Digest& digest) -> absl::StatusOr<std::string> { return chunks_.at(digest); }};
  }

 private:
  v1::ListFilesResponse page_;
  std::map<Digest, std::string> chunks_;
};

// Whatever two files hold, the answer is one change of a bounded size, every text in it is UTF-8, and no more is read than may be.
inline void FuzzFiles(const std::string& path, std::string_view before, std::string_view after, size_t chunk_bytes) {
  DiffLimits limits;
  limits.file_bytes_max = uint64_t{1} << 20;
  limits.tensors_listed = 50;
  limits.columns_listed = 50;
  OneFile old_file(path, before, chunk_bytes), new_file(path, after, chunk_bytes);
  const absl::StatusOr<v1::DiffSnapshotsResponse> page = DiffPage(old_file.source(), new_file.source(), {}, limits);
  FIREBREAK_CHECK(page.ok());
  FIREBREAK_CHECK(page->files_size() == (before == after ? 0 : 1) && page->next_page_token().empty());
  FIREBREAK_CHECK(page->bytes_read() <= limits.file_bytes_max);
  FIREBREAK_CHECK(page->ByteSizeLong() < 400'000);
  for (const v1::FileChange& change : page->files()) {
    for (const std::string& finding : change.findings()) FIREBREAK_CHECK(IsValidUtf8(finding));
    for (const v1::TensorChange& tensor : change.tensors()) {
      FIREBREAK_CHECK(IsValidUtf8(tensor.name()) && IsValidUtf8(tensor.before().type()) && IsValidUtf8(tensor.after().type()));
    }
    for (const v1::ColumnChange& column : change.table().columns()) FIREBREAK_CHECK(IsValidUtf8(column.name()));
  }
}

// The first bytes say the format, the size of the chunks and where the second version differs from the first; the rest is the file.
inline void FuzzDiff(std::string_view bytes) {
  constexpr const char* kPaths[] = {"f.safetensors", "f.onnx", "f.csv", "f.tsv"};
  if (bytes.size() < 4) return;
  const auto control = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const std::string_view before = bytes.substr(4);
  std::string after(before);
  if (!after.empty()) {
    char& changed = after[(size_t{control(2)} << 8 | control(3)) % after.size()];
    changed = static_cast<char>(changed ^ 1);
  }
  FuzzFiles(kPaths[control(0) % std::size(kPaths)], before, after, size_t{1} + control(1));
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_FUZZ_DIFF_FUZZ_DIFF_H_
