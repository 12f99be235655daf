#include "services/signing/leased_view.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/signing/model_hash.h"
#include "tests/support/scratch_folder.h"

namespace firebreak {
namespace {

using oms::LeasedView;

class LeasedFile : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 300'000; ++i) content_ += StrCat(i, ",");
    std::filesystem::create_directory(model_);
    std::ofstream(path_, std::ios::binary) << content_;
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    const bool has_leases = ::fcntl(fd_, F_SETLEASE, F_RDLCK) == 0;
    ::fcntl(fd_, F_SETLEASE, F_UNLCK);
    if (!has_leases) GTEST_SKIP() << "no leases on the file system of " << path_;
  }
  void TearDown() override { ::close(fd_); }
  int OpenToWrite() { return ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC); }

  testing::ScratchFolder scratch_;
  const std::filesystem::path model_ = std::filesystem::path(scratch_.path()) / "model";
  const std::string path_ = model_ / "weights";
  std::string content_;
  int fd_ = -1;
};

TEST_F(LeasedFile, ShowsItsBytesFromAnyPlace) {
  LeasedView view(fd_, content_.size());
  for (const size_t at : {size_t{0}, size_t{1}, size_t{4096}, size_t{12'345}, content_.size() - 1}) {
    const size_t wanted = std::min<size_t>(100'000, content_.size() - at);
    const auto bytes = view.Look(at, wanted);
    ASSERT_TRUE(bytes.has_value()) << at;
    EXPECT_EQ(*bytes, std::string_view(content_).substr(at, wanted)) << at;
  }
}

TEST_F(LeasedFile, IsGivenBackToWhoeverWantsToWrite) {
  LeasedView view(fd_, content_.size());
  ASSERT_TRUE(view.Look(0, 4096).has_value());
  EXPECT_EQ(OpenToWrite(), -1);   // has to wait, and asks for the lease
  EXPECT_EQ(errno, EWOULDBLOCK);
  EXPECT_FALSE(view.Look(4096, 4096).has_value());
  const int writer = OpenToWrite();
  EXPECT_GE(writer, 0) << errno;
  ::close(writer);
  EXPECT_FALSE(view.Look(4096, 4096).has_value()) << "once given back it stays so";
}

TEST_F(LeasedFile, IsNotLookedAtWhileSomebodyWritesNorWhenItIsTooShort) {
  EXPECT_FALSE(LeasedView(fd_, content_.size() + 1).Look(0, 4096).has_value());
  const int writer = OpenToWrite();
  ASSERT_GE(writer, 0) << errno;
  EXPECT_FALSE(LeasedView(fd_, content_.size()).Look(0, 4096).has_value());

  // And is read then, to the same digest.
  const auto listing = ListModelFiles(model_, {});
  ASSERT_TRUE(listing.ok()) << listing.status();
  const auto hashed = HashModel(*listing, {"sha256", 0, 1});
  ASSERT_TRUE(hashed.ok()) << hashed.status();
  EXPECT_EQ(hashed->at(0).digest_hex, ToHex(Sha256(content_).raw()));
  ::close(writer);
}

}  // namespace
}  // namespace firebreak
