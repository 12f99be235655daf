// JSON as text <-> protobuf messages and Struct values, strict on the way in: valid UTF-8, no duplicate member names,
// bounded depth and size. Message JSON uses protobuf's field names as written in the .proto (snake_case).
#ifndef FIREBREAK_BASE_JSON_H_
#define FIREBREAK_BASE_JSON_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

struct JsonLimits {
  size_t size_bytes_max = size_t{16} << 20;
  int depth_max = 64;
  size_t values_max = size_t{8} << 20;   // a value of two bytes of text takes more than fifty in memory
};

// Whole text is one JSON value; kInvalidArgument with the byte offset otherwise. Duplicate names are refused.
absl::StatusOr<google::protobuf::Value> ParseJson(std::string_view text, const JsonLimits& limits = {});

// Compact, members in the order of their names (so equal values give equal bytes); integral numbers without ".0".
std::string PrintJson(const google::protobuf::Value& value);
std::string PrintJson(const google::protobuf::Struct& value);

// Indented with two spaces, for people.
std::string PrintJsonPretty(const google::protobuf::Value& value);

// "text" with quotes and escapes.
std::string QuoteJson(std::string_view text);

// Message <-> JSON. Compact form is deterministic for one build; whoever signs it keeps the bytes.
std::string MessageToJson(const google::protobuf::Message& message);
std::string MessageToJsonPretty(const google::protobuf::Message& message);
// Unknown members are refused (kInvalidArgument) so that a typing mistake is never silently dropped.
absl::Status JsonToMessage(std::string_view text, google::protobuf::Message& message, const JsonLimits& limits = {});

}  // namespace firebreak

#endif  // FIREBREAK_BASE_JSON_H_
