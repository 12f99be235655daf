// Expressions of playbooks: typed, checked at lint time, evaluated over values and never by text substitution.
//   expression := or;  or := and {"or" and};  and := not {"and" not};  not := "not" not | comparison
//   comparison := operand [("=="|"!="|"<"|"<="|">"|">="|"in") operand]
//   operand    := "(" or ")" | "[" [operand {"," operand}] "]" | ("count"|"empty") "(" or ")"
//               | $input | $step.field | incident.field | "text" | 12 | 1.5 | 10m | true | false
#ifndef FIREBREAK_PLAYBOOKS_EXPRESSION_H_
#define FIREBREAK_PLAYBOOKS_EXPRESSION_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/playbooks/value_type.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

inline constexpr size_t kExpressionBytesMax = 4096;
inline constexpr int kExpressionDepthMax = 32;

// What an operand names: {"", "deployment"} = $deployment, {"plan", "digest"} = $plan.digest, {"incident", "kind"}.
struct Reference {
  std::string scope;  // empty = input; "incident"; else a step's name
  std::string field;
  std::string text() const;
  bool operator==(const Reference&) const = default;
};

// What is wrong and where: `offset` is in bytes from the start of the expression's text.
struct ExpressionFault {
  size_t offset = 0;
  std::string rule;  // syntax | type | dangling-reference …
  std::string message;
  std::string hint;
};

struct ExpressionNode;  // the tree; only expression*.cc looks inside

// A parsed expression. Immutable; copies share the tree.
class ParsedExpression {
 public:
  explicit ParsedExpression(std::shared_ptr<const ExpressionNode> root) : root_(std::move(root)) {}
  const ExpressionNode& root() const { return *root_; }

 private:
  std::shared_ptr<const ExpressionNode> root_;
};

std::variant<ParsedExpression, ExpressionFault> ParseExpression(std::string_view text);

// Every reference in order of appearance, with its offset.
std::vector<std::pair<Reference, size_t>> ReferencesOf(const ParsedExpression& expression);

// `type_of` answers the type of a reference, or why there is none (its offset is filled in by the check).
using TypeLookup = std::function<std::variant<DataType, ExpressionFault>(const Reference&)>;
std::variant<DataType, ExpressionFault> CheckExpression(const ParsedExpression& expression, const TypeLookup& type_of);

// The same, with the steps that have surely been done where the reference is evaluated: the right side of
// `$probe.ok and $probe.count > 3` is only looked at when step probe is done.
using GuardedTypeLookup =
    std::function<std::variant<DataType, ExpressionFault>(const Reference&, const std::set<std::string>& done)>;
std::variant<DataType, ExpressionFault> CheckGuardedExpression(const ParsedExpression& expression,
                                                               const GuardedTypeLookup& type_of);

// What a condition says about steps when its value is `holds`.
struct Implied {
  std::set<std::string> approved;  // asks that were approved: $gate.approved, $gate.decision == "approve"
  std::set<std::string> done;      // steps that are done: $probe.ok
};
Implied ImpliedBy(const ParsedExpression& condition, bool holds);

// The value of a condition that is the same whatever its references are.
std::optional<bool> ConstantCondition(const ParsedExpression& condition);

// `value_of` answers the value of a reference; its error ends the evaluation. Both sides of and/or are only evaluated
// when needed. A comparison of different kinds is kInvalidArgument (the linter refuses it, foreign data may still bring
// it).
using ValueLookup = std::function<absl::StatusOr<google::protobuf::Value>(const Reference&)>;
absl::StatusOr<google::protobuf::Value> Evaluate(const ParsedExpression& expression, const ValueLookup& value_of);

// As Evaluate, for an expression that must be a bool (kInvalidArgument otherwise). Parse once, evaluate often: no
// parsing and no copy of a literal happens here.
absl::StatusOr<bool> EvaluateCondition(const ParsedExpression& condition, const ValueLookup& value_of);

// Parse and evaluate in one call, for text that has passed the linter.
absl::StatusOr<google::protobuf::Value> EvaluateText(std::string_view text, const ValueLookup& value_of);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_EXPRESSION_H_
