#include "firebreak/playbooks/schema.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "firebreak/actions/specs.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

// How it judges playbooks is in schema_check.py, where a published validator reads it.
TEST(PlaybookSchema, InTheRepositoryIsWhatTheProgramWrites) {
  const auto path = std::filesystem::path(FIREBREAK_SOURCE_DIR) / "runbooks/playbooks/playbook.schema.json";
  EXPECT_TRUE(testing::ReadFile(path) == PlaybookSchema(BuiltinSpecs()))
      << "an action or the language has changed: firebreak playbook schema --out runbooks/playbooks/playbook.schema.json";
}

}  // namespace
}  // namespace firebreak
