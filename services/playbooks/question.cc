#include "firebreak/playbooks/question.h"

#include <functional>

#include "firebreak/base/text.h"

namespace firebreak {
namespace {

struct Piece {
  std::string_view literal;    // text before the reference
  std::string_view reference;  // without braces; empty in the last piece
  size_t offset = 0;           // of the reference
};

// Calls `take` for every piece; false when a brace is not closed (its offset in `unclosed`).
bool Split(std::string_view text, const std::function<void(const Piece&)>& take, size_t& unclosed) {
  size_t start = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '{') continue;
    const std::string_view rest = text.substr(at + 1);
    if (!rest.starts_with('$') && !rest.starts_with("incident.")) continue;
    const size_t end = rest.find('}');
    if (end == std::string_view::npos) {
      unclosed = at;
      return false;
    }
    take({text.substr(start, at - start), rest.substr(0, end), at + 1});
    start = at + end + 2;
    at = start - 1;
  }
  take({text.substr(start), {}, text.size()});
  return true;
}

}  // namespace

std::variant<std::vector<std::pair<Reference, size_t>>, ExpressionFault> ReferencesInText(std::string_view text) {
  std::vector<std::pair<Reference, size_t>> found;
  std::optional<ExpressionFault> fault;
  size_t unclosed = 0;
  const bool whole = Split(
      text,
      [&](const Piece& piece) {
        if (piece.reference.empty() || fault) return;
        auto parsed = ParseExpression(piece.reference);
        if (auto* bad = std::get_if<ExpressionFault>(&parsed)) {
          bad->offset += piece.offset;
          fault = *bad;
          return;
        }
        for (auto& [reference, offset] : ReferencesOf(std::get<ParsedExpression>(parsed))) {
          found.emplace_back(reference, piece.offset + offset);
        }
      },
      unclosed);
  if (fault) return *fault;
  if (!whole) return ExpressionFault{unclosed, "syntax", "'{' without its '}'", ""};
  return found;
}

std::string ResolveText(std::string_view text, const ValueLookup& value_of) {
  std::string resolved;
  size_t unclosed = 0;
  Split(
      text,
      [&](const Piece& piece) {
        resolved.append(piece.literal);
        if (piece.reference.empty()) return;
        const absl::StatusOr<google::protobuf::Value> value = EvaluateText(piece.reference, value_of);
        resolved.append(value.ok() ? DisplayValue(*value) : "(unknown)");
      },
      unclosed);
  return resolved;
}

}  // namespace firebreak
