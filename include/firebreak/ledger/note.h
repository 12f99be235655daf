// Signed notes and what the log signs with them: checkpoints and offline proofs (C2SP signed-note, tlog-checkpoint,
// tlog-proof), Ed25519. Pure text in, values out; strict about form because notes come from outside.
#ifndef FIREBREAK_LEDGER_NOTE_H_
#define FIREBREAK_LEDGER_NOTE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/crypto/sign.h"

namespace firebreak {

// A vkey, "name+hex8(key id)+base64(type || key)", taken apart. Type 0x01 is Ed25519; others parse but cannot verify here.
struct NoteVerifier {
  std::string name;
  std::string key_id;       // 4 raw bytes
  uint8_t type = 0;
  std::string public_key;   // raw

  // kInvalidArgument when malformed or when the key id does not belong to the key.
  static absl::StatusOr<NoteVerifier> Parse(std::string_view vkey);
};

std::string MakeVerifierKey(std::string_view name, std::string_view ed25519_public_key);

struct NoteSignature {
  std::string name;
  std::string key_id;       // 4 raw bytes
  std::string signature;
};

struct SignedNote {
  std::string text;         // with its final newline; what is signed
  std::vector<NoteSignature> signatures;
};

// kDataLoss when it is not a signed note. Signatures are not checked.
absl::StatusOr<SignedNote> ParseNote(std::string_view note);

// `text` must end with a newline; the name must not hold spaces or '+' (kInvalidArgument).
absl::StatusOr<std::string> SignNote(const Ed25519Key& key, std::string_view name, std::string_view text);

// The note's text if `verifier` signed it. kDataLoss when its signature is missing or wrong; other signatures are ignored.
absl::StatusOr<std::string> OpenNote(std::string_view note, const NoteVerifier& verifier);

struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  std::string root;                      // 32 raw bytes
  std::vector<std::string> extensions;   // further lines
};

std::string FormatCheckpoint(const Checkpoint& checkpoint);
// kDataLoss names the line that is wrong.
absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view text);
// Opens the note and parses it; the origin must be the verifier's name.
absl::StatusOr<Checkpoint> OpenCheckpoint(std::string_view note, std::string_view vkey);

// A tlog-proof: that one leaf is in the log a checkpoint was signed over.
struct LogProof {
  uint64_t index = 0;
  std::vector<std::string> hashes;       // inclusion proof
  std::string checkpoint;                // signed note, verbatim
};

std::string FormatProof(const LogProof& proof);
absl::StatusOr<LogProof> ParseProof(std::string_view text);
// The checkpoint, when signature and proof hold for exactly these leaf bytes. No server needed.
absl::StatusOr<Checkpoint> VerifyProof(std::string_view text, std::string_view leaf, std::string_view vkey);

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_NOTE_H_
