// The type check of expressions: what compares with what, and why not.
#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/expression.h"
#include "services/playbooks/expression_node.h"

namespace firebreak {
namespace {

using TypeOrFault = std::variant<DataType, ExpressionFault>;

bool IsNumeric(ValueType type) { return type == ValueType::kInt || type == ValueType::kNumber; }

bool IsText(ValueType type) {
  return type == ValueType::kString || type == ValueType::kEnum || type == ValueType::kIncident ||
         type == ValueType::kDeployment || type == ValueType::kSnapshot;
}

bool IsReferenceKind(ValueType type) { return IsText(type) && type != ValueType::kString && type != ValueType::kEnum; }

// Texts compare with texts, but a snapshot is never a deployment.
bool SameKind(ValueType a, ValueType b) {
  if (a == b || (IsNumeric(a) && IsNumeric(b))) return true;
  return IsText(a) && IsText(b) && !(IsReferenceKind(a) && IsReferenceKind(b));
}

ExpressionFault TypeFault(size_t offset, std::string message, std::string hint) {
  return ExpressionFault{offset, "type", std::move(message), std::move(hint)};
}

bool IsTextLiteral(const ExpressionNode& node) {
  return node.op == Operator::kLiteral && node.literal_type == ValueType::kString;
}

class Checker {
 public:
  explicit Checker(const GuardedTypeLookup& type_of) : type_of_(type_of) {}

  TypeOrFault Check(const ExpressionNode& node, const std::set<std::string>& done) const {
    switch (node.op) {
      case Operator::kLiteral:
        return DataType(node.literal_type);
      case Operator::kReference: {
        TypeOrFault answer = type_of_(node.reference, done);
        if (auto* fault = std::get_if<ExpressionFault>(&answer)) fault->offset = node.offset;
        return answer;
      }
      case Operator::kNot:
        return CheckBool(*node.left, "not", done);
      case Operator::kAnd:
      case Operator::kOr:
        return CheckJunction(node, done);
      case Operator::kEqual:
      case Operator::kNotEqual:
      case Operator::kLess:
      case Operator::kLessEqual:
      case Operator::kGreater:
      case Operator::kGreaterEqual:
        return CheckComparison(node, done);
      case Operator::kIn:
        return CheckIn(node, done);
      case Operator::kList:
        return CheckList(node, done);
      case Operator::kCount:
      case Operator::kEmpty:
        return CheckCall(node, done);
    }
    return DataType(ValueType::kBool);
  }

 private:
  TypeOrFault CheckBool(const ExpressionNode& node, const char* name, const std::set<std::string>& done) const {
    TypeOrFault answer = Check(node, done);
    if (const auto* type = std::get_if<DataType>(&answer); type != nullptr && type->kind != ValueType::kBool) {
      return TypeFault(node.offset, StrCat("'", name, "' needs a bool, this is ", TypeName(*type)),
                       "compare it with something");
    }
    return answer;
  }

  TypeOrFault CheckJunction(const ExpressionNode& node, const std::set<std::string>& done) const {
    const bool is_and = node.op == Operator::kAnd;
    TypeOrFault left = CheckBool(*node.left, is_and ? "and" : "or", done);
    if (std::holds_alternative<ExpressionFault>(left)) return left;
    // The right side is only looked at when the left one did not settle it.
    std::set<std::string> after = ImpliedBy(ParsedExpression(node.left), is_and).done;
    after.insert(done.begin(), done.end());
    return CheckBool(*node.right, is_and ? "and" : "or", after);
  }

  TypeOrFault CheckComparison(const ExpressionNode& node, const std::set<std::string>& done) const {
    TypeOrFault left = Check(*node.left, done);
    if (std::holds_alternative<ExpressionFault>(left)) return left;
    TypeOrFault right = Check(*node.right, done);
    if (std::holds_alternative<ExpressionFault>(right)) return right;
    const DataType& a = std::get<DataType>(left);
    const DataType& b = std::get<DataType>(right);
    if (!SameKind(a.kind, b.kind)) return Unlike(node, a, b);
    if (a.kind == ValueType::kList)
      return TypeFault(node.offset, "lists cannot be compared", "count(…), empty(…) or \"x\" in …");
    const bool ordered = node.op != Operator::kEqual && node.op != Operator::kNotEqual;
    if (ordered && !IsNumeric(a.kind) && a.kind != ValueType::kDuration) return NoOrder(node, a);
    if (!ordered && a.kind == ValueType::kDuration && node.left->op != Operator::kLiteral &&
        node.right->op != Operator::kLiteral) {
      return TypeFault(node.offset, "two durations may be equal though they are written differently (60s and 1m)",
                       "<= and >=");
    }
    if (std::optional<ExpressionFault> never = NeverEqual(node, a, *node.right, b)) return *never;
    if (std::optional<ExpressionFault> never = NeverEqual(node, b, *node.left, a)) return *never;
    return DataType(ValueType::kBool);
  }

  static ExpressionFault Unlike(const ExpressionNode& node, const DataType& a, const DataType& b) {
    std::string hint = "both sides must be of one type";
    for (const ExpressionNode* side : {node.left.get(), node.right.get()}) {
      const DataType& other = side == node.left.get() ? b : a;
      if (!IsTextLiteral(*side)) continue;
      if (IsNumeric(other.kind) || other.kind == ValueType::kBool || other.kind == ValueType::kDuration) {
        hint = StrCat("leave the quotes out: ", side->literal.string_value());
      }
    }
    return TypeFault(node.offset, StrCat("cannot compare ", TypeName(a), " with ", TypeName(b)), std::move(hint));
  }

  static ExpressionFault NoOrder(const ExpressionNode& node, const DataType& type) {
    if (IsTextLiteral(*node.left) && IsTextLiteral(*node.right)) {
      const std::string& a = node.left->literal.string_value();
      const std::string& b = node.right->literal.string_value();
      return TypeFault(node.offset,
                       StrCat("\"", a, "\" and \"", b, "\" are texts, and texts have no order (letter by letter \"100\" "
                              "would come before \"50\")"),
                       "leave the quotes out to compare numbers");
    }
    return TypeFault(node.offset, StrCat("values of type ", TypeName(type), " have no order"), "== or !=");
  }

  // A text that is none of the enum's choices, or two enums without a common choice.
  static std::optional<ExpressionFault> NeverEqual(const ExpressionNode& node, const DataType& type,
                                                   const ExpressionNode& other, const DataType& other_type) {
    if (type.kind != ValueType::kEnum || type.choices.empty()) return std::nullopt;
    if (IsTextLiteral(other)) {
      const std::string& text = other.literal.string_value();
      if (std::find(type.choices.begin(), type.choices.end(), text) != type.choices.end()) return std::nullopt;
      const std::string nearest = NearestName(text, type.choices);
      return ExpressionFault{other.offset, "never-equal", StrCat("\"", text, "\" is no ", TypeName(type)),
                             nearest.empty() ? "" : StrCat("did you mean \"", nearest, "\"")};
    }
    if (other_type.kind != ValueType::kEnum || other_type.choices.empty()) return std::nullopt;
    const bool common = std::any_of(type.choices.begin(), type.choices.end(), [&](const std::string& choice) {
      return std::find(other_type.choices.begin(), other_type.choices.end(), choice) != other_type.choices.end();
    });
    if (common) return std::nullopt;
    return ExpressionFault{node.offset, "never-equal",
                           StrCat(TypeName(type), " and ", TypeName(other_type), " have no value in common"), ""};
  }

  TypeOrFault CheckIn(const ExpressionNode& node, const std::set<std::string>& done) const {
    TypeOrFault left = Check(*node.left, done);
    if (std::holds_alternative<ExpressionFault>(left)) return left;
    TypeOrFault right = Check(*node.right, done);
    if (std::holds_alternative<ExpressionFault>(right)) return right;
    const DataType& needle = std::get<DataType>(left);
    const DataType& list = std::get<DataType>(right);
    if (list.kind != ValueType::kList) {
      return TypeFault(node.right->offset, StrCat("'in' needs a list on its right, this is ", TypeName(list)),
                       "[\"one\", \"two\"]");
    }
    const bool empty_list = node.right->op == Operator::kList && node.right->items.empty();
    if (!empty_list && !SameKind(needle.kind, list.element)) {
      return TypeFault(node.offset, StrCat(TypeName(needle), " is never in a ", TypeName(list)),
                       "both must be of one type");
    }
    if (node.right->op == Operator::kList) {
      for (const auto& item : node.right->items) {
        if (std::optional<ExpressionFault> never = NeverEqual(node, needle, *item, list.element)) return *never;
      }
    }
    return DataType(ValueType::kBool);
  }

  TypeOrFault CheckList(const ExpressionNode& node, const std::set<std::string>& done) const {
    std::optional<ValueType> element;
    for (const auto& item : node.items) {
      TypeOrFault answer = Check(*item, done);
      if (std::holds_alternative<ExpressionFault>(answer)) return answer;
      const DataType& type = std::get<DataType>(answer);
      if (type.kind == ValueType::kList) return TypeFault(item->offset, "a list holds no lists", "");
      if (element && !SameKind(*element, type.kind)) {
        return TypeFault(item->offset, StrCat("a list of ", TypeName(*element), " holds no ", TypeName(type)), "");
      }
      if (!element || type.kind == ValueType::kNumber) element = type.kind;
    }
    const ValueType kind = element.value_or(ValueType::kString);
    return DataType::ListOf(kind == ValueType::kEnum ? ValueType::kString : kind);
  }

  TypeOrFault CheckCall(const ExpressionNode& node, const std::set<std::string>& done) const {
    TypeOrFault inner = Check(*node.left, done);
    if (std::holds_alternative<ExpressionFault>(inner)) return inner;
    const char* name = node.op == Operator::kCount ? "count" : "empty";
    if (const DataType& type = std::get<DataType>(inner); type.kind != ValueType::kList) {
      return TypeFault(node.left->offset, StrCat("'", name, "' needs a list, this is ", TypeName(type)), "");
    }
    return DataType(node.op == Operator::kCount ? ValueType::kInt : ValueType::kBool);
  }

  const GuardedTypeLookup& type_of_;
};

}  // namespace

std::variant<DataType, ExpressionFault> CheckGuardedExpression(const ParsedExpression& expression,
                                                               const GuardedTypeLookup& type_of) {
  return Checker(type_of).Check(expression.root(), {});
}

std::variant<DataType, ExpressionFault> CheckExpression(const ParsedExpression& expression, const TypeLookup& type_of) {
  return CheckGuardedExpression(
      expression, [&type_of](const Reference& reference, const std::set<std::string>&) { return type_of(reference); });
}

}  // namespace firebreak
