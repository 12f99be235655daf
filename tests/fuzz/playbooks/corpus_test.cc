#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/fuzz/playbooks/fuzz_playbook.h"
#include "tests/support/vectors.h"

namespace firebreak::testing {
namespace {

std::vector<std::string> Files(const std::string& folder) {
  std::vector<std::string> files;
  const std::filesystem::path path = std::filesystem::path(FIREBREAK_SOURCE_DIR) / folder;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(ReadFile(entry.path()));
  }
  return files;
}

TEST(Corpus, OfPlaybooksIsReadWithoutACrashAndSoIsEveryBeginningOfIt) {
  std::vector<std::string> files = Files("tests/fuzz/playbooks/corpus");
  for (const std::string& runbook : Files("runbooks/playbooks")) files.push_back(runbook);
  ASSERT_GE(files.size(), 5u);
  for (const std::string& bytes : files) {
    FuzzPlaybook(bytes);
    // Small files densely, the runbooks at sixty places each: the whole takes seconds.
    const size_t stride = std::max<size_t>(29, bytes.size() / 60);
    for (size_t cut = 0; cut < bytes.size(); cut += stride) FuzzPlaybook(std::string_view(bytes).substr(0, cut));
    for (size_t at = 0; at < bytes.size(); at += stride + 8) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      FuzzPlaybook(damaged);
    }
  }
}

TEST(Corpus, OfExpressionsIsReadWithoutACrashAndSoIsEveryBeginningOfIt) {
  const std::vector<std::string> files = Files("tests/fuzz/playbooks/corpus_expression");
  ASSERT_GE(files.size(), 3u);
  for (const std::string& text : files) {
    for (size_t cut = 0; cut <= text.size(); ++cut) FuzzExpression(std::string_view(text).substr(0, cut));
  }
}

}  // namespace
}  // namespace firebreak::testing
