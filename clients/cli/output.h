// What people and scripts read: tables and sentences on standard output, notices on standard error, JSON when asked for.
#ifndef FIREBREAK_CLIENTS_CLI_OUTPUT_H_
#define FIREBREAK_CLIENTS_CLI_OUTPUT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "firebreak/base/clock.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"

namespace firebreak::cli {

enum class Format { kTable, kJson };
enum class Tone { kPlain, kGood, kWarning, kBad, kFaint };

// Rows are padded to the widest cell; the last column is never padded.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  void Add(std::vector<std::string> row);              // line breaks and control characters in a cell become harmless
  bool empty() const { return rows_.empty(); }
  std::string Text() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// Name and value of what a command without a service answer says.
using Fields = std::vector<std::pair<std::string, std::string>>;

// One per process. Colour and animation only on a terminal, and never with NO_COLOR, TERM=dumb or --no-color.
class Output {
 public:
  void Configure(Format format, bool color_allowed);
  Format format() const { return format_; }
  bool animated() const { return animated_; }          // standard error is a terminal
  bool redraws() const { return terminal_ && animated_; }   // standard output is a terminal that may be drawn on

  // Each is written out at once, so that a reader of both streams sees them in order. On a terminal, control characters
  // in data (a label of a monitor, a note) are shown as `?` and never reach it.
  void Print(std::string_view text) const;             // a line of data
  void PrintTable(const Table& table, std::string_view when_empty) const;
  void PrintMessage(const google::protobuf::Message& message) const;   // JSON
  void PrintAnswer(const google::protobuf::Message& answer, std::string_view text) const;   // JSON, or the text for people
  void PrintFields(const Fields& fields, std::string_view text) const;   // the same where no message of the service exists
  void Notice(std::string_view text, Tone tone = Tone::kPlain) const;    // a line for the person
  void Replace(std::string_view text) const;           // rewrites the current line of the person's terminal
  // Draws lines of standard output anew over `above` lines drawn before. Only where redraws().
  void Redraw(const std::vector<std::string>& lines, size_t above) const;
  std::string Paint(std::string_view text, Tone tone) const;   // for standard output

 private:
  Format format_ = Format::kTable;
  bool color_ = false;                                 // on standard output
  bool terminal_ = false;                              // standard output is a terminal
  bool animated_ = false;
};

// "RUN_STATE_SUCCEEDED" of enum RunState -> "succeeded".
std::string ShortEnum(const google::protobuf::EnumDescriptor* type, int value);
template <typename Enum>
std::string ShortName(Enum value) {
  return ShortEnum(google::protobuf::GetEnumDescriptor<Enum>(), value);
}

// 2026-11-20 10:04:21Z, or "-" when absent.
std::string TimeText(bool present, const google::protobuf::Timestamp& time);
std::string SizeText(uint64_t bytes);                  // 1.4 GiB
std::string ShortDigest(std::string_view digest);      // sha256:3f9a1c20b7d4
std::string Count(uint64_t count, std::string_view what);   // 1 file, 2 files

// Exit code of a Status; see the table in README.md.
int ExitCode(const absl::Status& status);

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_OUTPUT_H_
