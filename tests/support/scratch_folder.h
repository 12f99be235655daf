// A fresh folder for one test, removed with everything in it when the test is over.
#ifndef FIREBREAK_TESTS_SUPPORT_SCRATCH_FOLDER_H_
#define FIREBREAK_TESTS_SUPPORT_SCRATCH_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "firebreak/base/check.h"

namespace firebreak::testing {

class ScratchFolder {
 public:
  ScratchFolder() {
    path_ = (std::filesystem::temp_directory_path() / "firebreak-test-XXXXXX").string();
    FIREBREAK_CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SUPPORT_SCRATCH_FOLDER_H_
