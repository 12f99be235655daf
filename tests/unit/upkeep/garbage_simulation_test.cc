// Pushes, deletions, restarts and garbage collection in seeded random interleavings of their smallest steps, over the exact
// memory model of the chunk store. After every step: nothing that a record names is gone, and nothing that an open push was told
// it need not send is gone. At the end: nothing but what is named is left.
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "firebreak/snapshots/manifest.h"
#include "gtest/gtest.h"
#include "tests/support/upkeep_fixture.h"

namespace firebreak::testing {
namespace {

constexpr int kContents = 10;   // few, so that pushes and deleted snapshots share chunks
constexpr int kSteps = 400;

std::string Content(int number) { return "content " + std::to_string(number) + std::string(50, static_cast<char>('a' + number)); }

// A push in its smallest steps: one call each.
class Pusher {
 public:
  Pusher(UpkeepFixture& house, std::mt19937_64& random, int number) : house_(house), name_("m" + std::to_string(random() % 4)) {
    request_.set_kind(v1::SNAPSHOT_KIND_MODEL);
    request_.set_name(name_);
    request_.set_request_id("push " + std::to_string(number));
    std::set<int> contents;
    for (int i = 0; i < 3; ++i) contents.insert(static_cast<int>(random() % kContents));
    for (int content : contents) {
      v1::FileEntry file;
      file.set_path("file" + std::to_string(content));
      file.set_size_bytes(Content(content).size());
      file.set_digest(Sha256(Content(content)).raw());
      v1::ChunkRef* chunk = file.add_chunks();
      chunk->set_digest(file.digest());
      chunk->set_size_bytes(file.size_bytes());
      files_.push_back(file);
      contents_.push_back(content);
    }
  }

  // False when it is over.
  bool Step() {
    SnapshotVault& vault = house_.now->vault;
    if (step_ == 0) {
      auto begun = vault.BeginPush(house_.caller, request_);
      EXPECT_TRUE(begun.ok()) << begun.status();
      if (!begun.ok()) return false;
      push_id_ = begun->push_id();
    } else if (step_ <= 2 * files_.size()) {
      const size_t i = (step_ - 1) / 2;
      if (step_ % 2 == 1) {
        v1::MissingChunksRequest question;
        question.add_digests(files_[i].digest());
        send_ = vault.MissingChunks(house_.caller, question)->digests_size() > 0;
        if (!send_) promised.insert(files_[i].digest());
      } else if (send_) {
        v1::PutChunksRequest put;
        put.set_push_id(push_id_);
        v1::Chunk* chunk = put.add_chunks();
        chunk->set_digest(files_[i].digest());
        chunk->set_data(Content(contents_[i]));
        EXPECT_TRUE(vault.PutChunks(house_.caller, put).ok());
        promised.insert(files_[i].digest());
      }
    } else if (step_ == 2 * files_.size() + 1) {
      v1::PutFilesRequest page;
      page.set_push_id(push_id_);
      for (const v1::FileEntry& file : files_) *page.add_files() = file;
      auto put = vault.PutFiles(house_.caller, page);
      EXPECT_TRUE(put.ok()) << put.status();
    } else {
      Commit();
      return false;
    }
    ++step_;
    return true;
  }

  void ForgetWhatIsGone() {
    std::erase_if(promised, [&](const std::string& raw) {
      const bool gone = !house_.disk.Get(Digest::FromRaw(raw)).ok();
      power_cut = power_cut || gone;
      return gone;
    });
  }

  std::set<std::string> promised;   // digests it was told, or knows, are stored
  bool power_cut = false;           // took some of them: its commit may be refused

 private:
  void Commit() {
    std::vector<OmsResource> resources;
    for (const v1::FileEntry& file : files_) resources.push_back({file.path(), "sha256", ToHex(file.digest())});
    v1::CommitPushRequest commit;
    commit.set_push_id(push_id_);
    commit.set_bundle(*SignOmsBundle(house_.key, name_, resources, {}));
    auto done = house_.now->vault.CommitPush(house_.caller, commit);
    EXPECT_TRUE(done.ok() || power_cut) << done.status();
    promised.clear();
  }

  UpkeepFixture& house_;
  const std::string name_;
  v1::BeginPushRequest request_;
  std::vector<v1::FileEntry> files_;
  std::vector<int> contents_;
  std::string push_id_;
  size_t step_ = 0;
  bool send_ = false;
};

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {}

  void Run() {
    for (int step = 0; step < kSteps && !::testing::Test::HasFailure(); ++step) {
      Move();
      Check(step);
    }
    Finish();
  }

 private:
  void Move() {
    const uint64_t choice = random_() % 100;
    house_.base.clock.Advance(absl::Milliseconds(static_cast<int64_t>(random_() % 3000)));
    if (choice < 50) {
      if (pushers_.size() < 3 && random_() % 4 == 0) pushers_.push_back(std::make_unique<Pusher>(house_, random_, ++pushes_));
      if (pushers_.empty()) return;
      const size_t who = random_() % pushers_.size();
      if (!pushers_[who]->Step()) pushers_.erase(pushers_.begin() + static_cast<std::ptrdiff_t>(who));
    } else if (choice < 88) {
      StepCollector();
    } else if (choice < 98) {
      DeleteOne();
    } else {
      Restart();
    }
  }

  void StepCollector() {
    if (!run_) {
      auto run = house_.now->collector.Begin({.actor = Identity("gc"), .reason = "sim", .abandon_pushes = random_() % 8 == 0 && pushers_.empty()});
      if (run.ok()) run_ = *std::move(run);
      return;
    }
    auto done = run_->Step();
    EXPECT_TRUE(done.ok()) << done.status();
    if (!done.ok() || *done) run_.reset();
  }

  void DeleteOne() {
    auto page = ListRecords(house_.base.store, keys::SnapshotVersions(), "", 1000);
    if (page->records.empty()) return;
    const v1::Snapshot& snapshot = page->records[random_() % page->records.size()].second;
    const absl::Status deleted = house_.Delete(absl::StrCat("model/", snapshot.name(), "@", snapshot.version()));
    EXPECT_TRUE(deleted.ok()) << deleted;
  }

  // The process dies; half the time the machine does, with everything that was not synced.
  void Restart() {
    run_.reset();
    if (random_() % 2 == 0) house_.disk.ForgetUnsynced();
    house_.Restart();
    for (auto& pusher : pushers_) pusher->ForgetWhatIsGone();
  }

  void Check(int step) {
    ASSERT_TRUE(house_.Lost().empty()) << "step " << step << ": a record names " << house_.Lost().front() << ", which is gone";
    for (const auto& pusher : pushers_) {
      for (const std::string& raw : pusher->promised) {
        ASSERT_TRUE(house_.disk.Get(Digest::FromRaw(raw)).ok()) << "step " << step << ": a push was told that " << ToHex(raw) << " is there";
      }
    }
  }

  void Finish() {
    if (::testing::Test::HasFailure()) return;
    while (!pushers_.empty()) {
      if (!pushers_.back()->Step()) pushers_.pop_back();
    }
    run_.reset();
    house_.base.clock.Advance(absl::Hours(72));   // what was cut off and never resumed has expired
    ASSERT_TRUE(house_.Collect().ok());
    Check(kSteps);
    EXPECT_EQ(house_.disk.size(), house_.Named().size()) << "garbage is left";
  }

  std::mt19937_64 random_;
  UpkeepFixture house_;
  std::vector<std::unique_ptr<Pusher>> pushers_;
  std::unique_ptr<GarbageCollector::Run> run_;
  int pushes_ = 0;
};

TEST(GarbageSimulation, NeverTakesWhatARecordOrAnOpenPushReliesOn) {
  const char* given = std::getenv("FIREBREAK_SEED");
  const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const uint64_t seeds = given != nullptr ? 1 : 40;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    SCOPED_TRACE("FIREBREAK_SEED=" + std::to_string(seed));
    World(seed).Run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace firebreak::testing
