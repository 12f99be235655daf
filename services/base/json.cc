#include "firebreak/base/json.h"

#include <google/protobuf/util/json_util.h>

#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "firebreak/base/text.h"
#include "firebreak/base/bytes.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr double kExactIntegerMax = 9007199254740992.0;  // 2^53

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
