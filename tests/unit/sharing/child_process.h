// A program run beside a test; it ends with the test.
#ifndef FIREBREAK_TESTS_UNIT_SHARING_CHILD_PROCESS_H_
#define FIREBREAK_TESTS_UNIT_SHARING_CHILD_PROCESS_H_

#include <poll.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

extern char** environ;

namespace firebreak::testing {

class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    if (::posix_spawnp(&pid_, pointers[0], nullptr, nullptr, pointers.data(), environ) != 0) pid_ = -1;
  }
  ~ChildProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Its exit code, when it has ended by itself; -1 when it did not.
  int Wait() {
    int state = 0;
    if (pid_ <= 0 || ::waitpid(pid_, &state, 0) != pid_) return -1;
    pid_ = -1;
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
  }

 private:
  pid_t pid_ = -1;
};

// Waits until something moved `path` into place. False after 30 s.
inline bool AwaitFile(const std::filesystem::path& path) {
  const int watch = ::inotify_init1(IN_CLOEXEC);
  ::inotify_add_watch(watch, path.parent_path().c_str(), IN_MOVED_TO);
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  bool there = std::filesystem::exists(path);
  while (!there && absl::Now() < deadline) {
    pollfd waiting{watch, POLLIN, 0};
    char events[4096];
    if (::poll(&waiting, 1, 1000) > 0) there = ::read(watch, events, sizeof events) > 0 && std::filesystem::exists(path);
    there = there || std::filesystem::exists(path);
  }
  ::close(watch);
  return there;
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_SHARING_CHILD_PROCESS_H_
