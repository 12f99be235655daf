#include "services/alerts/intake/decode.h"

namespace firebreak {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// `count` digits at `at`; -1 when there are other characters.
int Digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (!IsDigit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

bool IsAt(std::string_view text, size_t at, char c) { return at < text.size() && text[at] == c; }

// Z or +hh:mm from `at` to the end.
std::optional<absl::Duration> ZoneOffset(std::string_view text, size_t at) {
  if (text.size() == at + 1 && (text[at] == 'Z' || text[at] == 'z')) return absl::ZeroDuration();
  if (text.size() != at + 6 || (text[at] != '+' && text[at] != '-') || text[at + 3] != ':') return std::nullopt;
  const int hours = Digits(text, at + 1, 2);
  const int minutes = Digits(text, at + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const absl::Duration offset = absl::Hours(hours) + absl::Minutes(minutes);
  return text[at] == '-' ? -offset : offset;
}

}  // namespace

std::optional<absl::Time> ParseAlertTime(std::string_view text) {
  if (text.empty()) return absl::InfinitePast();
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  const int hour = Digits(text, 11, 2);
  const int minute = Digits(text, 14, 2);
  const int second = Digits(text, 17, 2);
  if (year < 1 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  if (!IsAt(text, 4, '-') || !IsAt(text, 7, '-') || !IsAt(text, 13, ':') || !IsAt(text, 16, ':')) return std::nullopt;
  if (!IsAt(text, 10, 'T') && !IsAt(text, 10, 't')) return std::nullopt;
  size_t at = 19;
  int64_t nanoseconds = 0;
  if (IsAt(text, at, '.')) {
    size_t digits = 0;
    for (++at; at < text.size() && IsDigit(text[at]); ++at, ++digits) {
      if (digits < 9) nanoseconds = nanoseconds * 10 + (text[at] - '0');
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 9; ++digits) nanoseconds *= 10;
  }
  const std::optional<absl::Duration> offset = ZoneOffset(text, at);
  if (!offset) return std::nullopt;
  // A civil time that had to be normalised (February 30, 25:00) was not one.
  const absl::CivilSecond civil(year, month, day, hour, minute, second);
  if (civil.month() != month || civil.day() != day || civil.hour() != hour || civil.minute() != minute ||
      civil.second() != second) {
    return std::nullopt;
  }
  const absl::Time time = absl::FromCivil(civil, absl::UTCTimeZone()) + absl::Nanoseconds(nanoseconds) - *offset;
  // Protobuf's range ends with year 9999, and the zero time of Go means absent.
  static const absl::Time kZero = absl::FromCivil(absl::CivilSecond(1, 1, 1), absl::UTCTimeZone());
  static const absl::Time kEnd = absl::FromCivil(absl::CivilSecond(10000, 1, 1), absl::UTCTimeZone());
  if (time < kZero || time >= kEnd) return std::nullopt;
  return time == kZero ? absl::InfinitePast() : time;
}

bool IsRequestUri(std::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return false;
  }
  if (text.empty() || text[0] == '/') return !text.empty();
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c == ':') return i > 0;
    if (!letter && (i == 0 || (!IsDigit(c) && c != '+' && c != '-' && c != '.'))) return false;
  }
  return false;
}

}  // namespace firebreak
