#include "services/signing/oms_payload.h"

#include <algorithm>
#include <charconv>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak::oms {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{256} << 10;
constexpr size_t kHexEscapeBytes = std::string_view("\\u002b").size();

absl::Status NotBase64() { return absl::InvalidArgumentError("dsseEnvelope: payload: an escape in it is not a base64 character"); }

}  // namespace

void PayloadPieces::Restart() {
  at_ = place_.begin;
  escape_.clear();
  reader_ = Base64Reader();
}

// JSON may write any character as an escape; of those in base64 some writers do so with the slash.
absl::Status PayloadPieces::Undo(std::string_view text) {
  plain_.clear();
  for (const char c : text) {
    if (escape_.empty() && c != '\\') {
      plain_.push_back(c);
      continue;
    }
    escape_.push_back(c);
    if (escape_ == "\\" || (escape_.starts_with("\\u") && escape_.size() < kHexEscapeBytes)) continue;
    unsigned value = 0;
    if (escape_ == "\\/") {
      value = '/';
    } else if (escape_.size() == kHexEscapeBytes) {
      const auto [end, error] = std::from_chars(escape_.data() + 2, escape_.data() + kHexEscapeBytes, value, 16);
      if (error != std::errc() || end != escape_.data() + kHexEscapeBytes || value >= 0x80) return NotBase64();
    } else {
      return NotBase64();
    }
    plain_.push_back(static_cast<char>(value));
    escape_.clear();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> PayloadPieces::Next() {
  decoded_.clear();
  while (decoded_.empty() && at_ < place_.end) {
    ASSIGN_OR_RETURN(std::string_view text, source_.Read(at_));
    if (text.empty()) return absl::DataLossError("bundle: it ended before its payload did");
    text = text.substr(0, static_cast<size_t>(std::min(place_.end - at_, kPieceBytes)));
    at_ += text.size();
    if (!escape_.empty() || text.find('\\') != std::string_view::npos) {
      RETURN_IF_ERROR(Undo(text));
      text = plain_;
    }
    RETURN_IF_ERROR(Annotate(reader_.Add(text, decoded_), "dsseEnvelope: payload"));
  }
  if (at_ < place_.end) return std::string_view(decoded_);
  if (!escape_.empty()) return NotBase64();
  if (reader_.mixes_alphabets()) return absl::InvalidArgumentError("dsseEnvelope: payload: mixes the two base64 alphabets");
  RETURN_IF_ERROR(Annotate(reader_.Finish(), "dsseEnvelope: payload"));
  return std::string_view(decoded_);
}

}  // namespace firebreak::oms
