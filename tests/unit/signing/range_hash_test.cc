// Hashing what is not in memory: it comes past the page cache.
#include "services/signing/range_hash.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "firebreak/crypto/hash.h"
#include "firebreak/signing/model_files.h"
#include "tests/support/scratch_folder.h"

namespace firebreak::oms {
namespace {

constexpr size_t kBytes = (size_t{20} << 20) + 1234;   // no multiple of a page

class ColdFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(root_);
    uint64_t state = 3;
    for (size_t at = 0; at < kBytes; ++at) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      content_.push_back(static_cast<char>(state >> 56));
    }
    std::ofstream(root_ / "weights", std::ios::binary) << content_;
    fd_ = ::open((root_ / "weights").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd_, 0);
    ASSERT_EQ(::fsync(fd_), 0);
    ASSERT_EQ(::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED), 0);
  }
  ~ColdFile() override { ::close(fd_); }

  bool IsCached(uint64_t at) const {
    char byte = 0;
    const iovec into{&byte, 1};
    return ::preadv2(fd_, &into, 1, static_cast<off_t>(at), RWF_NOWAIT) >= 0 || errno != EAGAIN;
  }
  std::string Hash(FileRange range, Reading reading = Reading::kInline) {
    auto listing = ListModelFiles(root_, {});
    EXPECT_TRUE(listing.ok()) << listing.status();
    auto hashed = HashRange(*listing, listing->files.at(0), range, HashAlgorithm::kSha256, reading);
    EXPECT_TRUE(hashed.ok()) << hashed.status();
    return hashed.value_or("");
  }
  std::string Wanted(FileRange range) { return Sha256(std::string_view(content_).substr(range.start, range.end - range.start)).raw(); }

  testing::ScratchFolder scratch_;
  std::filesystem::path root_ = std::filesystem::path(scratch_.path()) / "model";
  std::string content_;
  int fd_ = -1;
};

TEST_F(ColdFile, IsHashedPastThePageCache) {
  if (IsCached(kBytes / 2 + 4096 * 7)) GTEST_SKIP() << "this file system keeps its files in memory";
  EXPECT_EQ(Hash({0, kBytes}), Wanted({0, kBytes}));
  int cached = 0;
  for (uint64_t at = 100 * 4096; at < kBytes; at += 500 * 4096) cached += IsCached(at) ? 1 : 0;
  EXPECT_LE(cached, 2) << "the file was brought into the page cache";
}

TEST_F(ColdFile, HasTheDigestOfEveryRangeWhereverItBeginsAndEnds) {
  for (const FileRange range : {FileRange{1, kBytes}, FileRange{4095, kBytes - 1}, FileRange{8192, (size_t{10} << 20) + 8192},
                                FileRange{1'000'001, 10'000'003}, FileRange{kBytes - (size_t{9} << 20), kBytes}}) {
    ASSERT_EQ(::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED), 0);
    EXPECT_EQ(Hash(range), Wanted(range)) << range.start << " to " << range.end;
    EXPECT_EQ(Hash(range, Reading::kAhead), Wanted(range)) << range.start << " to " << range.end;
  }
}

TEST_F(ColdFile, ThatWasJustWrittenOverIsReadAsItIsNow) {
  content_.replace(5'000'000, 5, "fresh");
  {
    std::fstream file(root_ / "weights", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5'000'000);
    file << "fresh";
  }
  EXPECT_EQ(Hash({0, kBytes}), Wanted({0, kBytes}));
}

}  // namespace
}  // namespace firebreak::oms
