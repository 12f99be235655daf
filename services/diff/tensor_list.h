// The tensors a file says it holds, by name: from a safetensors header or an ONNX graph. Readers trust nothing: lengths, offsets and
// counts are checked against the file before they are used.
#ifndef FIREBREAK_SERVICES_DIFF_TENSOR_LIST_H_
#define FIREBREAK_SERVICES_DIFF_TENSOR_LIST_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/diff/ranged_file.h"

namespace firebreak {

struct Tensor {
  std::string type;
  std::vector<uint64_t> shape;
  uint64_t offset = 0;         // of its bytes in the file
  uint64_t size_bytes = 0;
  std::string external;        // its bytes are in this other file instead
  std::string representation;  // how ONNX stored them; raw bytes and typed fields are not comparable byte by byte
};

struct TensorList {
  std::map<std::string, Tensor> tensors;
  std::vector<std::string> findings;   // what was odd but did not stop the reading, at most 20
  void Note(std::string finding) {
    if (findings.size() < 20) findings.push_back(std::move(finding));
  }
};

// kInvalidArgument or kOutOfRange: the file is not what its name says, with the rule it breaks. kResourceExhausted: past a limit.
absl::StatusOr<TensorList> ReadSafetensors(RangedFile& file, const DiffLimits& limits);
absl::StatusOr<TensorList> ReadOnnx(RangedFile& file, const DiffLimits& limits);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DIFF_TENSOR_LIST_H_
