#include "clients/cli/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace firebreak::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Standard error of this process is the far side of `reader_` for as long as this lives.
class StandardErrorTo {
 public:
  enum class Kind { kTerminal, kPipe };
  explicit StandardErrorTo(Kind kind) : kept_(::dup(STDERR_FILENO)) {
    int writer = -1;
    if (kind == Kind::kTerminal) {
      EXPECT_EQ(::openpty(&reader_, &writer, nullptr, nullptr, nullptr), 0);
    } else {
      int ends[2];
      EXPECT_EQ(::pipe(ends), 0);
      reader_ = ends[0];
      writer = ends[1];
    }
    ::fcntl(reader_, F_SETFL, O_NONBLOCK);
    ::dup2(writer, STDERR_FILENO);
    ::close(writer);
  }
  ~StandardErrorTo() {
    ::dup2(kept_, STDERR_FILENO);
    ::close(kept_);
    ::close(reader_);
  }
  std::string Read() const {
    char piece[4096];
    const ssize_t got = ::read(reader_, piece, sizeof(piece));
    return got > 0 ? std::string(piece, static_cast<size_t>(got)) : "";
  }

 private:
  const int kept_;
  int reader_ = -1;
};

struct Progress : public ::testing::Test {
  Progress() { ::setenv("TERM", "xterm", 1), ::unsetenv("NO_COLOR"); }
  TransferProgress At(uint64_t mebibytes) {
    TransferProgress progress;
    progress.bytes_done = mebibytes << 20;
    progress.bytes_total = uint64_t{100} << 20;
    return progress;
  }
  ManualClock clock{absl::FromUnixSeconds(1'800'000'000)};
  Output out;
};

TEST_F(Progress, RewritesOneLineAtATerminalAndTakesItAwayAtTheEnd) {
  StandardErrorTo terminal(StandardErrorTo::Kind::kTerminal);
  out.Configure(Format::kTable, true);
  ProgressLine line(clock, out, "push model/fraud");
  clock.Advance(absl::Milliseconds(50));
  line.Update(At(1));
  EXPECT_EQ(terminal.Read(), "") << "no flicker";
  clock.Advance(absl::Milliseconds(950));
  line.Update(At(20));
  EXPECT_EQ(terminal.Read(), "\r\x1b[Kpush model/fraud: 20.0 MiB of 100.0 MiB, 20.0 MiB/s, 4 s left");
  clock.Advance(absl::Seconds(1));
  line.Update(At(100));
  EXPECT_EQ(terminal.Read(), "\r\x1b[Kpush model/fraud: 100.0 MiB of 100.0 MiB, 50.0 MiB/s");
  line.Finish();
  EXPECT_EQ(terminal.Read(), "\r\x1b[K");
  line.Finish();
  EXPECT_EQ(terminal.Read(), "");
}

TEST_F(Progress, WritesALineEveryFewSecondsElsewhere) {
  StandardErrorTo pipe(StandardErrorTo::Kind::kPipe);
  out.Configure(Format::kTable, true);
  ProgressLine line(clock, out, "pull model/fraud@1");
  clock.Advance(absl::Seconds(4));
  line.Update(At(40));
  EXPECT_EQ(pipe.Read(), "");
  clock.Advance(absl::Seconds(1));
  line.Update(At(50));
  EXPECT_EQ(pipe.Read(), "pull model/fraud@1: 50.0 MiB of 100.0 MiB, 10.0 MiB/s, 5 s left\n");
  line.Finish();
  EXPECT_EQ(pipe.Read(), "");
}

TEST_F(Progress, DoesNotMoveTheCursorWhenColourIsNotWanted) {
  StandardErrorTo terminal(StandardErrorTo::Kind::kTerminal);
  out.Configure(Format::kTable, false);
  ProgressLine line(clock, out, "push model/fraud");
  clock.Advance(absl::Seconds(5));
  line.Update(At(50));
  const std::string said = terminal.Read();
  EXPECT_THAT(said, HasSubstr("50.0 MiB of 100.0 MiB"));
  EXPECT_THAT(said, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace firebreak::cli
