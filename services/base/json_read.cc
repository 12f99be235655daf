#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json_stream.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

using google::protobuf::Value;

// Numbers come as text: what the parser makes of zeros with an exponent (0e300) is undefined.
constexpr unsigned kStrict = rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag |
                             rapidjson::kParseIterativeFlag;

// Whether bytes that come in pieces are UTF-8.
class Utf8Pieces {
 public:
  bool Add(std::string_view piece) {
    while (!cut_.empty() && !piece.empty()) {
      cut_.push_back(piece.front());
      piece.remove_prefix(1);
      if (IsValidUtf8(cut_)) {
        cut_.clear();
      } else if (cut_.size() >= kSequenceMax) {
        return false;
      }
    }
    const size_t tail = CutAtEnd(piece);
    cut_.append(piece.substr(piece.size() - tail));
    return IsValidUtf8(piece.substr(0, piece.size() - tail));
  }
  bool Finish() const { return cut_.empty(); }

 private:
  static constexpr size_t kSequenceMax = 4;
  // Bytes of a sequence that goes on in the next piece.
  static size_t CutAtEnd(std::string_view piece) {
    for (size_t back = 1; back < kSequenceMax && back <= piece.size(); ++back) {
      const auto byte = static_cast<unsigned char>(piece[piece.size() - back]);
      if (byte < 0x80) return 0;
      if (byte >= 0xC0) return (byte >= 0xF0 ? 4u : byte >= 0xE0 ? 3u : 2u) > back ? back : 0;
    }
    return 0;
  }

  std::string cut_;
};

// Pieces one after another, as rapidjson reads a stream. The text in the next pair of quotes can be left out of what it sees.
class PieceStream {
 public:
  using Ch = char;

  PieceStream(NextPiece next, size_t held_bytes_max) : next_(next), held_bytes_max_(held_bytes_max) { Refill(); }

  Ch Peek() const { return at_ == end_ ? '\0' : *at_; }
  Ch Take() {
    if (at_ == end_) return '\0';
    const Ch c = *at_;
    Step();
    if (leaves_next_ && c == '"') LeaveText();
    return c;
  }
  size_t Tell() const { return static_cast<size_t>(piece_start_ + static_cast<uint64_t>(at_ - begin_)); }
  // Only for parsing in place, which is not done.
  Ch* PutBegin() { return nullptr; }
  void Put(Ch) {}
  void Flush() {}
  size_t PutEnd(Ch*) { return 0; }

  void LeaveNextText() { leaves_next_ = true; }
  std::optional<JsonPlace> TakeLeft() {
    leaves_next_ = false;
    return std::exchange(left_, std::nullopt);
  }
  // Bytes that the reader holds or is about to: counted from what it was told of last.
  void Held(uint64_t bytes_before, uint64_t from) {
    held_before_ = bytes_before;
    held_from_ = from;
  }
  // Why it ended early.
  const absl::Status& status() const { return status_; }

 private:
  void Step() {
    if (++at_ == end_) Refill();
  }

  void Refill() {
    piece_start_ += static_cast<uint64_t>(end_ - begin_);
    begin_ = at_ = end_ = nullptr;
    if (!status_.ok() || ended_) return;
    if (!leaving_ && held_before_ + (piece_start_ - held_from_) > held_bytes_max_) {
      return Fail(absl::InvalidArgumentError(StrCat("json at byte ", piece_start_, ": more than ", held_bytes_max_,
                                                    " bytes of it would have to be held")));
    }
    absl::StatusOr<std::string_view> piece = next_();
    if (!piece.ok()) return Fail(piece.status());
    ended_ = piece->empty();
    // The parser takes NUL for the end of the text.
    if (const size_t nul = piece->find('\0'); nul != std::string_view::npos) {
      return Fail(absl::InvalidArgumentError(StrCat("json at byte ", piece_start_ + nul, ": zero byte")));
    }
    if (!utf8_.Add(*piece) || (ended_ && !utf8_.Finish())) return Fail(absl::InvalidArgumentError("json is not valid UTF-8"));
    begin_ = at_ = piece->data();
    end_ = begin_ + piece->size();
  }

  void LeaveText() {
    leaves_next_ = false;
    leaving_ = true;
    JsonPlace place{Tell(), 0};
    while (at_ != end_ && *at_ != '"') {
      if (static_cast<unsigned char>(*at_) < 0x20) break;   // the parser refuses it
      if (*at_ == '\\') Step();
      if (at_ != end_) Step();
    }
    place.end = Tell();
    left_ = place;
    leaving_ = false;
    // A text of any length may stand there; what follows it counts again.
    held_from_ += place.end - place.begin;
  }

  void Fail(absl::Status why) {
    status_ = std::move(why);
    begin_ = at_ = end_ = nullptr;
  }

  const NextPiece next_;
  const size_t held_bytes_max_;
  uint64_t piece_start_ = 0;
  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  bool ended_ = false;
  bool leaves_next_ = false;
  bool leaving_ = false;
  uint64_t held_before_ = 0;
  uint64_t held_from_ = 0;
  std::optional<JsonPlace> left_;
  Utf8Pieces utf8_;
  absl::Status status_;
};

// Builds a Value from parser events. Returning false stops the parser; error() or refusal() then says why.
class ValueBuilder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, ValueBuilder> {
 public:
  ValueBuilder(PieceStream& stream, JsonDocument& document, const JsonLimits& limits, const JsonParts& parts)
      : stream_(stream), document_(document), limits_(limits), parts_(parts) {}

  const std::string& error() const { return error_; }
  const absl::Status& refusal() const { return refusal_; }

  bool Null() { return Place([](Value& value) { value.set_null_value(google::protobuf::NULL_VALUE); }); }
  bool Bool(bool b) { return Place([b](Value& value) { value.set_bool_value(b); }); }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    double number = 0;
    if (std::from_chars(text, text + length, number).ec == std::errc::result_out_of_range) {
      number = std::strtod(std::string(text, length).c_str(), nullptr);   // tells too large from too small to differ from zero
      if (std::isinf(number)) return Stop("a number is too large");
    }
    return Place([number](Value& value) { value.set_number_value(number); });
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    const std::string_view view(text, length);
    if (!IsValidUtf8(view)) return Stop("a string escape is half a surrogate pair");
    return Place([view](Value& value) { value.set_string_value(view.data(), view.size()); });
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    if (!Count()) return false;
    std::string name(text, length);
    if (!IsValidUtf8(name)) return Stop("a string escape is half a surrogate pair");
    if (Skips()) return true;
    auto& fields = *open_.back().value->mutable_struct_value()->mutable_fields();
    if (fields.contains(name)) return Stop(StrCat("member \"", absl::Utf8SafeCHexEscape(name), "\" appears twice"));
    member_ = &fields[name];
    open_.back().member = std::move(name);
    if (IsAt(parts_.text_path)) stream_.LeaveNextText();
    return true;
  }
  bool StartObject() {
    return Open([](Value& value) { value.mutable_struct_value(); });
  }
  bool StartArray() {
    const bool is_the_list = list_depth_ == 0 && !parts_.list_path.empty() && IsAt(parts_.list_path);
    if (!Open([](Value& value) { value.mutable_list_value(); })) return false;
    if (is_the_list) {
      list_depth_ = depth_;
      held_outside_ = held_;
      values_outside_ = values_;
    }
    return true;
  }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool EndArray(rapidjson::SizeType) {
    if (depth_ == list_depth_) list_depth_ = 0;
    return Close();
  }

 private:
  struct Level {
    Value* value = nullptr;
    std::string member;   // the one named last
  };

  // Inside an element that is only counted.
  bool Skips() const { return list_depth_ > 0 && !parts_.element; }

  // The value that comes next is at this path, and no list lies above it.
  bool IsAt(const std::vector<std::string_view>& path) const {
    if (list_depth_ > 0 || path.empty() || open_.size() != path.size()) return false;
    for (size_t i = 0; i < path.size(); ++i) {
      if (!open_[i].value->has_struct_value() || open_[i].member != path[i]) return false;
    }
    return true;
  }

  // Where the next value goes: the root, the member just named, a new last element, or the element to be handed over.
  Value& Next() {
    if (open_.empty()) return document_.root;
    if (depth_ == list_depth_) return element_;
    if (open_.back().value->has_list_value()) return *open_.back().value->mutable_list_value()->add_values();
    return *member_;
  }

  bool Count() {
    const uint64_t at = stream_.Tell();
    held_ += at - counted_to_;
    counted_to_ = at;
    stream_.Held(held_, at);
    return held_ <= limits_.size_bytes_max || Stop(StrCat("more than ", limits_.size_bytes_max, " bytes of it would have to be held"));
  }

  template <typename Set>
  bool Place(Set set) {
    if (const std::optional<JsonPlace> left = stream_.TakeLeft()) {
      document_.text = left;
      counted_to_ += left->end - left->begin;
    }
    if (!Count()) return false;
    if (++values_ > limits_.values_max) return Stop(StrCat("more than ", limits_.values_max, " values"));
    if (!Skips()) set(Next());
    return Ended();
  }
  template <typename Set>
  bool Open(Set set) {
    stream_.TakeLeft();   // no text after all
    if (!Count()) return false;
    if (depth_ >= limits_.depth_max) return Stop(StrCat("nested deeper than ", limits_.depth_max));
    if (++values_ > limits_.values_max) return Stop(StrCat("more than ", limits_.values_max, " values"));
    if (!Skips()) {
      Value& value = Next();
      set(value);
      open_.push_back({&value, ""});
    }
    ++depth_;
    return true;
  }
  bool Close() {
    if (!Count()) return false;
    --depth_;
    if (!Skips()) open_.pop_back();
    return Ended();
  }
  // A value is complete.
  bool Ended() {
    if (list_depth_ == 0 || depth_ != list_depth_) return true;
    ++document_.elements;
    held_ = held_outside_;
    values_ = values_outside_;
    stream_.Held(held_, counted_to_);
    if (!parts_.element) return true;
    refusal_ = parts_.element(element_);
    element_.Clear();
    return refusal_.ok();
  }
  bool Stop(std::string why) {
    error_ = std::move(why);
    return false;
  }

  PieceStream& stream_;
  JsonDocument& document_;
  const JsonLimits& limits_;
  const JsonParts& parts_;
  size_t values_ = 0;
  uint64_t held_ = 0;
  uint64_t counted_to_ = 0;
  int depth_ = 0;
  int list_depth_ = 0;             // of what is in the list; 0 outside of it
  uint64_t held_outside_ = 0;
  size_t values_outside_ = 0;
  std::vector<Level> open_;
  Value* member_ = nullptr;        // map values do not move
  Value element_;
  std::string error_;
  absl::Status refusal_;
};

}  // namespace

absl::StatusOr<JsonDocument> ReadJson(NextPiece next, const JsonLimits& limits, const JsonParts& parts) {
  JsonDocument document;
  PieceStream stream(next, limits.size_bytes_max);
  ValueBuilder builder(stream, document, limits, parts);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kStrict>(stream, builder);
  if (!stream.status().ok()) return stream.status();
  if (!builder.refusal().ok()) return builder.refusal();
  if (!result) {
    const std::string why = builder.error().empty() ? rapidjson::GetParseError_En(result.Code()) : builder.error();
    return absl::InvalidArgumentError(StrCat("json at byte ", result.Offset(), ": ", why));
  }
  return document;
}

absl::StatusOr<Value> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.size_bytes_max) {
    return absl::InvalidArgumentError(
        StrCat("json has ", text.size(), " bytes; at most ", limits.size_bytes_max, " are allowed"));
  }
  bool given = false;
  const auto whole = [&]() -> absl::StatusOr<std::string_view> { return std::exchange(given, true) ? std::string_view() : text; };
  absl::StatusOr<JsonDocument> document = ReadJson(whole, limits, {});
  if (!document.ok()) return document.status();
  return std::move(document->root);
}

}  // namespace firebreak
