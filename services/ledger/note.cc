#include "firebreak/ledger/note.h"

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "lines.h"

namespace firebreak {
namespace {

constexpr std::string_view kSignaturePrefix = "\xE2\x80\x94 ";   // em dash, space
constexpr uint8_t kTypeEd25519 = 0x01;
constexpr size_t kNoteBytesMax = size_t{1} << 20;
constexpr size_t kNoteSignaturesMax = 64;   // the specification asks for at least 16
constexpr size_t kKeyIdBytes = 4;

bool IsNoteName(std::string_view name) {
  if (name.empty() || !IsValidUtf8(name)) return false;
  return name.find_first_of(" +\t\n\r\v\f") == std::string_view::npos;
}

bool HasControlCharacters(std::string_view text) {
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7F) return true;
  }
  return false;
}

std::string KeyId(std::string_view name, uint8_t type, std::string_view public_key) {
  std::string input = StrCat(name, "\n");
  input.push_back(static_cast<char>(type));
  input.append(public_key);
  return Sha256(input).raw().substr(0, kKeyIdBytes);
}

}  // namespace

absl::StatusOr<NoteVerifier> NoteVerifier::Parse(std::string_view vkey) {
  // base64 may hold '+' itself, so only the first two count.
  const size_t first = vkey.find('+');
  const size_t second = first == std::string_view::npos ? first : vkey.find('+', first + 1);
  if (second == std::string_view::npos || !IsNoteName(vkey.substr(0, first))) {
    return absl::InvalidArgumentError("verifier key: expected name+hash+base64, as printed beside the checkpoint");
  }
  const std::string_view name = vkey.substr(0, first);
  absl::StatusOr<std::string> key_id = FromHex(vkey.substr(first + 1, second - first - 1));
  absl::StatusOr<std::string> key = FromStrictBase64(vkey.substr(second + 1));
  if (!key_id.ok() || key_id->size() != kKeyIdBytes || !key.ok() || key->size() < 2) {
    return absl::InvalidArgumentError(StrCat("verifier key ", name, ": hash or key cannot be read"));
  }
  NoteVerifier verifier;
  verifier.name = std::string(name);
  verifier.key_id = *std::move(key_id);
  verifier.type = static_cast<uint8_t>((*key)[0]);
  verifier.public_key = key->substr(1);
  if (KeyId(verifier.name, verifier.type, verifier.public_key) != verifier.key_id) {
    return absl::InvalidArgumentError(StrCat("verifier key ", name, ": the hash does not belong to the key"));
  }
  return verifier;
}

std::string MakeVerifierKey(std::string_view name, std::string_view ed25519_public_key) {
  std::string key(1, static_cast<char>(kTypeEd25519));
  key.append(ed25519_public_key);
  return StrCat(name, "+", ToHex(KeyId(name, kTypeEd25519, ed25519_public_key)), "+", ToBase64(key));
}

absl::StatusOr<SignedNote> ParseNote(std::string_view note) {
  if (note.size() > kNoteBytesMax) return absl::DataLossError("signed note: larger than 1 MiB");
  if (!IsValidUtf8(note) || HasControlCharacters(note)) {
    return absl::DataLossError("signed note: not UTF-8 text without control characters");
  }
  const size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos || !note.ends_with('\n')) {
    return absl::DataLossError("signed note: no signature block");
  }
  SignedNote parsed;
  parsed.text = std::string(note.substr(0, split + 1));
  std::string_view block = note.substr(split + 2);
  if (block.empty()) return absl::DataLossError("signed note: no signature");
  block.remove_suffix(1);
  for (std::string_view line : SplitLines(block)) {
    const size_t space = line.size() > kSignaturePrefix.size() ? line.find(' ', kSignaturePrefix.size()) : line.npos;
    if (!line.starts_with(kSignaturePrefix) || space == std::string_view::npos) {
      return absl::DataLossError("signed note: malformed signature line");
    }
    const std::string_view name = line.substr(kSignaturePrefix.size(), space - kSignaturePrefix.size());
    absl::StatusOr<std::string> blob = FromStrictBase64(line.substr(space + 1));
    if (!IsNoteName(name) || !blob.ok() || blob->size() <= kKeyIdBytes) {
      return absl::DataLossError("signed note: malformed signature line");
    }
    if (parsed.signatures.size() == kNoteSignaturesMax) return absl::DataLossError("signed note: too many signatures");
    parsed.signatures.push_back({std::string(name), blob->substr(0, kKeyIdBytes), blob->substr(kKeyIdBytes)});
  }
  return parsed;
}

absl::StatusOr<std::string> SignNote(const Ed25519Key& key, std::string_view name, std::string_view text) {
  if (!IsNoteName(name)) return absl::InvalidArgumentError(StrCat("signed note: the name \"", name, "\" is not allowed"));
  if (!text.ends_with('\n') || !IsValidUtf8(text) || HasControlCharacters(text)) {
    return absl::InvalidArgumentError("signed note: the text must be UTF-8 lines");
  }
  ASSIGN_OR_RETURN(std::string signature, key.Sign(text));
  const std::string blob = KeyId(name, kTypeEd25519, key.public_key()) + signature;
  return StrCat(text, "\n", kSignaturePrefix, name, " ", ToBase64(blob), "\n");
}

absl::StatusOr<std::string> OpenNote(std::string_view note, const NoteVerifier& verifier) {
  if (verifier.type != kTypeEd25519) {
    return absl::InvalidArgumentError(StrCat("verifier key ", verifier.name, ": only Ed25519 keys verify notes here"));
  }
  ASSIGN_OR_RETURN(SignedNote parsed, ParseNote(note));
  bool verified = false;
  for (const NoteSignature& signature : parsed.signatures) {
    if (signature.name != verifier.name || signature.key_id != verifier.key_id) continue;
    if (!VerifyEd25519(verifier.public_key, parsed.text, signature.signature).ok()) {
      return absl::DataLossError(StrCat("signed note: the signature of ", verifier.name, " does not verify"));
    }
    verified = true;
  }
  if (!verified) return absl::DataLossError(StrCat("signed note: no signature of ", verifier.name, " with this key"));
  return std::move(parsed.text);
}

}  // namespace firebreak
