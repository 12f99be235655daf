// Where the shared test vectors are: $FIREBREAK_VECTORS, else ../shared/vectors beside the checkout.
#ifndef FIREBREAK_TESTS_SUPPORT_VECTORS_H_
#define FIREBREAK_TESTS_SUPPORT_VECTORS_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace firebreak::testing {

// The folder `name` of the vectors; nullopt (the test then skips with a reason) when it is not there.
inline std::optional<std::filesystem::path> VectorFolder(const std::string& name) {
  const char* set = std::getenv("FIREBREAK_VECTORS");
  std::filesystem::path root =
      set != nullptr ? std::filesystem::path(set) : std::filesystem::path(FIREBREAK_SOURCE_DIR) / ".." / "shared" / "vectors";
  std::filesystem::path folder = root / name;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return std::nullopt;
  return folder;
}

// Whole file; empty when it cannot be read.
inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace firebreak::testing

// Skips the running test, saying why, when the vectors are not on this machine.
#define REQUIRE_VECTORS(variable, name)                                             \
  auto variable##_found = ::firebreak::testing::VectorFolder(name);                 \
  if (!variable##_found) GTEST_SKIP() << "test vectors not found: " << name << " (set FIREBREAK_VECTORS)"; \
  const std::filesystem::path& variable = *variable##_found

#endif  // FIREBREAK_TESTS_SUPPORT_VECTORS_H_
