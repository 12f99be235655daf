// Columns and rows of delimited text (RFC 4180 and its tab-separated cousin), read as a stream.
#ifndef FIREBREAK_SERVICES_DIFF_TABLE_H_
#define FIREBREAK_SERVICES_DIFF_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/diff/ranged_file.h"

namespace firebreak {

struct TableFacts {
  struct Column {
    std::string name;
    std::string type;      // integer, number, boolean, time, text; "empty" when no row has a value
  };
  std::vector<Column> columns;
  uint64_t rows = 0;       // without the header
  bool complete = true;    // false: only the first part was read
};

// kInvalidArgument: no table (binary, or a quote that never ends). kResourceExhausted: past a limit.
absl::StatusOr<TableFacts> ReadTable(RangedFile& file, char separator, const DiffLimits& limits);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DIFF_TABLE_H_
