// JSON that is too long to be held: it is read piece by piece, a long list is handed over element by element, a long text stays
// where it is, and only the rest becomes a value in memory. As strict as ParseJson, which is the same reader.
#ifndef FIREBREAK_BASE_JSON_STREAM_H_
#define FIREBREAK_BASE_JSON_STREAM_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "firebreak/base/json.h"

namespace firebreak {

// The next bytes, which stay valid until the next call; empty at the end.
using NextPiece = absl::FunctionRef<absl::StatusOr<std::string_view>()>;

// What is not kept. Paths are member names from the root.
struct JsonParts {
  std::vector<std::string_view> list_path = {};   // its value in the document is an empty list
  // Takes the list's elements in order and stops the reading with its error. None: the elements are counted, and only their
  // grammar is checked.
  std::function<absl::Status(const google::protobuf::Value&)> element = nullptr;
  std::vector<std::string_view> text_path = {};   // its value in the document is an empty string
};

struct JsonPlace {
  uint64_t begin = 0;   // behind the opening quote
  uint64_t end = 0;     // of the closing quote
};

struct JsonDocument {
  google::protobuf::Value root;
  uint64_t elements = 0;
  std::optional<JsonPlace> text;   // escapes in it are neither undone nor checked
};

// Errors as ParseJson; an error of `next` or of `element` is answered as it is. The limits are those of what is held at once: all
// but the list's elements and the left text, and one element.
absl::StatusOr<JsonDocument> ReadJson(NextPiece next, const JsonLimits& limits, const JsonParts& parts);

}  // namespace firebreak

#endif  // FIREBREAK_BASE_JSON_STREAM_H_
