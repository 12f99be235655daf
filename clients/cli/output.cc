#include "clients/cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "google/protobuf/descriptor.h"

namespace firebreak::cli {
namespace {

bool ColorWanted() {
  const char* none = std::getenv("NO_COLOR");
  if (none != nullptr && *none != '\0') return false;
  const char* terminal = std::getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) != "dumb";
}

// Length of the C1 control (UTF-8 C2 80 … C2 9F) or ASCII control at `at`; 0 when there is none.
size_t ControlAt(std::string_view text, size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7F) return 1;
  if (byte != 0xC2 || at + 1 >= text.size()) return 0;
  return static_cast<unsigned char>(text[at + 1]) < 0xA0 ? 2 : 0;
}

// What Paint wraps around text; everything else that begins with ESC came from somewhere else.
const char* const kPaints[] = {"\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[2m", "\x1b[0m"};

size_t PaintAt(std::string_view text, size_t at) {
  for (const std::string_view paint : kPaints) {
    if (text.substr(at, paint.size()) == paint) return paint.size();
  }
  return 0;
}

std::string Painted(std::string_view text, Tone tone) {
  switch (tone) {
    case Tone::kPlain: return std::string(text);
    case Tone::kGood: return StrCat("\x1b[32m", text, "\x1b[0m");
    case Tone::kWarning: return StrCat("\x1b[33m", text, "\x1b[0m");
    case Tone::kBad: return StrCat("\x1b[31m", text, "\x1b[0m");
    case Tone::kFaint: return StrCat("\x1b[2m", text, "\x1b[0m");
  }
  return std::string(text);
}

enum class Lines { kKept, kJoined };

// Text that cannot move the cursor, set a title or hide what stands beside it.
std::string Harmless(std::string_view text, Lines lines) {
  std::string shown;
  shown.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (const size_t paint = PaintAt(text, at); paint > 0) {
      shown.append(text, at, paint);
      at += paint;
    } else if (lines == Lines::kKept && (text[at] == '\n' || text[at] == '\t')) {
      shown += text[at++];
    } else if (const size_t control = ControlAt(text, at); control > 0) {
      shown += text[at] == '\n' || text[at] == '\t' ? ' ' : '?';
      at += control;
    } else {
      shown += text[at++];
    }
  }
  return shown;
}

void Write(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}

// Columns a cell takes: colours and bytes that continue a UTF-8 character take none.
size_t Width(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t paint = PaintAt(text, at);
    if (paint == 0 && (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) ++width;
    at += std::max<size_t>(paint, 1);
  }
  return width;
}

}  // namespace

void Table::Add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = Harmless(cell, Lines::kJoined);
  rows_.push_back(std::move(row));
}

std::string Table::Text() const {
  std::vector<size_t> widths;
  const auto measure = [&widths](const std::vector<std::string>& row) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  };
  measure(header_);
  for (const auto& row : rows_) measure(row);
  std::string text;
  const auto write = [&](const std::vector<std::string>& row) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    text += '\n';
  };
  write(header_);
  for (const auto& row : rows_) write(row);
  return text;
}

void Output::Configure(Format format, bool color_allowed) {
  format_ = format;
  terminal_ = ::isatty(STDOUT_FILENO) == 1;
  color_ = color_allowed && ColorWanted() && terminal_;
  animated_ = color_allowed && ColorWanted() && ::isatty(STDERR_FILENO) == 1;
}

void Output::Print(std::string_view text) const {
  Write(stdout, StrCat(terminal_ ? Harmless(text, Lines::kKept) : std::string(text), "\n"));
}

void Output::PrintTable(const Table& table, std::string_view when_empty) const {
  if (table.empty()) {
    Notice(when_empty);
    return;
  }
  Write(stdout, table.Text());
}

void Output::PrintMessage(const google::protobuf::Message& message) const {
  std::string text = MessageToJsonPretty(message);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  Print(text);
}

void Output::PrintAnswer(const google::protobuf::Message& answer, std::string_view text) const {
  if (format_ == Format::kJson) {
    PrintMessage(answer);
  } else {
    Print(text);
  }
}

void Output::PrintFields(const Fields& fields, std::string_view text) const {
  if (format_ == Format::kTable) {
    Print(text);
    return;
  }
  google::protobuf::Struct object;
  for (const auto& [name, value] : fields) (*object.mutable_fields())[name].set_string_value(value);
  PrintMessage(object);
}

void Output::Notice(std::string_view text, Tone tone) const {
  const std::string shown = Harmless(text, Lines::kKept);
  Write(stderr, StrCat(animated_ ? Painted(shown, tone) : shown, "\n"));
}

void Output::Replace(std::string_view text) const { Write(stderr, StrCat("\r\x1b[K", Harmless(text, Lines::kJoined))); }

void Output::Redraw(const std::vector<std::string>& lines, size_t above) const {
  std::string text = above == 0 ? std::string() : StrCat("\x1b[", above, "A");
  for (const std::string& line : lines) StrAppend(&text, "\r\x1b[K", Harmless(line, Lines::kJoined), "\n");
  Write(stdout, text + "\x1b[J");
}

std::string Output::Paint(std::string_view text, Tone tone) const {
  return color_ ? Painted(text, tone) : std::string(text);
}

std::string ShortEnum(const google::protobuf::EnumDescriptor* type, int value) {
  const google::protobuf::EnumValueDescriptor* found = type->FindValueByNumber(value);
  if (found == nullptr) return std::to_string(value);
  std::string prefix;
  for (char c : type->name()) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  prefix += '_';
  std::string name = found->name();
  if (name.compare(0, prefix.size(), prefix) == 0) name.erase(0, prefix.size());
  for (char& c : name) c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::string TimeText(bool present, const google::protobuf::Timestamp& time) {
  if (!present) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", FromProto(time), absl::UTCTimeZone());
}

std::string SizeText(uint64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(bytes);
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < std::size(units); ++unit) size /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
  return text;
}

std::string ShortDigest(std::string_view digest) { return std::string(digest.substr(0, 19)); }

std::string Count(uint64_t count, std::string_view what) { return StrCat(count, " ", what, count == 1 ? "" : "s"); }

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk: return 0;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange: return 2;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied: return 3;
    case absl::StatusCode::kUnauthenticated: return 4;
    case absl::StatusCode::kNotFound: return 5;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists: return 6;
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnavailable: return 7;
    case absl::StatusCode::kCancelled: return 130;
    default: return 1;
  }
}

}  // namespace firebreak::cli
