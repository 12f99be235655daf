// Errors as values: macros to pass a Status on, and context added outermost first ("restore model/fraud@7: chunk 3f9a: …").
#ifndef FIREBREAK_BASE_STATUS_H_
#define FIREBREAK_BASE_STATUS_H_

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "firebreak/base/text.h"  // StrCat for std::string_view: absl::StrCat does not take one

namespace firebreak {

// The same code and payload with "context: " in front of the message. OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// The message for a person: "message (next: hint)". Keeps the code.
absl::Status WithNextStep(const absl::Status& status, std::string_view hint);

}  // namespace firebreak

#define FIREBREAK_CONCAT_INNER(a, b) a##b
#define FIREBREAK_CONCAT(a, b) FIREBREAK_CONCAT_INNER(a, b)

// Returns the Status of the expression from the calling function unless it is OK. May be nested in its own argument.
#define RETURN_IF_ERROR(...) RETURN_IF_ERROR_INNER(FIREBREAK_CONCAT(firebreak_status_, __COUNTER__), __VA_ARGS__)
#define RETURN_IF_ERROR_INNER(holder, ...)                  \
  do {                                                      \
    if (absl::Status holder = (__VA_ARGS__); !holder.ok()) return holder; \
  } while (false)

// ASSIGN_OR_RETURN(auto x, Load()): declares x from a StatusOr, or returns its Status.
#define ASSIGN_OR_RETURN(declaration, ...) \
  ASSIGN_OR_RETURN_INNER(FIREBREAK_CONCAT(firebreak_status_or_, __COUNTER__), declaration, __VA_ARGS__)
#define ASSIGN_OR_RETURN_INNER(holder, declaration, ...) \
  auto holder = (__VA_ARGS__);                           \
  if (!holder.ok()) return holder.status();              \
  declaration = *std::move(holder)

#endif  // FIREBREAK_BASE_STATUS_H_
