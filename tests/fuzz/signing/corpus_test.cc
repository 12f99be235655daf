#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fuzz/signing/fuzz_signing.h"
#include "tests/support/vectors.h"

namespace firebreak::testing {
namespace {

// Every beginning of it, and with single bits turned, through every reader.
void Replay(const std::string& bytes) {
  const auto all = [](std::string_view text) {
    FuzzBundle(text);
    FuzzStatement(text);
    FuzzEnvelope(text);
    FuzzJson(text);
  };
  all(bytes);
  const size_t step = std::max<size_t>(bytes.size() / 60, 1);
  for (size_t cut = 0; cut < bytes.size(); cut += step) all(std::string_view(bytes).substr(0, cut));
  for (size_t at = 0; at < bytes.size(); at += step) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    all(damaged);
  }
}

TEST(SigningCorpus, IsReadWithoutACrashAndSoIsEveryBeginningOfIt) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(FIREBREAK_SOURCE_DIR) / "tests/fuzz/signing/corpus")) {
    Replay(ReadFile(entry.path()));
    ++files;
  }
  EXPECT_GE(files, 8);
}

TEST(SigningCorpus, OfWhatOthersSignedIsReadToo) {
  REQUIRE_VECTORS(folder, "oms/fixtures");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string bundle = ReadFile(entry.path() / "model.sig");
    if (!bundle.empty()) Replay(bundle);
  }
}

}  // namespace
}  // namespace firebreak::testing
