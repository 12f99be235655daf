#include "services/snapshots/signer_scope.h"

#include <algorithm>

#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/names.h"

namespace firebreak {
namespace {
constexpr int kPatternsMax = 32;
constexpr size_t kPatternBytesMax = 200;
}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t at = 0;
  size_t in_pattern = 0;
  size_t star = std::string_view::npos;   // the last '*' seen, and where its run would begin
  size_t run = 0;
  while (at < text.size()) {
    // A '*' of the pattern is one whatever the text holds there.
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      run = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++in_pattern;
      ++at;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++run;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
  return in_pattern == pattern.size();
}

bool MatchesAny(const Patterns& patterns, std::string_view text) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(),
                                         [&](const std::string& pattern) { return MatchesPattern(pattern, text); });
}

bool HasKind(const Kinds& kinds, v1::SnapshotKind kind) {
  return kinds.empty() || std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool InScope(const v1::TrustedSigner& signer, v1::SnapshotKind kind, std::string_view name) {
  return HasKind(signer.kinds(), kind) && MatchesAny(signer.names(), name);
}

std::string AcceptedIdentity(const v1::TrustedSigner& authority, const std::vector<std::string>& identities) {
  for (const std::string& identity : identities) {
    if (!authority.identities().empty() && MatchesAny(authority.identities(), identity)) return identity;
  }
  return "";
}

absl::Status CheckPatterns(std::string_view what, const Patterns& patterns) {
  if (patterns.size() > kPatternsMax) return absl::InvalidArgumentError(StrCat("more than ", kPatternsMax, " ", what));
  for (const std::string& pattern : patterns) {
    const bool is_plain = std::all_of(pattern.begin(), pattern.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!is_plain || pattern.empty() || pattern.size() > kPatternBytesMax) {
      return absl::InvalidArgumentError(StrCat(what, ": ", QuoteJson(pattern), " is not 1 to ", kPatternBytesMax,
                                               " printable characters; * stands for any of them"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckKindList(std::string_view what, const Kinds& kinds) {
  for (const int kind : kinds) {
    if (KindText(static_cast<v1::SnapshotKind>(kind)).empty()) {
      return absl::InvalidArgumentError(StrCat(what, " kinds are model, dataset or config; leave them out for all"));
    }
  }
  return absl::OkStatus();
}

}  // namespace firebreak
