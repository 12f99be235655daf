// Type check and evaluation of expressions.
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/expression.h"
#include "services/playbooks/expression_node.h"

namespace firebreak {
namespace {

using google::protobuf::Value;
using TypeAnswer = std::variant<ValueType, ExpressionFault>;

bool IsNumeric(ValueType type) { return type == ValueType::kInt || type == ValueType::kNumber; }

bool IsText(ValueType type) {
  return type == ValueType::kString || type == ValueType::kIncident || type == ValueType::kDeployment ||
         type == ValueType::kSnapshot;
}

bool SameKind(ValueType a, ValueType b) { return a == b || (IsNumeric(a) && IsNumeric(b)) || (IsText(a) && IsText(b)); }

ExpressionFault TypeFault(size_t offset, std::string message, std::string hint) {
  return ExpressionFault{offset, "type", std::move(message), std::move(hint)};
}

class Checker {
 public:
  explicit Checker(const TypeLookup& type_of) : type_of_(type_of) {}

  TypeAnswer Check(const ExpressionNode& node) const {
    switch (node.op) {
      case Operator::kLiteral:
        return node.literal_type;
      case Operator::kReference: {
        TypeAnswer answer = type_of_(node.reference);
        if (auto* fault = std::get_if<ExpressionFault>(&answer)) fault->offset = node.offset;
        return answer;
      }
      case Operator::kNot:
        return CheckBool(*node.left, "not");
      case Operator::kAnd:
      case Operator::kOr: {
        const char* name = node.op == Operator::kAnd ? "and" : "or";
        TypeAnswer left = CheckBool(*node.left, name);
        if (std::holds_alternative<ExpressionFault>(left)) return left;
        return CheckBool(*node.right, name);
      }
      case Operator::kEqual:
      case Operator::kNotEqual:
        return CheckComparison(node, /*ordered=*/false);
      case Operator::kLess:
      case Operator::kLessEqual:
      case Operator::kGreater:
      case Operator::kGreaterEqual:
        return CheckComparison(node, /*ordered=*/true);
    }
    return ValueType::kBool;
  }

 private:
  TypeAnswer CheckBool(const ExpressionNode& node, const char* name) const {
    TypeAnswer answer = Check(node);
    if (const auto* type = std::get_if<ValueType>(&answer); type != nullptr && *type != ValueType::kBool) {
      return TypeFault(node.offset, StrCat("'", name, "' needs a bool, this is ", TypeName(*type)),
                       "compare it with something");
    }
    return answer;
  }

  TypeAnswer CheckComparison(const ExpressionNode& node, bool ordered) const {
    TypeAnswer left = Check(*node.left);
    if (std::holds_alternative<ExpressionFault>(left)) return left;
    TypeAnswer right = Check(*node.right);
    if (std::holds_alternative<ExpressionFault>(right)) return right;
    const ValueType a = std::get<ValueType>(left);
    const ValueType b = std::get<ValueType>(right);
    if (!SameKind(a, b)) {
      return TypeFault(node.offset, StrCat("cannot compare ", TypeName(a), " with ", TypeName(b)),
                       "both sides must be of one type");
    }
    if (a == ValueType::kList) return TypeFault(node.offset, "lists cannot be compared", "");
    if (ordered && !IsNumeric(a) && a != ValueType::kDuration) {
      return TypeFault(node.offset, StrCat("values of type ", TypeName(a), " have no order"), "== or !=");
    }
    return ValueType::kBool;
  }

  const TypeLookup& type_of_;
};

// Runtime values of the linter's kinds; anything else means the linter was bypassed or an action broke its spec.
absl::StatusOr<bool> Compare(Operator op, const Value& left, const Value& right) {
  if (left.kind_case() != right.kind_case())
    return absl::InvalidArgumentError("values of different types are compared");
  const bool equality = op == Operator::kEqual || op == Operator::kNotEqual;
  int order = 0;
  if (left.kind_case() == Value::kNumberValue) {
    order = left.number_value() < right.number_value() ? -1 : (left.number_value() > right.number_value() ? 1 : 0);
  } else if (left.kind_case() == Value::kBoolValue && equality) {
    order = left.bool_value() == right.bool_value() ? 0 : 1;
  } else if (left.kind_case() == Value::kStringValue && equality) {
    order = left.string_value() == right.string_value() ? 0 : 1;
  } else if (left.kind_case() == Value::kStringValue) {
    const auto a = ParseSpan(left.string_value());
    const auto b = ParseSpan(right.string_value());
    if (!a || !b) return absl::InvalidArgumentError("only numbers and durations have an order");
    order = *a < *b ? -1 : (*a > *b ? 1 : 0);
  } else {
    return absl::InvalidArgumentError("these values cannot be compared");
  }
  switch (op) {
    case Operator::kEqual:
      return order == 0;
    case Operator::kNotEqual:
      return order != 0;
    case Operator::kLess:
      return order < 0;
    case Operator::kLessEqual:
      return order <= 0;
    case Operator::kGreater:
      return order > 0;
    case Operator::kGreaterEqual:
      return order >= 0;
    case Operator::kLiteral:
    case Operator::kReference:
    case Operator::kNot:
    case Operator::kAnd:
    case Operator::kOr:
      break;
  }
  return absl::InvalidArgumentError("not a comparison");
}

absl::StatusOr<Value> EvaluateNode(const ExpressionNode& node, const ValueLookup& value_of);

absl::StatusOr<bool> EvaluateBool(const ExpressionNode& node, const ValueLookup& value_of) {
  ASSIGN_OR_RETURN(const Value value, EvaluateNode(node, value_of));
  if (value.kind_case() != Value::kBoolValue) return absl::InvalidArgumentError("a condition is not a bool");
  return value.bool_value();
}

absl::StatusOr<Value> EvaluateNode(const ExpressionNode& node, const ValueLookup& value_of) {
  Value answer;
  switch (node.op) {
    case Operator::kLiteral:
      return node.literal;
    case Operator::kReference:
      return value_of(node.reference);
    case Operator::kNot: {
      ASSIGN_OR_RETURN(const bool inner, EvaluateBool(*node.left, value_of));
      answer.set_bool_value(!inner);
      return answer;
    }
    case Operator::kAnd:
    case Operator::kOr: {
      ASSIGN_OR_RETURN(bool result, EvaluateBool(*node.left, value_of));
      if (result == (node.op == Operator::kAnd)) {
        ASSIGN_OR_RETURN(result, EvaluateBool(*node.right, value_of));
      }
      answer.set_bool_value(result);
      return answer;
    }
    case Operator::kEqual:
    case Operator::kNotEqual:
    case Operator::kLess:
    case Operator::kLessEqual:
    case Operator::kGreater:
    case Operator::kGreaterEqual: {
      ASSIGN_OR_RETURN(const Value left, EvaluateNode(*node.left, value_of));
      ASSIGN_OR_RETURN(const Value right, EvaluateNode(*node.right, value_of));
      ASSIGN_OR_RETURN(const bool result, Compare(node.op, left, right));
      answer.set_bool_value(result);
      return answer;
    }
  }
  return absl::InvalidArgumentError("unknown operator");
}

}  // namespace

std::variant<ValueType, ExpressionFault> CheckExpression(const ParsedExpression& expression,
                                                         const TypeLookup& type_of) {
  return Checker(type_of).Check(expression.root());
}

absl::StatusOr<google::protobuf::Value> Evaluate(const ParsedExpression& expression, const ValueLookup& value_of) {
  return EvaluateNode(expression.root(), value_of);
}

absl::StatusOr<google::protobuf::Value> EvaluateText(std::string_view text, const ValueLookup& value_of) {
  auto parsed = ParseExpression(text);
  if (const auto* fault = std::get_if<ExpressionFault>(&parsed)) {
    return absl::InvalidArgumentError(StrCat("expression ", text, ": ", fault->message));
  }
  absl::StatusOr<Value> value = Evaluate(std::get<ParsedExpression>(parsed), value_of);
  if (!value.ok()) return Annotate(value.status(), text);
  return value;
}

}  // namespace firebreak
