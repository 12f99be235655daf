#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fuzz/diff/fuzz_diff.h"
#include "tests/support/vectors.h"

namespace firebreak::testing {
namespace {

TEST(Corpus, OfFilesIsComparedWithoutACrashAndSoIsEveryDamagedCopy) {
  const std::filesystem::path folder = std::filesystem::path(FIREBREAK_SOURCE_DIR) / "tests/fuzz/diff/corpus";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string bytes = ReadFile(entry.path());
    SCOPED_TRACE(entry.path().string());
    ++files;
    FuzzDiff(bytes);
    for (size_t cut = 4; cut < bytes.size(); cut += 3) FuzzDiff(std::string_view(bytes).substr(0, cut));
    for (size_t at = 4; at < bytes.size(); ++at) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      FuzzDiff(damaged);
    }
  }
  EXPECT_GE(files, 4);
}

}  // namespace
}  // namespace firebreak::testing
