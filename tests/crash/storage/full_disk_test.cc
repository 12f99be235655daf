// A full disk: clear refusals, nothing acknowledged is lost, and work goes on when there is room again.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/testing/forgetful_disk.h"
#include "tests/support/scratch_folder.h"

namespace firebreak::testing {
namespace {

using ::testing::HasSubstr;

Digest Named(char c) { return Digest::FromRaw(std::string(32, c)); }

class FullDisk : public ::testing::Test {
 protected:
  void Open() {
    store_.reset();
    auto store = disk_.Open(RocksOptions());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  absl::Status Put(const std::string& key, const std::string& value) {
    return store_->meta().Commit({.puts = {{key, value}}}).status();
  }
  bool Has(const std::string& key) {
    auto found = store_->meta().Get(key);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && found->has_value();
  }

  ScratchFolder folder_;
  ForgetfulDisk disk_{folder_.path()};
  std::unique_ptr<RocksStore> store_;
};

TEST_F(FullDisk, IsRefusedBeforeItIsTouchedAndServiceGoesOnByItself) {
  Open();
  ASSERT_TRUE(Put("before", "1").ok());
  disk_.ReportFreeBytes(10 << 20);
  const absl::Status commit = Put("during", "1");
  EXPECT_EQ(commit.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(commit.ToString(), HasSubstr("10 MiB free"));
  EXPECT_THAT(commit.ToString(), HasSubstr(folder_.path()));
  EXPECT_THAT(commit.ToString(), HasSubstr("next:"));
  EXPECT_FALSE(Has("during"));
  disk_.ReportFreeBytes(uint64_t{10} << 30);
  EXPECT_TRUE(Put("after", "1").ok());
  EXPECT_TRUE(Has("before"));
}

TEST_F(FullDisk, StopsSnapshotsWhileIncidentsCanStillBeContained) {
  Open();
  disk_.ReportFreeBytes(200 << 20);  // between the two reserves
  EXPECT_EQ(store_->chunks().Put({{Named('a'), "bytes"}}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Put("containment", "1").ok());
}

TEST_F(FullDisk, LosesNothingAcknowledgedWhenTheLogCannotGrow) {
  Open();
  ASSERT_TRUE(Put("before", "1").ok());
  disk_.FillUp();
  EXPECT_EQ(Put("during", "1").code(), absl::StatusCode::kUnavailable) << "the log may hold it or not";
  const absl::Status refused = Put("later", "1");
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.ToString(), HasSubstr("restart firebreakd"));
  EXPECT_TRUE(Has("before")) << "reads go on";
  disk_.MakeRoom();
  EXPECT_EQ(Put("later", "1").code(), absl::StatusCode::kFailedPrecondition)
      << "only recovery knows what is in the log";
  Open();
  EXPECT_TRUE(Has("before"));
  EXPECT_FALSE(Has("later"));
  EXPECT_TRUE(Put("after", "1").ok());
  Open();
  EXPECT_TRUE(Has("after"));
}

TEST_F(FullDisk, KeepsCommitsGoingAfterAFailedChunkFlush) {
  Open();
  ASSERT_TRUE(store_->chunks().Put({{Named('s'), "synced"}}).ok());
  ASSERT_TRUE(store_->chunks().Sync().ok());
  ASSERT_TRUE(store_->chunks().Put({{Named('a'), std::string(100'000, 'a')}}).ok());
  disk_.FillUp();
  EXPECT_FALSE(store_->chunks().Sync().ok());
  disk_.MakeRoom();
  EXPECT_TRUE(Put("containment", "1").ok()) << "a failed push must not stop the control plane";
  const absl::Status refused = store_->chunks().Put({{Named('b'), "more"}});
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << refused;
  Open();
  EXPECT_TRUE(Has("containment"));
  EXPECT_EQ(store_->chunks().Get(Named('s')).value_or(""), "synced");
  EXPECT_TRUE(store_->chunks().Put({{Named('a'), std::string(100'000, 'a')}}).ok());
  EXPECT_TRUE(store_->chunks().Sync().ok());
}

}  // namespace
}  // namespace firebreak::testing
