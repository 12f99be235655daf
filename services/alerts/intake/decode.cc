#include "services/alerts/intake/decode.h"

#include <utility>

#include <simdjson.h>

#include "firebreak/base/text.h"

namespace firebreak {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

std::string_view TypeName(element value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "array";
    case element_type::OBJECT:
      return "object";
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return "number";
    case element_type::STRING:
      return "string";
    case element_type::BOOL:
      return "bool";
    case element_type::NULL_VALUE:
      return "null";
  }
  return "value";
}

BodyError Malformed(std::string_view why) { return {400, 400, StrCat("parsing alerts body failed, because ", why)}; }

BodyError WrongType(std::string_view where, element value, std::string_view expected) {
  return Malformed(StrCat("json: cannot unmarshal ", TypeName(value), " into ", where, " of type ", expected));
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

// The members of an object of strings; null stands for an empty one, a null value for "".
std::optional<BodyError> ReadPairs(std::string_view where, element value, TextPairs& pairs) {
  pairs.clear();
  if (value.is_null()) return std::nullopt;
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return WrongType(where, value, "object");
  for (const auto& field : object) {
    std::string_view text;
    if (field.value.get(text) != simdjson::SUCCESS && !field.value.is_null()) {
      return WrongType(StrCat(where, ".", field.key), field.value, "string");
    }
    pairs.emplace_back(field.key, text);
  }
  return std::nullopt;
}

std::optional<BodyError> ReadTime(std::string_view where, element value, absl::Time& time) {
  time = absl::InfinitePast();
  if (value.is_null()) return std::nullopt;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return WrongType(where, value, "string");
  const std::optional<absl::Time> parsed = ParseAlertTime(text);
  if (!parsed) return Malformed(StrCat("parsing time \"", text.substr(0, 64), "\" of ", where, ": not RFC 3339"));
  time = *parsed;
  return std::nullopt;
}

std::optional<BodyError> ReadText(std::string_view where, element value, std::string& text) {
  text.clear();
  if (value.is_null()) return std::nullopt;
  std::string_view view;
  if (value.get(view) != simdjson::SUCCESS) return WrongType(where, value, "string");
  text = std::string(view);
  return std::nullopt;
}

struct RawAlert {
  IncomingAlert alert;
  bool has_labels = false;
  std::string status;   // webhook only
};

std::optional<BodyError> ReadAlert(size_t index, element value, RawAlert& raw) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return WrongType(StrCat("alerts.", index), value, "alert");
  for (const auto& field : object) {
    std::optional<BodyError> error;
    if (field.key == "labels") {
      error = ReadPairs(StrCat("alerts.", index, ".labels"), field.value, raw.alert.labels);
      raw.has_labels = !field.value.is_null();
    } else if (field.key == "annotations") {
      error = ReadPairs(StrCat("alerts.", index, ".annotations"), field.value, raw.alert.annotations);
    } else if (field.key == "startsAt") {
      error = ReadTime(StrCat("alerts.", index, ".startsAt"), field.value, raw.alert.starts_at);
    } else if (field.key == "endsAt") {
      error = ReadTime(StrCat("alerts.", index, ".endsAt"), field.value, raw.alert.ends_at);
    } else if (field.key == "generatorURL") {
      error = ReadText(StrCat("alerts.", index, ".generatorURL"), field.value, raw.alert.generator_url);
    } else if (field.key == "status") {
      simdjson::error_code ignored = simdjson::SUCCESS;   // not part of API v2: any type is fine there
      std::string_view status;
      ignored = field.value.get(status);
      raw.status = ignored == simdjson::SUCCESS ? std::string(status) : "";
    }
    if (error) return error;
  }
  return std::nullopt;
}

// Bodies up to this size are read with one parser per thread, whose buffers are worth keeping.
constexpr size_t kKeptParserBytes = size_t{64} << 10;

// Valid until the thread parses again.
simdjson::dom::parser& KeptParser() {
  thread_local simdjson::dom::parser parser;
  return parser;
}

// Parses into `own` or the thread's parser, which owns what `root` points into.
std::optional<BodyError> Parse(simdjson::dom::parser& own, std::string_view body, element& root) {
  if (body.size() > kBodyBytesMax) {
    return BodyError{413, 413, StrCat("body has ", body.size(), " bytes, at most ", kBodyBytesMax)};
  }
  const bool kept = body.size() + simdjson::SIMDJSON_PADDING <= kKeptParserBytes;
  simdjson::dom::parser& parser = kept ? KeptParser() : own;
  const size_t capacity = kept ? kKeptParserBytes : body.size() + simdjson::SIMDJSON_PADDING;
  if (parser.capacity() != capacity && parser.allocate(capacity, kJsonDepthMax) != simdjson::SUCCESS) {
    return BodyError{503, 503, "out of memory"};
  }
  const simdjson::error_code error = parser.parse(body.data(), body.size()).get(root);
  if (error == simdjson::SUCCESS) return std::nullopt;
  if (error == simdjson::DEPTH_ERROR) return Malformed(StrCat("json: nested deeper than ", kJsonDepthMax));
  return Malformed(StrCat("json: ", simdjson::error_message(error)));
}

std::optional<BodyError> ReadAlerts(simdjson::dom::array array, std::vector<RawAlert>& raw) {
  size_t count = 0;
  for (element value : array) {
    if (++count > kAlertsPerBodyMax) {
      return BodyError{413, 413, StrCat("more than ", kAlertsPerBodyMax, " alerts in one body")};
    }
    raw.emplace_back();
    if (value.is_null()) continue;   // refused below for its missing labels
    if (auto error = ReadAlert(count - 1, value, raw.back())) return error;
  }
  return std::nullopt;
}

}  // namespace

Decoded DecodePostAlerts(std::string_view body) {
  if (IsBlank(body)) return BodyError{422, 602, "alerts in body is required"};
  simdjson::dom::parser parser;
  element root;
  if (auto error = Parse(parser, body, root)) return *std::move(error);
  simdjson::dom::array array;
  if (root.is_null()) return BodyError{422, 602, "alerts in body is required"};
  if (root.get(array) != simdjson::SUCCESS) return WrongType("alerts", root, "array");
  std::vector<RawAlert> raw;
  if (auto error = ReadAlerts(array, raw)) return *std::move(error);
  AlertBatch batch;
  batch.alerts.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (!raw[i].has_labels) return BodyError{422, 602, StrCat(i, ".labels in body is required")};
    const std::string& url = raw[i].alert.generator_url;
    if (!url.empty() && !IsRequestUri(url)) {
      return BodyError{422, 601, StrCat(i, ".generatorURL in body must be of type uri: \"", url.substr(0, 256), "\"")};
    }
    batch.alerts.push_back(std::move(raw[i].alert));
  }
  return batch;
}

Decoded DecodeWebhook(std::string_view body) {
  if (IsBlank(body)) return BodyError{400, 400, "webhook body is empty"};
  simdjson::dom::parser parser;
  element root;
  if (auto error = Parse(parser, body, root)) return *std::move(error);
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return WrongType("webhook", root, "object");
  std::vector<RawAlert> raw;
  AlertBatch batch;
  std::string version;
  bool has_alerts = false;
  for (const auto& field : object) {
    std::optional<BodyError> error;
    if (field.key == "version") {
      error = ReadText("version", field.value, version);
    } else if (field.key == "truncatedAlerts") {
      if (field.value.get(batch.truncated) != simdjson::SUCCESS) error = WrongType("truncatedAlerts", field.value, "number");
    } else if (field.key == "alerts") {
      simdjson::dom::array array;
      raw.clear();
      has_alerts = field.value.get(array) == simdjson::SUCCESS;
      error = has_alerts ? ReadAlerts(array, raw) : WrongType("alerts", field.value, "array");
    }
    if (error) return *std::move(error);
  }
  if (version != "4") {
    return Malformed(StrCat("version is \"", version.substr(0, 32), "\"; only Alertmanager's webhook version \"4\" is read"));
  }
  if (!has_alerts) return Malformed("alerts is missing");
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i].status != "firing" && raw[i].status != "resolved") {
      return Malformed(StrCat("alerts.", i, ".status is \"", raw[i].status.substr(0, 32), "\", not firing or resolved"));
    }
    if (!raw[i].has_labels) return Malformed(StrCat("alerts.", i, ".labels is missing"));
    raw[i].alert.ended = raw[i].status == "resolved";
    // While firing the end is unset; whatever else stands there is the sender's guess and no lease.
    if (!raw[i].alert.ended) raw[i].alert.ends_at = absl::InfinitePast();
    batch.alerts.push_back(std::move(raw[i].alert));
  }
  return batch;
}

}  // namespace firebreak
