// Two versions of one file looked into: which tensors or columns differ.
#ifndef FIREBREAK_SERVICES_DIFF_FILE_DIFF_H_
#define FIREBREAK_SERVICES_DIFF_FILE_DIFF_H_

#include <string>
#include <string_view>

#include "services/diff/ranged_file.h"

namespace firebreak {

// "safetensors", "onnx", "csv", "tsv", or empty when files of this name are not looked into.
std::string FormatOf(std::string_view path);

// Fills in what is inside. `before` or `after` is null for a file that was added or removed. Never fails: what cannot be read
// is a finding of `change`.
void LookInside(RangedFile* before, RangedFile* after, const DiffLimits& limits, v1::FileChange& change);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DIFF_FILE_DIFF_H_
