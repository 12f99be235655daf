#include "storage/rocksdb/testing/forgetful_disk.h"

#include <filesystem>
#include <thread>
#include <utility>

#include "rocksdb/env.h"
#include "rocksdb/system_clock.h"
#include "storage/rocksdb/engine.h"
#include "storage/rocksdb/testing/forgetful_file_system.h"

namespace firebreak::testing {
namespace {

std::shared_ptr<ForgetfulFileSystem> MakeFiles(const std::string& folder) {
  const std::string graveyard = folder + "/graveyard";
  std::filesystem::create_directories(graveyard);
  return std::make_shared<ForgetfulFileSystem>(graveyard);
}

// RocksDB sleeps a second after each failed background write; with the power off there is nothing to wait for.
class ImpatientClock final : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "ImpatientClock"; }
  void SleepForMicroseconds(int) override { std::this_thread::yield(); }
};

class ForgetfulEnv final : public rocksdb::EnvWrapper {
 public:
  explicit ForgetfulEnv(const std::shared_ptr<rocksdb::FileSystem>& files)
      : EnvWrapper(rocksdb::NewCompositeEnv(files)) {
    file_system_ = files;
    system_clock_ = std::make_shared<ImpatientClock>();
  }
  const char* Name() const override { return "ForgetfulEnv"; }
};

}  // namespace

ForgetfulDisk::ForgetfulDisk(std::string folder)
    : folder_(std::move(folder)), files_(MakeFiles(folder_)), env_(std::make_unique<ForgetfulEnv>(files_)) {}

ForgetfulDisk::~ForgetfulDisk() = default;

absl::StatusOr<std::unique_ptr<RocksStore>> ForgetfulDisk::Open(RocksOptions options) {
  options.path = folder_ + "/store";
  return OpenRocksStoreOn(options, env_.get());
}

void ForgetfulDisk::CutPowerAfter(uint64_t operations) { files_->CutPowerAfter(operations); }
bool ForgetfulDisk::off() const { return files_->off(); }
uint64_t ForgetfulDisk::operations() const { return files_->operations(); }
void ForgetfulDisk::Restore(uint64_t seed) { files_->Restore(seed); }
void ForgetfulDisk::LieAboutSync() { files_->LieAboutSync(); }
void ForgetfulDisk::FillUp() { files_->SetFull(true); }
void ForgetfulDisk::MakeRoom() { files_->SetFull(false); }
void ForgetfulDisk::ReportFreeBytes(uint64_t free) { files_->ReportFreeBytes(free); }

}  // namespace firebreak::testing
