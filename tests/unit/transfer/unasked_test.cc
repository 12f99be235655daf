// What is wholly new is sent unasked, and a pull that got a wrong byte finds and mends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "tests/support/vault_fixture.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;
using testing::DigestOf;
using testing::Files;
using testing::ReadFiles;
using testing::VaultFixture;
using testing::VaultPort;

std::string Noise(size_t bytes, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::string data(bytes, '\0');
  for (char& c : data) c = static_cast<char>(engine());
  return data;
}

Files BigModel() { return {{"a.bin", Noise(48 << 20, 1)}, {"b.bin", Noise(100, 2)}, {"c.bin", Noise((16 << 20) + 5, 3)}}; }

struct UnaskedTest : public ::testing::Test {
  VaultFixture fixture;
  const Files files = BigModel();
  const fs::path folder = fixture.NewFolder(files);
};

TEST_F(UnaskedTest, SendsWhatIsNewWithAFewQuestionsOnlyAndWhatIsKnownNotAtAll) {
  std::atomic<int> questions{0};
  std::atomic<int> messages{0};
  VaultPort port = fixture.Port();
  port.before = [&](const std::string& method) {
    questions += method == "MissingChunks" ? 1 : 0;
    messages += method == "PutChunks" ? 1 : 0;
    return absl::OkStatus();
  };
  auto first = PushFolder(port, fixture.Options(folder, "m"));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_GT(messages, 20);
  EXPECT_LT(questions * 3, messages * 2);
  const fs::path target = fixture.NewPath();
  ASSERT_TRUE(PullSnapshot(port, DigestOf(first->snapshot), target, PullOptions()).ok());
  EXPECT_EQ(ReadFiles(target), files);

  Files changed = files;
  changed["a.bin"][20 << 20] ^= 1;
  auto second = fixture.Push(fixture.Options(fixture.NewFolder(changed), "m"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->bytes_sent, uint64_t{1} << 20) << "a changed model is asked about from end to end";
}

TEST_F(UnaskedTest, RefusesAPushWhoseChunksWereAnsweredWithWrongDigests) {
  VaultPort port = fixture.Port();
  std::atomic<int> lies{0};
  port.alter_taken = [&](v1::PutChunksResponse& response) {
    if (response.digests_size() < 2) return;
    response.mutable_digests()->SwapElements(0, 1);
    ++lies;
  };
  const absl::Status refused = PushFolder(port, fixture.Options(folder, "m")).status();
  EXPECT_GT(lies, 0);
  EXPECT_EQ(refused.code(), absl::StatusCode::kDataLoss) << refused;
}

TEST_F(UnaskedTest, MendsAPullThatGotAWrongByteOnce) {
  auto pushed = fixture.Push(fixture.Options(folder, "m"));
  ASSERT_TRUE(pushed.ok());
  VaultPort port = fixture.Port();
  std::atomic<int> answers{0};
  port.alter_chunks = [&](v1::GetChunksResponse& response) {
    if (++answers == 5) (*response.mutable_chunks(0)->mutable_data())[0] ^= 1;
  };
  const fs::path target = fixture.NewPath();
  auto pulled = PullSnapshot(port, DigestOf(pushed->snapshot), target, PullOptions());
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ(ReadFiles(target), files);
  EXPECT_LT(pulled->bytes_received, uint64_t{80} << 20) << "only what was wrong or not yet there came again";
}

}  // namespace
}  // namespace firebreak
