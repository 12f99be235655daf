// Lexer and recursive-descent parser of expressions; the grammar is in the header.
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "firebreak/base/text.h"
#include "firebreak/playbooks/expression.h"
#include "services/playbooks/expression_node.h"

namespace firebreak {
namespace {

using NodePtr = std::shared_ptr<const ExpressionNode>;

// Whether a double holds this whole number: past 2^53 two different ones would be equal.
bool HoldsWhole(std::string_view digits) {
  constexpr int64_t kWholeMax = int64_t{1} << 53;
  int64_t whole = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), whole);
  return error == std::errc() && end == digits.data() + digits.size() && whole <= kWholeMax && whole >= -kWholeMax;
}

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }
bool IsNameChar(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

enum class TokenKind { kEnd, kName, kReference, kNumber, kSpan, kText, kOperator };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t offset = 0;
  std::string text;  // name, operator, decoded text, number as written
  Reference reference;
};

// Parses one expression; the first fault stops it.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::variant<ParsedExpression, ExpressionFault> Run() {
    if (text_.size() > kExpressionBytesMax)
      return ExpressionFault{0, "limit", "expression is longer than 4096 bytes", ""};
    Advance();
    NodePtr root = ParseOr(0);
    if (!fault_ && token_.kind != TokenKind::kEnd) Fail(token_.offset, StrCat("unexpected '", token_.text, "'"), "");
    if (fault_) return *fault_;
    return ParsedExpression(std::move(root));
  }

 private:
  void Fail(size_t offset, std::string message, std::string hint) {
    if (!fault_) fault_ = ExpressionFault{offset, "syntax", std::move(message), std::move(hint)};
    token_ = Token{TokenKind::kEnd, text_.size(), "end of the expression", {}};
    at_ = text_.size();
  }

  std::string_view TakeName() {
    const size_t start = at_;
    while (at_ < text_.size() && IsNameChar(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  void Advance() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
    token_ = Token{TokenKind::kEnd, at_, "end of the expression", {}};
    if (at_ == text_.size()) return;
    const char c = text_[at_];
    if (c == '$') return LexReference();
    if (c == '"') return LexText();
    if (IsDigit(c) || (c == '-' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1]))) return LexNumber();
    if (IsNameStart(c)) return LexName();
    LexOperator();
  }

  void LexReference() {
    ++at_;
    if (at_ == text_.size() || !IsNameStart(text_[at_]))
      return Fail(token_.offset, "'$' needs a name after it", "$deployment, $plan.digest");
    const std::string first(TakeName());
    token_.kind = TokenKind::kReference;
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      const std::string field(TakeName());
      if (field.empty()) return Fail(at_, StrCat("'$", first, ".' needs a field name after the dot"), "");
      token_.reference = {first, field};
    } else {
      token_.reference = {"", first};
    }
    token_.text = token_.reference.text();
  }

  void LexName() {
    const std::string first(TakeName());
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      const std::string field(TakeName());
      if (first != "incident") {
        return Fail(token_.offset, StrCat("'", first, ".", field, "' is not a value"), StrCat("$", first, ".", field));
      }
      token_.kind = TokenKind::kReference;
      token_.reference = {"incident", field};
      token_.text = token_.reference.text();
      return;
    }
    token_.kind = TokenKind::kName;
    token_.text = first;
  }

  void LexText() {
    std::string decoded;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        token_.kind = TokenKind::kText;
        token_.text = std::move(decoded);
        return;
      }
      if (c == '\\') {
        if (++at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\\')) {
          return Fail(at_ - 1, "only \\\" and \\\\ may be escaped in a text", "");
        }
      }
      decoded.push_back(text_[at_]);
    }
    Fail(token_.offset, "text without its closing quote", "");
  }

  void LexNumber() {
    const size_t start = at_++;
    while (at_ < text_.size() && (IsNameChar(text_[at_]) || text_[at_] == '.')) ++at_;
    token_.text = std::string(text_.substr(start, at_ - start));
    const bool letters = token_.text.find_first_of("abcdefghijklmnopqrstuvwxyz_") != std::string::npos;
    token_.kind = letters ? TokenKind::kSpan : TokenKind::kNumber;
  }

  void LexOperator() {
    for (std::string_view op : {"==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","}) {
      if (text_.substr(at_).starts_with(op)) {
        token_.kind = TokenKind::kOperator;
        token_.text = std::string(op);
        at_ += op.size();
        return;
      }
    }
    const char c = text_[at_];
    if (c == '=') return Fail(at_, "'=' compares nothing", "==");
    if (c == '\'') return Fail(at_, "texts stand in double quotes", "");
    if (c == '&' || c == '|' || c == '!')
      return Fail(at_, StrCat("'", std::string(1, c), "' is not an operator"), "and, or, not");
    Fail(at_, "a character that no expression has", "");
  }

  bool IsName(std::string_view name) const { return token_.kind == TokenKind::kName && token_.text == name; }

  static NodePtr Binary(Operator op, size_t offset, NodePtr left, NodePtr right) {
    auto node = std::make_shared<ExpressionNode>();
    node->op = op;
    node->offset = offset;
    node->left = std::move(left);
    node->right = std::move(right);
    return node;
  }

  // A chain of 'or' (and below of 'and') leans left; its length is bounded by the text, its recursion on evaluation by
  // that.
  NodePtr ParseOr(int depth) {
    NodePtr left = ParseAnd(depth);
    while (!fault_ && IsName("or")) {
      const size_t offset = token_.offset;
      Advance();
      left = Binary(Operator::kOr, offset, std::move(left), ParseAnd(depth));
    }
    return left;
  }

  NodePtr ParseAnd(int depth) {
    NodePtr left = ParseNot(depth);
    while (!fault_ && IsName("and")) {
      const size_t offset = token_.offset;
      Advance();
      left = Binary(Operator::kAnd, offset, std::move(left), ParseNot(depth));
    }
    return left;
  }

  NodePtr ParseNot(int depth) {
    if (depth > kExpressionDepthMax) {
      Fail(token_.offset, "expression is nested more than 32 deep", "");
      return nullptr;
    }
    if (!IsName("not")) return ParseComparison(depth);
    const size_t offset = token_.offset;
    Advance();
    return Binary(Operator::kNot, offset, ParseNot(depth + 1), nullptr);
  }

  NodePtr ParseComparison(int depth) {
    NodePtr left = ParseOperand(depth);
    if (fault_) return left;
    if (IsName("in")) {
      const size_t offset = token_.offset;
      Advance();
      return Binary(Operator::kIn, offset, std::move(left), ParseOperand(depth));
    }
    if (token_.kind != TokenKind::kOperator) return left;
    static constexpr std::pair<std::string_view, Operator> kOperators[] = {
        {"==", Operator::kEqual},     {"!=", Operator::kNotEqual}, {"<", Operator::kLess},
        {"<=", Operator::kLessEqual}, {">", Operator::kGreater},   {">=", Operator::kGreaterEqual}};
    for (const auto& [text, op] : kOperators) {
      if (token_.text != text) continue;
      const size_t offset = token_.offset;
      Advance();
      return Binary(op, offset, std::move(left), ParseOperand(depth));
    }
    return left;
  }

  NodePtr ParseOperand(int depth) {
    auto node = std::make_shared<ExpressionNode>();
    node->offset = token_.offset;
    switch (token_.kind) {
      case TokenKind::kReference:
        node->op = Operator::kReference;
        node->reference = token_.reference;
        break;
      case TokenKind::kText:
        node->literal.set_string_value(token_.text);
        node->literal_type = ValueType::kString;
        break;
      case TokenKind::kSpan:
        if (!ParseSpan(token_.text)) {
          Fail(token_.offset, StrCat("'", token_.text, "' is neither a number nor a duration"), "90s, 10m, 4h");
          return nullptr;
        }
        node->literal.set_string_value(token_.text);
        node->literal_type = ValueType::kDuration;
        break;
      case TokenKind::kNumber: {
        double number = 0;
        const char* end = token_.text.data() + token_.text.size();
        const auto [last, error] = std::from_chars(token_.text.data(), end, number);
        if (error != std::errc() || last != end) {
          Fail(token_.offset, StrCat("'", token_.text, "' is not a number"), "");
          return nullptr;
        }
        const bool whole = token_.text.find('.') == std::string::npos;
        if (whole && !HoldsWhole(token_.text)) {
          Fail(token_.offset, StrCat("'", token_.text, "' is more than a number can hold exactly (2^53)"), "");
          return nullptr;
        }
        node->literal.set_number_value(number);
        node->literal_type = whole ? ValueType::kInt : ValueType::kNumber;
        break;
      }
      case TokenKind::kName:
        if (token_.text == "count" || token_.text == "empty") return ParseCall(depth);
        if (token_.text != "true" && token_.text != "false") {
          Fail(token_.offset, StrCat("'", token_.text, "' is not a value"),
               StrCat("$", token_.text, " or \"", token_.text, "\""));
          return nullptr;
        }
        node->literal.set_bool_value(token_.text == "true");
        node->literal_type = ValueType::kBool;
        break;
      case TokenKind::kOperator:
        if (token_.text == "(") return ParseParenthesis(depth);
        if (token_.text == "[") return ParseList(depth);
        [[fallthrough]];
      case TokenKind::kEnd:
        Fail(token_.offset, StrCat("a value is missing before '", token_.text, "'"), "");
        return nullptr;
    }
    Advance();
    return node;
  }

  NodePtr ParseParenthesis(int depth) {
    const size_t offset = token_.offset;
    Advance();
    NodePtr inner = ParseOr(depth + 1);
    if (fault_) return nullptr;
    if (token_.kind != TokenKind::kOperator || token_.text != ")") {
      Fail(offset, "'(' without its ')'", "");
      return nullptr;
    }
    Advance();
    return inner;
  }

  bool IsOperator(std::string_view op) const { return token_.kind == TokenKind::kOperator && token_.text == op; }

  // count(…) and empty(…).
  NodePtr ParseCall(int depth) {
    const Operator op = token_.text == "count" ? Operator::kCount : Operator::kEmpty;
    const size_t offset = token_.offset;
    const std::string name = token_.text;
    Advance();
    if (!IsOperator("(")) {
      Fail(token_.offset, StrCat("'", name, "' needs a list in parentheses"), StrCat(name, "($step.list)"));
      return nullptr;
    }
    NodePtr inner = ParseParenthesis(depth);
    return fault_ ? nullptr : Binary(op, offset, std::move(inner), nullptr);
  }

  NodePtr ParseList(int depth) {
    auto node = std::make_shared<ExpressionNode>();
    node->op = Operator::kList;
    node->offset = token_.offset;
    if (depth > kExpressionDepthMax) {
      Fail(token_.offset, "expression is nested more than 32 deep", "");
      return nullptr;
    }
    Advance();
    while (!fault_ && !IsOperator("]")) {
      node->items.push_back(ParseOperand(depth + 1));
      if (fault_) return nullptr;
      if (IsOperator(",")) {
        Advance();
      } else if (!IsOperator("]")) {
        Fail(node->offset, "'[' without its ']'", "[\"one\", \"two\"]");
      }
    }
    if (fault_) return nullptr;
    Advance();
    return node;
  }

  const std::string_view text_;
  size_t at_ = 0;
  Token token_;
  std::optional<ExpressionFault> fault_;
};

void Collect(const ExpressionNode& node, std::vector<std::pair<Reference, size_t>>& found) {
  if (node.op == Operator::kReference) found.emplace_back(node.reference, node.offset);
  if (node.left) Collect(*node.left, found);
  if (node.right) Collect(*node.right, found);
  for (const NodePtr& item : node.items) Collect(*item, found);
}

}  // namespace

std::string Reference::text() const {
  if (scope.empty()) return "$" + field;
  if (scope == "incident") return "incident." + field;
  return StrCat("$", scope, ".", field);
}

std::variant<ParsedExpression, ExpressionFault> ParseExpression(std::string_view text) { return Parser(text).Run(); }

std::vector<std::pair<Reference, size_t>> ReferencesOf(const ParsedExpression& expression) {
  std::vector<std::pair<Reference, size_t>> found;
  Collect(expression.root(), found);
  return found;
}

}  // namespace firebreak
