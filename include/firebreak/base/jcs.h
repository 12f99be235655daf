// JSON Canonicalization Scheme (RFC 8785): the one form of a JSON value that everybody hashes alike. Members are sorted by their
// UTF-16 code units and numbers are written as ECMAScript writes them.
#ifndef FIREBREAK_BASE_JCS_H_
#define FIREBREAK_BASE_JCS_H_

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

// kInvalidArgument for what has no canonical form: NaN and infinities, text that is not UTF-8. Values are I-JSON (RFC 7493): numbers
// are doubles, as RFC 8785 requires. Nesting is the caller's to bound (ParseJson does).
absl::StatusOr<std::string> CanonicalJson(const google::protobuf::Value& value);

// A number as ECMAScript's Number::toString writes it. `number` is finite.
std::string CanonicalNumber(double number);

}  // namespace firebreak

#endif  // FIREBREAK_BASE_JCS_H_
