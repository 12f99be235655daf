#include "firebreak/base/json.h"

#include <google/protobuf/util/json_util.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "firebreak/base/text.h"
#include "absl/strings/escaping.h"
#include "firebreak/base/bytes.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr double kExactIntegerMax = 9007199254740992.0;  // 2^53
// Numbers come as text: what the parser makes of zeros with an exponent (0e300) is undefined.
constexpr unsigned kStrict = rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag |
                             rapidjson::kParseIterativeFlag;

// Builds a Value from parser events. Returning false stops the parser; error() then says why.
class ValueBuilder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, ValueBuilder> {
 public:
  ValueBuilder(Value& root, const JsonLimits& limits) : root_(root), limits_(limits) {}

  const std::string& error() const { return error_; }

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
    const std::string name(text, length);
    if (!IsValidUtf8(name)) return Stop("a string escape is half a surrogate pair");
    auto& fields = *open_.back()->mutable_struct_value()->mutable_fields();
    if (fields.contains(name)) return Stop(StrCat("member \"", absl::Utf8SafeCHexEscape(name), "\" appears twice"));
    member_ = &fields[name];
    return true;
  }
  bool StartObject() {
    return Open([](Value& value) { value.mutable_struct_value(); });
  }
  bool StartArray() {
    return Open([](Value& value) { value.mutable_list_value(); });
  }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool EndArray(rapidjson::SizeType) { return Close(); }

 private:
  // Where the next value goes: the root, the member just named, or a new last element. Map values do not move.
  Value& Next() {
    if (open_.empty()) return root_;
    if (open_.back()->has_list_value()) return *open_.back()->mutable_list_value()->add_values();
    return *member_;
  }
  template <typename Set>
  bool Place(Set set) {
    if (++values_ > limits_.values_max) return Stop(StrCat("more than ", limits_.values_max, " values"));
    set(Next());
    return true;
  }
  template <typename Set>
  bool Open(Set set) {
    if (static_cast<int>(open_.size()) >= limits_.depth_max) return Stop(StrCat("nested deeper than ", limits_.depth_max));
    if (++values_ > limits_.values_max) return Stop(StrCat("more than ", limits_.values_max, " values"));
    Value& value = Next();
    set(value);
    open_.push_back(&value);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  bool Stop(std::string why) {
    error_ = std::move(why);
    return false;
  }

  Value& root_;
  const JsonLimits& limits_;
  size_t values_ = 0;
  std::vector<Value*> open_;
  Value* member_ = nullptr;
  std::string error_;
};

void AppendQuoted(std::string_view text, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"': out.append("\\\""); break;
      case '\\': out.append("\\\\"); break;
      case '\n': out.append("\\n"); break;
      case '\r': out.append("\\r"); break;
      case '\t': out.append("\\t"); break;
      case '\b': out.append("\\b"); break;
      case '\f': out.append("\\f"); break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out.append("\\u00").push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
          out.push_back(kDigits[c & 15]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

// Text that is not UTF-8 has no JSON form; its bad bytes become U+FFFD, as browsers do.
std::string WithReplacements(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t length = 1;
    while (length <= 4 && at + length <= text.size() && !IsValidUtf8(text.substr(at, length))) ++length;
    if (length > 4 || at + length > text.size()) {
      out.append("\xEF\xBF\xBD");
      ++at;
    } else {
      out.append(text.substr(at, length));
      at += length;
    }
  }
  return out;
}

std::string NumberText(double number) {
  if (!std::isfinite(number)) return "null";
  if (std::trunc(number) == number && std::fabs(number) < kExactIntegerMax) {
    return StrCat(static_cast<int64_t>(number));
  }
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), number);  // shortest text that reads back the same
  return std::string(buffer, result.ptr);
}

class JsonPrinter {
 public:
  explicit JsonPrinter(int indent) : indent_(indent) {}

  std::string Take() && { return std::move(out_); }

  void Print(const Value& value) {
    switch (value.kind_case()) {
      case Value::kStructValue: Print(value.struct_value()); return;
      case Value::kListValue: PrintList(value); return;
      case Value::kStringValue: out_.append(QuoteJson(value.string_value())); return;
      case Value::kNumberValue: out_.append(NumberText(value.number_value())); return;
      case Value::kBoolValue: out_.append(value.bool_value() ? "true" : "false"); return;
      case Value::kNullValue:
      case Value::KIND_NOT_SET: out_.append("null"); return;
    }
  }

  void Print(const Struct& value) {
    std::map<std::string_view, const Value*> sorted;
    for (const auto& [name, member] : value.fields()) sorted.emplace(name, &member);
    out_.push_back('{');
    ++depth_;
    bool is_first = true;
    for (const auto& [name, member] : sorted) {
      Separate(is_first);
      out_.append(QuoteJson(name)).append(indent_ > 0 ? ": " : ":");
      Print(*member);
    }
    CloseWith('}', is_first);
  }

 private:
  void PrintList(const Value& value) {
    out_.push_back('[');
    ++depth_;
    bool is_first = true;
    for (const Value& element : value.list_value().values()) {
      Separate(is_first);
      Print(element);
    }
    CloseWith(']', is_first);
  }
  void Separate(bool& is_first) {
    if (!is_first) out_.push_back(',');
    is_first = false;
    BreakLine();
  }
  void CloseWith(char bracket, bool is_empty) {
    --depth_;
    if (!is_empty) BreakLine();
    out_.push_back(bracket);
  }
  void BreakLine() {
    if (indent_ > 0) out_.append("\n").append(static_cast<size_t>(indent_ * depth_), ' ');
  }

  const int indent_;
  int depth_ = 0;
  std::string out_;
};

std::string Write(const google::protobuf::Message& message, const google::protobuf::util::JsonPrintOptions& options) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  // Fails only for messages that have no JSON (an Any of an unknown type, a time out of range).
  return status.ok() ? json : StrCat("{\"error\":", QuoteJson(std::string_view(status.message().data(), status.message().size())), "}");
}

}  // namespace

absl::StatusOr<Value> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.size_bytes_max) {
    return absl::InvalidArgumentError(
        StrCat("json has ", text.size(), " bytes; at most ", limits.size_bytes_max, " are allowed"));
  }
  // The parser takes NUL for the end of the text.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return absl::InvalidArgumentError(StrCat("json at byte ", nul, ": zero byte"));
  }
  if (!IsValidUtf8(text)) return absl::InvalidArgumentError("json is not valid UTF-8");
  Value root;
  ValueBuilder builder(root, limits);
  rapidjson::Reader reader;
  rapidjson::MemoryStream stream(text.data(), text.size());
  const rapidjson::ParseResult result = reader.Parse<kStrict>(stream, builder);
  if (!result) {
    const std::string why = builder.error().empty() ? rapidjson::GetParseError_En(result.Code()) : builder.error();
    return absl::InvalidArgumentError(StrCat("json at byte ", result.Offset(), ": ", why));
  }
  return root;
}

std::string PrintJson(const Value& value) {
  JsonPrinter printer(0);
  printer.Print(value);
  return std::move(printer).Take();
}

std::string PrintJson(const Struct& value) {
  JsonPrinter printer(0);
  printer.Print(value);
  return std::move(printer).Take();
}

std::string PrintJsonPretty(const Value& value) {
  JsonPrinter printer(2);
  printer.Print(value);
  return std::move(printer).Take();
}

std::string QuoteJson(std::string_view text) {
  std::string out;
  if (IsValidUtf8(text)) {
    AppendQuoted(text, out);
  } else {
    AppendQuoted(WithReplacements(text), out);
  }
  return out;
}

std::string MessageToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  return Write(message, options);
}

std::string MessageToJsonPretty(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.add_whitespace = true;
  return Write(message, options);
}

absl::Status JsonToMessage(std::string_view text, google::protobuf::Message& message, const JsonLimits& limits) {
  // protobuf's own parser keeps the last of two equal members and has no size limit.
  if (const auto strict = ParseJson(text, limits); !strict.ok()) return strict.status();
  message.Clear();
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = false;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(text.data(), text.size()), &message, options);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        StrCat(message.GetDescriptor()->name(), ": ", std::string_view(status.message().data(), status.message().size())));
  }
  return absl::OkStatus();
}

}  // namespace firebreak
