#include "clients/transfer/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "firebreak/base/random.h"
#include "firebreak/transfer/push.h"
#include "tests/support/scratch_folder.h"

namespace firebreak {
namespace {

std::string All(ByteSource& source) {
  std::string all;
  while (true) {
    const absl::StatusOr<std::string_view> piece = source.Read(all.size());
    EXPECT_TRUE(piece.ok()) << piece.status();
    if (!piece.ok() || piece->empty()) return all;
    all.append(*piece);
  }
}

TEST(Spool, GivesBackWhatItTookHoweverMuchItHolds) {
  const testing::ScratchFolder scratch;
  SeededRandom random(3);
  for (const size_t held : {size_t{0}, size_t{10}, size_t{100'000}, size_t{1} << 20}) {
    Spool spool(scratch.path(), held);
    std::string wanted;
    EXPECT_EQ(All(spool), "");
    for (int i = 0; i < 60; ++i) {
      const std::string piece = random.Bytes(static_cast<size_t>(i * i * 7));
      wanted += piece;
      ASSERT_TRUE(spool.Append(piece).ok());
    }
    EXPECT_EQ(spool.size_bytes(), wanted.size());
    EXPECT_TRUE(All(spool) == wanted) << held;
    for (const size_t at : {size_t{0}, wanted.size() / 2, size_t{5}, wanted.size() - 1}) {
      EXPECT_EQ(spool.Read(at)->front(), wanted[at]);
    }
    EXPECT_TRUE(spool.Read(wanted.size())->empty());
    EXPECT_TRUE(All(spool) == wanted) << held;
  }
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));   // its file has no name
}

TEST(Spool, NamesTheFolderItCannotUse) {
  Spool spool("/nowhere/at/all", 10);
  ASSERT_TRUE(spool.Append("short").ok());
  EXPECT_THAT(std::string(spool.Append("too long to be held").message()), ::testing::HasSubstr("/nowhere/at/all"));
}

TEST(OpenBundleFile, RefusesWhatIsNoFile) {
  const testing::ScratchFolder scratch;
  const std::filesystem::path file = std::filesystem::path(scratch.path()) / "model.sig";
  EXPECT_EQ(OpenBundleFile(file).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenBundleFile(scratch.path()).status().code(), absl::StatusCode::kInvalidArgument);
  std::ofstream(file) << "bundle";
  EXPECT_EQ(All(**OpenBundleFile(file)), "bundle");
}

TEST(OpenBundleFile, StaysWhatItWasWhateverBecomesOfTheFile) {
  const testing::ScratchFolder scratch;
  const std::filesystem::path file = std::filesystem::path(scratch.path()) / "model.sig";
  const std::string first(size_t{6} << 20, 'a');
  std::ofstream(file) << first;
  const auto opened = OpenBundleFile(file);
  ASSERT_TRUE(opened.ok()) << opened.status();
  std::ofstream(file) << "other";
  EXPECT_TRUE(All(**opened) == first);
}

TEST(OpenBundleFile, TakesWhatAPipeGives) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "bundle", 6), 6);
  ::close(ends[1]);
  const auto opened = OpenBundleFile("/dev/fd/" + std::to_string(ends[0]));
  ::close(ends[0]);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(All(**opened), "bundle");
}

}  // namespace
}  // namespace firebreak
