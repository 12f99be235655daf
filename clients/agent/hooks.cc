#include "clients/agent/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr size_t kOutputBytesMax = 1024;

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Only async-signal-safe calls: other threads may hold any lock.
[[noreturn]] void BecomeHook(int output, const char* folder, char* const* arguments, char* const* environment) {
  ::setpgid(0, 0);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::chdir(folder) == 0) ::execve("/bin/sh", arguments, environment);
  ::_exit(127);
}

// Reads what is there; false at the end of the pipe.
bool Drain(int fd, std::string& output) {
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got == 0) return false;
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    const size_t room = kOutputBytesMax - output.size();
    output.append(buffer, std::min(room, static_cast<size_t>(got)));
  }
}

std::string Presentable(std::string output) {
  while (!output.empty() && (output.back() == '\n' || output.back() == ' ')) output.pop_back();
  while (!IsValidUtf8(output)) output.pop_back();
  return output;
}

absl::StatusOr<std::string> Outcome(const HookCall& call, int status, std::string output) {
  output = Presentable(std::move(output));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  const std::string how =
      WIFEXITED(status) ? StrCat("answered ", WEXITSTATUS(status)) : StrCat("was ended by signal ", WTERMSIG(status));
  return absl::FailedPreconditionError(
      StrCat("hook \"", call.command, "\" ", how, output.empty() ? "" : StrCat(": ", output)));
}

}  // namespace

absl::StatusOr<std::string> ProcessHookRunner::Run(const HookCall& call) {
  std::vector<std::string> words = {"/bin/sh", "-c", call.command};
  std::vector<std::string> environment = environment_;
  for (const auto& [name, value] : call.variables) environment.push_back(StrCat(name, "=", value));
  const std::vector<char*> arguments = Pointers(words);
  const std::vector<char*> variables = Pointers(environment);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return absl::UnavailableError(StrCat("hook: no pipe: ", std::strerror(errno)));
  const pid_t child = ::fork();
  if (child == 0) BecomeHook(ends[1], call.folder.c_str(), arguments.data(), variables.data());
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return absl::UnavailableError(StrCat("hook \"", call.command, "\": cannot start: ", std::strerror(errno)));
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  // The hook's own time: the operating system's monotonic clock, whatever the agent is told about the hour.
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(call.timeout);
  // Readable when the hook has ended; where the kernel has no such thing (-1) the tick finds out.
  const int ended = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  std::string output;
  int status = 0;
  bool open = true;
  while (true) {
    pollfd waiting[] = {{open ? ends[0] : -1, POLLIN, 0}, {ended, POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    ::poll(waiting, 2, static_cast<int>(std::clamp<int64_t>(left, 0, absl::ToInt64Milliseconds(tick_))));
    if (open) open = Drain(ends[0], output);
    if (::waitpid(child, &status, WNOHANG) == child) break;
    if (std::chrono::steady_clock::now() < deadline) continue;
    ::kill(-child, SIGKILL);
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    ::close(ends[0]);
    if (ended >= 0) ::close(ended);
    return absl::DeadlineExceededError(
        StrCat("hook \"", call.command, "\" took longer than ", absl::FormatDuration(call.timeout), " and was killed"));
  }
  if (open) Drain(ends[0], output);   // a process it left behind may keep the pipe open; nobody waits for that
  ::close(ends[0]);
  if (ended >= 0) ::close(ended);
  return Outcome(call, status, std::move(output));
}

}  // namespace firebreak
