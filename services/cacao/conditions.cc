#include "services/cacao/conditions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "services/cacao/check_shape.h"

namespace firebreak {
namespace {

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '$';
}

struct Token {
  enum class Kind { kReference, kText, kWord, kSign };
  Kind kind;
  std::string text;     // of a kText: the value, without quotes
  size_t offset = 0;
};

// Tokens of an expression of ours, which has passed the linter.
std::vector<Token> TokensOf(std::string_view text) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == ' ' || c == '\t' || c == '\n') {
      ++at;
    } else if (c == '"') {
      size_t end = at + 1;
      while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
      const auto value = ParseJson(text.substr(at, end - at));
      tokens.push_back({Token::Kind::kText, value.ok() ? value->string_value() : std::string(text.substr(at, end - at)), at});
      at = end;
    } else if (IsWordChar(c)) {
      size_t end = at;
      while (end < text.size() && IsWordChar(text[end])) ++end;
      const std::string word(text.substr(at, end - at));
      const bool reference = word.front() == '$' || word.starts_with("incident.");
      tokens.push_back({reference ? Token::Kind::kReference : Token::Kind::kWord, word, at});
      at = end;
    } else {
      const size_t size = at + 1 < text.size() && text[at + 1] == '=' ? 2 : 1;
      tokens.push_back({Token::Kind::kSign, std::string(text.substr(at, size)), at});
      at += size;
    }
  }
  return tokens;
}

Reference ReferenceOf(std::string_view text) {
  Reference reference;
  if (text.starts_with('$')) text.remove_prefix(1);
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) {
    reference.field = std::string(text);
  } else {
    reference.scope = std::string(text.substr(0, dot));
    reference.field = std::string(text.substr(dot + 1));
  }
  return reference;
}

bool IsComparison(const Token& token) {
  static const std::vector<std::string> signs = {"==", "!=", "<", "<=", ">", ">="};
  return (token.kind == Token::Kind::kSign && std::find(signs.begin(), signs.end(), token.text) != signs.end()) ||
         (token.kind == Token::Kind::kWord && token.text == "in");
}

std::string StixText(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "'";
}

bool IsNumber(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789.-") == std::string_view::npos;
}

}  // namespace

std::string ToStix(std::string_view expression, const VariableName& name_of) {
  const std::vector<Token> tokens = TokensOf(expression);
  std::string out;
  bool in_function = false;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    std::string piece;
    switch (token.kind) {
      case Token::Kind::kReference: {
        piece = name_of(ReferenceOf(token.text)) + ":value";
        const bool compared = (i > 0 && IsComparison(tokens[i - 1])) || (i + 1 < tokens.size() && IsComparison(tokens[i + 1]));
        if (!compared && !in_function) piece += " = true";
        break;
      }
      case Token::Kind::kText:
        piece = StixText(token.text);
        break;
      case Token::Kind::kWord:
        if (token.text == "and" || token.text == "or" || token.text == "not" || token.text == "in") {
          for (const char c : token.text) piece.push_back(static_cast<char>(c - 32));
        } else if (token.text == "true" || token.text == "false" || IsNumber(token.text)) {
          piece = token.text;
        } else if (token.text == "count" || token.text == "empty") {
          piece = token.text;
          in_function = true;
        } else {
          piece = StixText(token.text);   // a duration
        }
        break;
      case Token::Kind::kSign:
        piece = token.text == "==" ? "=" : token.text == "[" ? "(" : token.text == "]" ? ")" : token.text;
        if (piece == ")") in_function = false;
        break;
    }
    const bool tight = out.empty() || out.back() == '(' || piece == ")" || piece == "," || (piece == "(" && in_function);
    StrAppend(&out, tight ? "" : " ", piece);
  }
  return out;
}

namespace {

// Recursive descent over a STIX comparison expression. Depth is bounded by the number of open parentheses.
class StixReader {
 public:
  StixReader(std::string_view text, const VariableLookup& find) : text_(text), find_(find) {}

  absl::StatusOr<std::string> Read() {
    Blanks();
    const bool bracket = Take('[');
    ASSIGN_OR_RETURN(std::string out, Or(0));
    if (bracket && !Take(']')) return Fault("']' is missing");
    Blanks();
    if (at_ != text_.size()) return Fault(StrCat("'", text_.substr(at_, 20), "' is not understood"));
    return out;
  }

 private:
  absl::Status Fault(std::string_view what) const { return absl::InvalidArgumentError(StrCat("condition, byte ", at_, ": ", what)); }
  void Blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  bool Take(char c) {
    Blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    Blanks();
    if (text_.size() - at_ < word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i) {
      const char c = text_[at_ + i];
      if ((c >= 'a' && c <= 'z' ? c - 32 : c) != word[i]) return false;
    }
    if (at_ + word.size() < text_.size() && IsWordChar(text_[at_ + word.size()])) return false;
    at_ += word.size();
    return true;
  }

  absl::StatusOr<std::string> Or(int depth) {
    ASSIGN_OR_RETURN(std::string out, And(depth));
    while (TakeWord("OR")) {
      ASSIGN_OR_RETURN(const std::string next, And(depth));
      StrAppend(&out, " or ", next);
    }
    return out;
  }
  absl::StatusOr<std::string> And(int depth) {
    ASSIGN_OR_RETURN(std::string out, Not(depth));
    while (TakeWord("AND")) {
      ASSIGN_OR_RETURN(const std::string next, Not(depth));
      StrAppend(&out, " and ", next);
    }
    return out;
  }
  absl::StatusOr<std::string> Not(int depth) {
    if (depth > kExpressionDepthMax / 2) return Fault("nested too deep");
    if (TakeWord("NOT")) {
      ASSIGN_OR_RETURN(const std::string inner, Not(depth + 1));
      return StrCat("not ", inner);
    }
    if (Take('(')) {
      ASSIGN_OR_RETURN(const std::string inner, Or(depth + 1));
      if (!Take(')')) return Fault("')' is missing");
      return StrCat("(", inner, ")");
    }
    return Comparison();
  }

  absl::StatusOr<std::string> Variable() {
    Blanks();
    size_t end = at_;
    while (end < text_.size() && (IsWordChar(text_[end]))) ++end;
    std::string name(text_.substr(at_, end - at_));
    // Published stock also says __ip__.value and leaves :value away.
    if (name.ends_with(".value")) name.resize(name.size() - 6);
    if (!IsCacaoVariable(name)) return Fault("a comparison begins with a variable: __name__:value");
    at_ = end;
    if (text_.substr(at_).starts_with(":value")) at_ += 6;
    return name;
  }

  absl::StatusOr<std::string> Comparison() {
    ASSIGN_OR_RETURN(const std::string name, Variable());
    const absl::StatusOr<ForeignVariable> variable = find_(name);
    if (!variable.ok()) return variable.status();
    const bool negated = TakeWord("NOT");
    for (const char* word : {"LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET", "EXISTS", "IN"}) {
      if (TakeWord(word)) return Fault(StrCat("the comparison ", word, " is not supported; = != < <= > >= are"));
    }
    Blanks();
    static constexpr std::pair<std::string_view, std::string_view> kSigns[] = {{"!=", "!="}, {"<>", "!="}, {"<=", "<="}, {">=", ">="},
                                                                             {"==", "=="}, {"=", "=="},  {"<", "<"},   {">", ">"}};
    std::string sign;
    for (const auto& [theirs, ours] : kSigns) {
      if (!text_.substr(at_).starts_with(theirs)) continue;
      at_ += theirs.size();
      sign = std::string(ours);
      break;
    }
    if (sign.empty()) return Fault("a comparison needs one of = != < <= > >=");
    const bool ordered = sign != "==" && sign != "!=";
    if (ordered && variable->type != "int" && variable->type != "number") {
      return Fault(StrCat(name, " is a ", variable->type, ": texts have no order, so ", sign, " would say that 100 comes before 50"));
    }
    ASSIGN_OR_RETURN(const std::string literal, Literal(*variable));
    const std::string comparison = StrCat(variable->expression, " ", sign, " ", literal);
    return negated ? StrCat("not (", comparison, ")") : comparison;
  }

  absl::StatusOr<std::string> Literal(const ForeignVariable& variable) {
    Blanks();
    std::string text;
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
      const char quote = text_[at_++];
      while (at_ < text_.size() && text_[at_] != quote) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        text.push_back(text_[at_++]);
      }
      if (at_ >= text_.size()) return Fault("the text is not closed");
      ++at_;
    } else {
      const size_t begin = at_;
      while (at_ < text_.size() && (IsWordChar(text_[at_]) || text_[at_] == ':')) ++at_;
      text = std::string(text_.substr(begin, at_ - begin));
      if (text.empty()) return Fault("a value is missing");
      if (text.starts_with("__")) {
        if (text.ends_with(":value")) text.resize(text.size() - 6);
        const absl::StatusOr<ForeignVariable> other = find_(text);
        if (!other.ok()) return other.status();
        if (other->type != variable.type) return Fault(StrCat("a ", variable.type, " is compared with a ", other->type));
        return other->expression;
      }
    }
    if (variable.type == "bool") {
      if (text == "true" || text == "false") return text;
      return Fault(StrCat("a bool is compared with '", CutText(text, 40), "'"));
    }
    if (variable.type == "int" || variable.type == "number") {
      const size_t dots = static_cast<size_t>(std::count(text.begin(), text.end(), '.'));
      if (IsNumber(text) && text.find_first_of("0123456789") != std::string::npos && dots <= (variable.type == "int" ? 0u : 1u) && text.find('-') == std::string::npos) {
        return text;
      }
      return Fault(StrCat("a ", variable.type, " is compared with '", CutText(text, 40), "'"));
    }
    return Quoted(text);
  }

  // As expressions write it: only " and \ are escaped, so what needs another escape cannot be said.
  absl::StatusOr<std::string> Quoted(std::string_view text) const {
    const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
    if (!plain || !IsValidUtf8(text)) return Fault("the text holds control characters or is not UTF-8");
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    return out + "\"";
  }

  const std::string_view text_;
  const VariableLookup& find_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<std::string> FromStix(std::string_view condition, const VariableLookup& find) {
  if (condition.size() > kExpressionBytesMax / 2) return absl::InvalidArgumentError("condition: longer than 2 KiB");
  ASSIGN_OR_RETURN(std::string translated, StixReader(condition, find).Read());
  // What our own reader does not take (numbers past 2^53, nesting) is said here, where it stands.
  const auto parsed = ParseExpression(translated);
  if (const auto* fault = std::get_if<ExpressionFault>(&parsed)) return absl::InvalidArgumentError(StrCat("condition: ", fault->message));
  return translated;
}

}  // namespace firebreak
