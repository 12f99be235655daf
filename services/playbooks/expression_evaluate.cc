// Evaluation of expressions, and what a condition says whatever its values are.
#include <algorithm>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/expression.h"
#include "services/playbooks/expression_node.h"

namespace firebreak {
namespace {

using google::protobuf::Value;
// Runtime values of the linter's kinds; anything else means the linter was bypassed or an action broke its spec.
enum class Texts { kAsTheyAre, kAsSpans };

bool IsSpan(const ExpressionNode& node) {
  return node.op == Operator::kLiteral && node.literal_type == ValueType::kDuration;
}

absl::StatusOr<bool> Compare(Operator op, const Value& left, const Value& right, Texts texts) {
  if (left.kind_case() != right.kind_case())
    return absl::InvalidArgumentError("values of different types are compared");
  const bool equality = op == Operator::kEqual || op == Operator::kNotEqual;
  int order = 0;
  if (left.kind_case() == Value::kNumberValue) {
    order = left.number_value() < right.number_value() ? -1 : (left.number_value() > right.number_value() ? 1 : 0);
  } else if (left.kind_case() == Value::kBoolValue && equality) {
    order = left.bool_value() == right.bool_value() ? 0 : 1;
  } else if (left.kind_case() == Value::kStringValue && equality && texts == Texts::kAsTheyAre) {
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
    case Operator::kIn:
    case Operator::kList:
    case Operator::kCount:
    case Operator::kEmpty:
      break;
  }
  return absl::InvalidArgumentError("not a comparison");
}

absl::StatusOr<bool> EvaluateBool(const ExpressionNode& node, const ValueLookup& value_of);

// A literal is answered where it stands; everything else is made in `scratch`.
absl::StatusOr<const Value*> EvaluateNode(const ExpressionNode& node, const ValueLookup& value_of, Value& scratch) {
  switch (node.op) {
    case Operator::kLiteral:
      return &node.literal;
    case Operator::kReference: {
      ASSIGN_OR_RETURN(scratch, value_of(node.reference));
      return &scratch;
    }
    case Operator::kList:
      scratch.mutable_list_value();
      for (const auto& item : node.items) {
        Value own;
        ASSIGN_OR_RETURN(const Value* value, EvaluateNode(*item, value_of, own));
        *scratch.mutable_list_value()->add_values() = *value;
      }
      return &scratch;
    case Operator::kCount: {
      Value own;
      ASSIGN_OR_RETURN(const Value* list, EvaluateNode(*node.left, value_of, own));
      if (list->kind_case() != Value::kListValue) return absl::InvalidArgumentError("count of something that is no list");
      scratch.set_number_value(list->list_value().values_size());
      return &scratch;
    }
    case Operator::kNot:
    case Operator::kAnd:
    case Operator::kOr:
    case Operator::kEqual:
    case Operator::kNotEqual:
    case Operator::kLess:
    case Operator::kLessEqual:
    case Operator::kGreater:
    case Operator::kGreaterEqual:
    case Operator::kIn:
    case Operator::kEmpty: {
      ASSIGN_OR_RETURN(const bool result, EvaluateBool(node, value_of));
      scratch.set_bool_value(result);
      return &scratch;
    }
  }
  return absl::InvalidArgumentError("unknown operator");
}

absl::StatusOr<bool> EvaluatePair(const ExpressionNode& node, const ValueLookup& value_of) {
  Value left_own;
  Value right_own;
  ASSIGN_OR_RETURN(const Value* left, EvaluateNode(*node.left, value_of, left_own));
  ASSIGN_OR_RETURN(const Value* right, EvaluateNode(*node.right, value_of, right_own));
  const bool spans = IsSpan(*node.left) || IsSpan(*node.right) ||  // 60s == 1m
                     std::any_of(node.right->items.begin(), node.right->items.end(),
                                 [](const auto& item) { return IsSpan(*item); });
  const Texts texts = spans ? Texts::kAsSpans : Texts::kAsTheyAre;
  if (node.op != Operator::kIn) return Compare(node.op, *left, *right, texts);
  if (right->kind_case() != Value::kListValue) return absl::InvalidArgumentError("'in' something that is no list");
  for (const Value& item : right->list_value().values()) {
    ASSIGN_OR_RETURN(const bool equal, Compare(Operator::kEqual, *left, item, texts));
    if (equal) return true;
  }
  return false;
}

absl::StatusOr<bool> EvaluateBool(const ExpressionNode& node, const ValueLookup& value_of) {
  switch (node.op) {
    case Operator::kNot: {
      ASSIGN_OR_RETURN(const bool inner, EvaluateBool(*node.left, value_of));
      return !inner;
    }
    case Operator::kAnd:
    case Operator::kOr: {
      ASSIGN_OR_RETURN(const bool left, EvaluateBool(*node.left, value_of));
      if (left != (node.op == Operator::kAnd)) return left;
      return EvaluateBool(*node.right, value_of);
    }
    case Operator::kEqual:
    case Operator::kNotEqual:
    case Operator::kLess:
    case Operator::kLessEqual:
    case Operator::kGreater:
    case Operator::kGreaterEqual:
    case Operator::kIn:
      return EvaluatePair(node, value_of);
    case Operator::kEmpty: {
      Value own;
      ASSIGN_OR_RETURN(const Value* list, EvaluateNode(*node.left, value_of, own));
      if (list->kind_case() != Value::kListValue) return absl::InvalidArgumentError("empty of something that is no list");
      return list->list_value().values().empty();
    }
    case Operator::kLiteral:
    case Operator::kReference:
    case Operator::kList:
    case Operator::kCount:
      break;
  }
  Value own;
  ASSIGN_OR_RETURN(const Value* value, EvaluateNode(node, value_of, own));
  if (value->kind_case() != Value::kBoolValue) return absl::InvalidArgumentError("a condition is not a bool");
  return value->bool_value();
}

std::set<std::string> Both(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::set<std::string> common;
  for (const std::string& name : a) {
    if (b.count(name) > 0) common.insert(name);
  }
  return common;
}

// `$gate.decision == "approve"` in either order; nullopt when the comparison is none of that kind.
std::optional<std::pair<const Reference*, const Value*>> ReferenceAndLiteral(const ExpressionNode& node) {
  const ExpressionNode* left = node.left.get();
  const ExpressionNode* right = node.right.get();
  if (left->op == Operator::kLiteral) std::swap(left, right);
  if (left->op != Operator::kReference || right->op != Operator::kLiteral) return std::nullopt;
  return std::make_pair(&left->reference, &right->literal);
}

void NoteBool(const Reference& reference, bool holds, Implied& implied) {
  if (!holds || reference.scope.empty() || reference.scope == "incident") return;
  if (reference.field == "approved") implied.approved.insert(reference.scope);
  if (reference.field == "ok") implied.done.insert(reference.scope);
}

Implied ImpliedByComparison(const ExpressionNode& node, bool equal) {
  Implied implied;
  const auto pair = ReferenceAndLiteral(node);
  if (!pair) return implied;
  const auto& [reference, literal] = *pair;
  if (literal->kind_case() == Value::kBoolValue) NoteBool(*reference, literal->bool_value() == equal, implied);
  if (literal->kind_case() == Value::kStringValue && reference->field == "decision" &&
      literal->string_value() == (equal ? "approve" : "deny")) {
    implied.approved.insert(reference->scope);
  }
  return implied;
}

Implied ImpliedByNode(const ExpressionNode& node, bool holds) {
  Implied implied;
  if (node.op == Operator::kNot) return ImpliedByNode(*node.left, !holds);
  if (node.op == Operator::kReference) {
    NoteBool(node.reference, holds, implied);
  } else if (node.op == Operator::kEqual || node.op == Operator::kNotEqual) {
    return ImpliedByComparison(node, (node.op == Operator::kEqual) == holds);
  } else if (node.op == Operator::kAnd || node.op == Operator::kOr) {
    implied = ImpliedByNode(*node.left, holds);
    const Implied right = ImpliedByNode(*node.right, holds);
    if ((node.op == Operator::kAnd) == holds) {  // both sides hold, or both do not
      implied.approved.insert(right.approved.begin(), right.approved.end());
      implied.done.insert(right.done.begin(), right.done.end());
    } else {
      implied.approved = Both(implied.approved, right.approved);
      implied.done = Both(implied.done, right.done);
    }
  }
  return implied;
}

std::optional<bool> ConstantNode(const ExpressionNode& node) {
  if (node.op == Operator::kNot) {
    const std::optional<bool> inner = ConstantNode(*node.left);
    return inner ? std::optional<bool>(!*inner) : std::nullopt;
  }
  if (node.op == Operator::kAnd || node.op == Operator::kOr) {
    const bool neutral = node.op == Operator::kAnd;
    const std::optional<bool> left = ConstantNode(*node.left);
    const std::optional<bool> right = ConstantNode(*node.right);
    if ((left && *left != neutral) || (right && *right != neutral)) return !neutral;
    return left && right ? std::optional<bool>(neutral) : std::nullopt;
  }
  const absl::StatusOr<bool> value = EvaluateBool(
      node, [](const Reference&) -> absl::StatusOr<Value> { return absl::FailedPreconditionError("not known"); });
  return value.ok() ? std::optional<bool>(*value) : std::nullopt;
}

}  // namespace

absl::StatusOr<google::protobuf::Value> Evaluate(const ParsedExpression& expression, const ValueLookup& value_of) {
  Value own;
  ASSIGN_OR_RETURN(const Value* value, EvaluateNode(expression.root(), value_of, own));
  return value == &own ? std::move(own) : *value;
}

absl::StatusOr<bool> EvaluateCondition(const ParsedExpression& condition, const ValueLookup& value_of) {
  return EvaluateBool(condition.root(), value_of);
}

Implied ImpliedBy(const ParsedExpression& condition, bool holds) { return ImpliedByNode(condition.root(), holds); }

std::optional<bool> ConstantCondition(const ParsedExpression& condition) { return ConstantNode(condition.root()); }

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
