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

// Columns a cell takes: bytes that continue a UTF-8 character take none.
size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

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
  color_ = color_allowed && ColorWanted() && ::isatty(STDOUT_FILENO) == 1;
  animated_ = color_allowed && ColorWanted() && ::isatty(STDERR_FILENO) == 1;
}

void Output::Print(std::string_view text) const { std::printf("%.*s\n", static_cast<int>(text.size()), text.data()); }

void Output::PrintTable(const Table& table, std::string_view when_empty) const {
  if (table.empty()) {
    Notice(when_empty);
    return;
  }
  std::fputs(table.Text().c_str(), stdout);
}

void Output::PrintMessage(const google::protobuf::Message& message) const { Print(MessageToJsonPretty(message)); }

void Output::Notice(std::string_view text) const {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

void Output::Replace(std::string_view text) const {
  std::fprintf(stderr, "\r\x1b[K%.*s", static_cast<int>(text.size()), text.data());
  std::fflush(stderr);
}

std::string Output::Paint(std::string_view text, Tone tone) const {
  if (!color_ || tone == Tone::kPlain) return std::string(text);
  const char* code = "0";
  switch (tone) {
    case Tone::kPlain: break;
    case Tone::kGood: code = "32"; break;
    case Tone::kWarning: code = "33"; break;
    case Tone::kBad: code = "31"; break;
    case Tone::kFaint: code = "2"; break;
  }
  return StrCat("\x1b[", code, "m", text, "\x1b[0m");
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
