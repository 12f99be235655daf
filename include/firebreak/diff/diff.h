// What changed between two snapshots, in pages: a merge of two sorted file lists that holds one page of each, and inside formats we
// can read the tensors and columns, from ranges of the files. Whatever a file claims about itself is checked against its size; what
// cannot be read becomes a finding, never a failure of the whole.
#ifndef FIREBREAK_DIFF_DIFF_H_
#define FIREBREAK_DIFF_DIFF_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/v1/diff.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// One side. `list` answers pages of entries in path order, as SnapshotVault::ListFiles does; `chunk` a chunk's bytes.
struct DiffSource {
  std::function<absl::StatusOr<v1::ListFilesResponse>(const std::string& page_token)> list;
  std::function<absl::StatusOr<std::string>(const Digest& chunk)> chunk;
};

struct DiffLimits {
  size_t files_max = 500;                        // changed ones in one page
  size_t passed_max = 100'000;                   // looked at for one page
  size_t answer_bytes_max = size_t{3} << 19;     // 1.5 MiB
  uint64_t page_bytes_max = uint64_t{64} << 20;  // content read before a page ends
  uint64_t file_bytes_max = uint64_t{256} << 20; // content read of one pair of files; past it "not compared"
  size_t header_bytes_max = size_t{16} << 20;    // of a safetensors file
  size_t tensors_max = 100'000;                  // in one file
  size_t tensors_listed = 1000;                  // changed ones named for one file
  uint64_t table_bytes_max = uint64_t{32} << 20; // of one side; past it rows and types are of the first part
  size_t columns_max = 4096;
  size_t columns_listed = 1000;                  // changed ones named for one file
};

struct DiffWish {
  std::string page_token;
  bool files_only = false;   // names, sizes and digests; nothing is read
};

// The next page; `before` and `after` of the answer are not set. kInvalidArgument for a page token of something else.
absl::StatusOr<v1::DiffSnapshotsResponse> DiffPage(const DiffSource& before, const DiffSource& after, const DiffWish& wish,
                                                   const DiffLimits& limits = {});

}  // namespace firebreak

#endif  // FIREBREAK_DIFF_DIFF_H_
