// Checkpoints and offline proofs: the texts of C2SP tlog-checkpoint and tlog-proof.
#include <charconv>
#include <system_error>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/merkle.h"
#include "firebreak/ledger/note.h"
#include "lines.h"

namespace firebreak {
namespace {

constexpr std::string_view kProofHeader = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kIndexPrefix = "index ";
constexpr size_t kProofHashesMax = 64;

// Decimal without sign, spaces or leading zeros.
bool ParseDecimal(std::string_view text, uint64_t* value) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  if (text.size() > 1 && text[0] == '0') return false;
  const std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), *value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

}  // namespace

std::string FormatCheckpoint(const Checkpoint& checkpoint) {
  std::string text = StrCat(checkpoint.origin, "\n", checkpoint.size, "\n", ToBase64(checkpoint.root), "\n");
  for (const std::string& line : checkpoint.extensions) StrAppend(&text, line, "\n");
  return text;
}

absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view text) {
  if (!text.ends_with('\n')) return absl::DataLossError("checkpoint: does not end with a newline");
  text.remove_suffix(1);
  const std::vector<std::string_view> lines = SplitLines(text);
  if (lines.size() < 3) return absl::DataLossError("checkpoint: fewer than three lines");
  Checkpoint checkpoint;
  checkpoint.origin = std::string(lines[0]);
  if (checkpoint.origin.empty()) return absl::DataLossError("checkpoint: line 1: the origin is empty");
  if (!ParseDecimal(lines[1], &checkpoint.size)) return absl::DataLossError("checkpoint: line 2: not a tree size");
  absl::StatusOr<std::string> root = FromStrictBase64(lines[2]);
  if (!root.ok() || root->size() != kTreeHashBytes) return absl::DataLossError("checkpoint: line 3: not a root hash");
  checkpoint.root = *std::move(root);
  for (size_t i = 3; i < lines.size(); ++i) {
    if (lines[i].empty()) return absl::DataLossError(StrCat("checkpoint: line ", i + 1, " is empty"));
    checkpoint.extensions.emplace_back(lines[i]);
  }
  return checkpoint;
}

absl::StatusOr<Checkpoint> OpenCheckpoint(std::string_view note, std::string_view vkey) {
  ASSIGN_OR_RETURN(NoteVerifier verifier, NoteVerifier::Parse(vkey));
  ASSIGN_OR_RETURN(std::string text, OpenNote(note, verifier));
  ASSIGN_OR_RETURN(Checkpoint checkpoint, ParseCheckpoint(text));
  if (checkpoint.origin != verifier.name) {
    return absl::DataLossError(
        StrCat("checkpoint: it is of the log ", checkpoint.origin, ", the key belongs to ", verifier.name));
  }
  return checkpoint;
}

std::string FormatProof(const LogProof& proof) {
  std::string text = StrCat(kProofHeader, "\nindex ", proof.index, "\n");
  for (const std::string& hash : proof.hashes) StrAppend(&text, ToBase64(hash), "\n");
  StrAppend(&text, "\n", proof.checkpoint);
  return text;
}

absl::StatusOr<LogProof> ParseProof(std::string_view text) {
  const size_t split = text.find("\n\n");
  if (split == std::string_view::npos) return absl::DataLossError("log proof: no checkpoint");
  LogProof proof;
  proof.checkpoint = std::string(text.substr(split + 2));
  const std::vector<std::string_view> lines = SplitLines(text.substr(0, split));
  size_t next = 0;
  if (lines[next++] != kProofHeader) return absl::DataLossError("log proof: the first line is not " + std::string(kProofHeader));
  if (next < lines.size() && lines[next].starts_with("extra ")) ++next;   // for applications; we attach none
  const std::string_view index = next < lines.size() ? lines[next++] : std::string_view();
  if (!index.starts_with(kIndexPrefix) || !ParseDecimal(index.substr(kIndexPrefix.size()), &proof.index)) {
    return absl::DataLossError("log proof: no index line");
  }
  for (; next < lines.size(); ++next) {
    absl::StatusOr<std::string> hash = FromStrictBase64(lines[next]);
    if (!hash.ok() || hash->size() != kTreeHashBytes || proof.hashes.size() == kProofHashesMax) {
      return absl::DataLossError(StrCat("log proof: line ", next + 1, " is not a hash"));
    }
    proof.hashes.push_back(*std::move(hash));
  }
  return proof;
}

absl::StatusOr<Checkpoint> VerifyProof(std::string_view text, std::string_view leaf, std::string_view vkey) {
  ASSIGN_OR_RETURN(LogProof proof, ParseProof(text));
  ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenCheckpoint(proof.checkpoint, vkey));
  RETURN_IF_ERROR(VerifyInclusion(proof.index, checkpoint.size, LeafHash(leaf), proof.hashes, checkpoint.root));
  return checkpoint;
}

}  // namespace firebreak
