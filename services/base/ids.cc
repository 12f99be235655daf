#include "firebreak/base/ids.h"

#include "absl/strings/escaping.h"
#include "firebreak/base/text.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"

namespace firebreak {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kNameLengthMax = 63;
constexpr std::string_view kDigestPrefix = "sha256:";

bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

Digest Digest::FromRaw(std::string_view raw) {
  FIREBREAK_CHECK(raw.size() == kDigestBytes);
  Digest digest;
  digest.raw_ = std::string(raw);
  return digest;
}

absl::StatusOr<Digest> Digest::Parse(std::string_view text) {
  const std::string shown = absl::CHexEscape(ToAbsl(text.substr(0, 80)));
  if (!text.starts_with(kDigestPrefix)) {
    return absl::InvalidArgumentError(StrCat("digest \"", shown, "\" does not start with sha256:"));
  }
  const std::string_view hex = text.substr(kDigestPrefix.size());
  if (hex.size() != 2 * kDigestBytes) {
    return absl::InvalidArgumentError(StrCat("digest \"", shown, "\" has ", hex.size(), " hex digits, not 64"));
  }
  const absl::StatusOr<std::string> raw = FromHex(hex);
  if (!raw.ok()) return absl::InvalidArgumentError(StrCat("digest \"", shown, "\" is not lowercase hex"));
  return FromRaw(*raw);
}

std::string Digest::text() const { return empty() ? "" : StrCat(kDigestPrefix, ToHex(raw_)); }

std::string NumberedId(std::string_view prefix, uint64_t number) { return StrCat(prefix, "-", number); }

absl::Status CheckName(std::string_view what, std::string_view name) {
  const std::string shown = StrCat(what, " \"", absl::CHexEscape(ToAbsl(name.substr(0, 80))), "\"");
  if (name.empty()) return absl::InvalidArgumentError(StrCat(what, " is empty"));
  if (name.size() > kNameLengthMax) {
    return absl::InvalidArgumentError(
        StrCat(shown, " has ", name.size(), " characters; at most ", kNameLengthMax, " are allowed"));
  }
  for (size_t at = 0; at < name.size(); ++at) {
    const char c = name[at];
    if (IsLetterOrDigit(c)) continue;
    const std::string which = StrCat("'", absl::CHexEscape(ToAbsl(name.substr(at, 1))), "'");
    if (c != '.' && c != '_' && c != '-') {
      return absl::InvalidArgumentError(
          StrCat(shown, ": ", which, " at offset ", at, " is not allowed; use a-z, 0-9, '.', '_' and '-'"));
    }
    if (at == 0) {
      return absl::InvalidArgumentError(StrCat(shown, ": ", which, " is not allowed first; start with a-z or 0-9"));
    }
  }
  return absl::OkStatus();
}

}  // namespace firebreak
