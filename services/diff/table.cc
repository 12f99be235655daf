#include "services/diff/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr size_t kValueBytesKept = 256;    // of a field; longer ones are text whatever they hold
constexpr size_t kNameBytesMax = 1024;

// What every value of a column so far could be.
struct Guess {
  bool any = false;
  bool integer = true;
  bool number = true;
  bool boolean = true;
  bool time = true;

  void See(const std::string& value, bool cut) {
    if (value.empty()) return;
    any = true;
    if (cut) {
      integer = number = boolean = time = false;
      return;
    }
    int64_t whole = 0;
    double real = 0;
    integer = integer && absl::SimpleAtoi(value, &whole);
    number = number && absl::SimpleAtod(value, &real);
    if (boolean) {
      const std::string lower = Lower(value);
      boolean = lower == "true" || lower == "false" || lower == "yes" || lower == "no";
    }
    time = time && LooksLikeTime(value);
  }
  std::string Type() const {
    if (!any) return "empty";
    if (integer) return "integer";
    if (number) return "number";
    if (boolean) return "boolean";
    return time ? "time" : "text";
  }

 private:
  static std::string Lower(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
  }
  static bool LooksLikeTime(const std::string& value) {
    if (value.size() < 8 || value.size() > 40) return false;
    absl::Time time;
    std::string error;
    for (const char* format : {"%Y-%m-%d", "%Y-%m-%d %H:%M:%E*S", "%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%dT%H:%M:%E*S%Ez"}) {
      if (absl::ParseTime(format, value, &time, &error)) return true;
    }
    return false;
  }
};

// Splits bytes into fields and rows, one byte at a time; state lives across chunk borders.
class TableReader {
 public:
  TableReader(char separator, const DiffLimits& limits) : separator_(separator), limits_(limits) {}

  absl::Status Feed(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\0') return absl::InvalidArgumentError("table: it holds binary data");
      RETURN_IF_ERROR(Take(c));
    }
    return absl::OkStatus();
  }

  absl::Status Finish(bool complete) {
    if (complete && quoted_ && !quote_closed_) return absl::InvalidArgumentError("table: a quoted field never ends");
    if (complete && (!field_.empty() || fields_in_row_ > 0 || quoted_)) RETURN_IF_ERROR(EndRow());
    if (names_.empty()) return absl::InvalidArgumentError("table: it has no header");
    return absl::OkStatus();
  }

  TableFacts Facts(bool complete) const {
    TableFacts facts;
    for (size_t i = 0; i < names_.size(); ++i) facts.columns.push_back({names_[i], guesses_[i].Type()});
    facts.rows = rows_;
    facts.complete = complete;
    return facts;
  }

 private:
  absl::Status Take(char c) {
    if (quoted_ && !quote_closed_) {
      if (c == '"') {
        quote_closed_ = true;
      } else {
        Keep(c);
      }
      return absl::OkStatus();
    }
    if (c == '"' && quote_closed_) {   // "" inside quotes
      quote_closed_ = false;
      Keep(c);
    } else if (c == '"' && field_.empty() && !quoted_) {
      quoted_ = true;
    } else if (c == separator_) {
      return EndField();
    } else if (c == '\n') {
      return EndRow();
    } else if (c != '\r') {
      Keep(c);
    }
    return absl::OkStatus();
  }

  void Keep(char c) {
    if (field_.size() < (header_done_ ? kValueBytesKept : kNameBytesMax)) {
      field_.push_back(c);
    } else {
      cut_ = true;
    }
  }

  absl::Status EndField() {
    if (!header_done_) {
      if (names_.size() >= limits_.columns_max) {
        return absl::ResourceExhaustedError(StrCat("table: more than ", limits_.columns_max, " columns"));
      }
      if (names_.empty() && field_.compare(0, 3, "\xEF\xBB\xBF") == 0) field_.erase(0, 3);
      if (!IsValidUtf8(field_)) return absl::InvalidArgumentError("table: a column's name is not UTF-8");
      names_.push_back(field_);
    } else if (fields_in_row_ < guesses_.size()) {
      guesses_[fields_in_row_].See(field_, cut_);
    }
    ++fields_in_row_;
    field_.clear();
    quoted_ = quote_closed_ = cut_ = false;
    return absl::OkStatus();
  }

  absl::Status EndRow() {
    const bool blank = fields_in_row_ == 0 && field_.empty() && !quoted_;
    if (!blank) {
      RETURN_IF_ERROR(EndField());
      if (header_done_) {
        ++rows_;
      } else {
        header_done_ = true;
        guesses_.resize(names_.size());
      }
    }
    fields_in_row_ = 0;
    return absl::OkStatus();
  }

  const char separator_;
  const DiffLimits& limits_;
  std::vector<std::string> names_;
  std::vector<Guess> guesses_;
  uint64_t rows_ = 0;
  size_t fields_in_row_ = 0;
  std::string field_;
  bool header_done_ = false;
  bool quoted_ = false;
  bool quote_closed_ = false;
  bool cut_ = false;
};

}  // namespace

absl::StatusOr<TableFacts> ReadTable(RangedFile& file, char separator, const DiffLimits& limits) {
  TableReader reader(separator, limits);
  const uint64_t end = std::min(file.size(), limits.table_bytes_max);
  uint64_t at = 0;
  while (at < end) {
    absl::StatusOr<std::string_view> view = file.View(at);
    if (absl::IsResourceExhausted(view.status())) break;
    if (!view.ok()) return view.status();
    if (view->empty()) return absl::OutOfRangeError("table: the file ends early");
    const std::string_view piece = view->substr(0, static_cast<size_t>(std::min<uint64_t>(view->size(), end - at)));
    RETURN_IF_ERROR(reader.Feed(piece));
    at += piece.size();
  }
  const bool complete = at == file.size();
  RETURN_IF_ERROR(reader.Finish(complete));
  return reader.Facts(complete);
}

}  // namespace firebreak
