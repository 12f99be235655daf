// The tree of an expression, shared by its parser and its checker and evaluator.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_EXPRESSION_NODE_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_EXPRESSION_NODE_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "firebreak/playbooks/expression.h"

namespace firebreak {

enum class Operator {
  kLiteral,
  kReference,
  kNot,
  kAnd,
  kOr,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kList,
  kCount,
  kEmpty
};

struct ExpressionNode {
  Operator op = Operator::kLiteral;
  size_t offset = 0;
  google::protobuf::Value literal;             // kLiteral
  ValueType literal_type = ValueType::kBool;   // kLiteral
  Reference reference;                         // kReference
  std::shared_ptr<const ExpressionNode> left;  // operand of kNot, kCount and kEmpty too
  std::shared_ptr<const ExpressionNode> right;
  std::vector<std::shared_ptr<const ExpressionNode>> items;  // kList
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_EXPRESSION_NODE_H_
