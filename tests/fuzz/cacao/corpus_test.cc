#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fuzz/cacao/fuzz_cacao.h"
#include "tests/support/vectors.h"

namespace firebreak::testing {
namespace {

TEST(Corpus, OfCacaoDocumentsIsReadWithoutACrashAndSoIsEveryDamagedCopy) {
  const std::filesystem::path folder = std::filesystem::path(FIREBREAK_SOURCE_DIR) / "tests/fuzz/cacao/corpus";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string bytes = ReadFile(entry.path());
    SCOPED_TRACE(entry.path().string());
    ++files;
    FuzzCacao(bytes);
    for (size_t cut = 0; cut < bytes.size(); cut += 131) FuzzCacao(std::string_view(bytes).substr(0, cut));
    for (size_t at = 0; at < bytes.size(); at += 97) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 7)));
      FuzzCacao(damaged);
    }
  }
  EXPECT_GE(files, 5);
}

// What a fuzzer found once is never lost again.
TEST(Corpus, OfFoundConditionsIsReadWithoutACrashAndSoIsEveryBeginning) {
  const std::filesystem::path folder = std::filesystem::path(FIREBREAK_SOURCE_DIR) / "tests/fuzz/cacao/corpus_condition";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string bytes = ReadFile(entry.path());
    SCOPED_TRACE(entry.path().string());
    ++files;
    for (size_t cut = 0; cut <= bytes.size(); ++cut) FuzzCondition(std::string_view(bytes).substr(0, cut));
  }
  EXPECT_GE(files, 3);
}

TEST(Corpus, OfConditionsIsReadWithoutACrashAndSoIsEveryBeginning) {
  for (const std::string text : {"__i__:value >= 3 AND (__b__:value = 'true' OR NOT __s__:value != 'x\\'y')", "[__s__:value = \"a\"]", "NOT NOT (__i__:value NOT = 4)",
                                 "((((((((((__i__:value < 1))))))))))", "__s__:value LIKE 'a%'", "__i__:value = __i__:value OR __s__ == 'b'"}) {
    for (size_t cut = 0; cut <= text.size(); ++cut) FuzzCondition(std::string_view(text).substr(0, cut));
  }
}

}  // namespace
}  // namespace firebreak::testing
