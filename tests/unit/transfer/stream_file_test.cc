#include "clients/transfer/stream_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/scratch_folder.h"

namespace firebreak {
namespace {

constexpr size_t kBlock = StreamFile::kBlockBytes;

class Streamed : public ::testing::Test {
 protected:
  OpenFile Open() { return OpenFile(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)); }
  std::string Content() {
    std::ifstream file(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  void Write(const std::string& content, size_t piece) {
    StreamFile file;
    file.Open(Open(), content.size());
    for (size_t at = 0; at < content.size(); at += piece) ASSERT_TRUE(file.Append(std::string_view(content).substr(at, piece)).ok());
    ASSERT_TRUE(file.Close(StreamFile::Durable::kYes).ok());
  }
  uint64_t BytesTaken() {
    struct stat status {};
    EXPECT_EQ(::stat(path_.c_str(), &status), 0);
    return static_cast<uint64_t>(status.st_blocks) * 512;
  }

  testing::ScratchFolder scratch_;
  std::filesystem::path path_ = std::filesystem::path(scratch_.path()) / "weights";
};

TEST_F(Streamed, ZerosTakeNoRoomAndAreThere) {
  std::string content(6 * kBlock + 5000, '\0');
  content[kBlock + 17] = 'a';          // one block that is not all zeros
  content.back() = 'z';
  Write(content, 1'000'000);
  EXPECT_TRUE(Content() == content);
  EXPECT_LE(BytesTaken(), 2 * kBlock);
}

TEST_F(Streamed, ZerosWipeOutWhatStoodThere) {
  std::ofstream(path_, std::ios::binary) << std::string(7 * kBlock, 'x');
  const std::string content(5 * kBlock + 5000, '\0');
  Write(content, 3'000'000);
  EXPECT_TRUE(Content() == content);
}

TEST_F(Streamed, SmallFilesAreWrittenAsTheyCome) {
  Write(std::string(100'000, '\0') + "end", 7000);
  EXPECT_TRUE(Content() == std::string(100'000, '\0') + "end");
}

}  // namespace
}  // namespace firebreak
