// The signatures over stored content: adding one, checking each against the keys of now, and holding those that count against
// the policies over the name that the content is asked for by.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_SIGNATURES_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_SIGNATURES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/storage/chunk_store.h"
#include "services/snapshots/catalogue.h"
#include "services/snapshots/keyring.h"
#include "services/snapshots/policies.h"
#include "services/snapshots/stored_bytes.h"
#include "services/snapshots/verdicts.h"

namespace firebreak {

// How much of a stored signature's word is checked again. kBytes reads the bundle anew, and content that only a re-hash can compare;
// otherwise a verdict of this process is relied on, and what the log says of the first comparison, both bound to the exact bundle.
enum class SignatureDepth { kRecords, kBytes };

struct SignatureView {
  v1::SignatureSummary summary;
  bool counts = false;
  std::string why;
  Vote vote;
  v1::TrustedSigner signer;   // empty when the bundle does not verify
};

// Thread-safe. Everything it is given outlives it.
class Signatures {
 public:
  Signatures(Ledger& ledger, ChunkStore& chunks, const Clock& clock, const Catalogue& catalogue, const Keyring& keyring,
             const Policies& policies, const SnapshotLimits& limits)
      : ledger_(ledger), chunks_(chunks), clock_(clock), catalogue_(catalogue), keyring_(keyring), policies_(policies),
        limits_(limits) {}

  // `digest` is the content's, for what is said. kDataLoss.
  absl::StatusOr<StoredBytes> OpenBundle(const std::string& digest, const store::v1::StoredSignature& stored) const;
  // kNotFound for a key that did not sign it.
  absl::StatusOr<store::v1::StoredSignature> LoadSignature(const std::string& digest, const std::string& key_id) const;

  // Every stored signature of this content, by key id.
  absl::StatusOr<std::vector<SignatureView>> View(const v1::Snapshot& snapshot, SignatureDepth depth) const;

  // The policies over one name (fraud-detector), each judged by the signatures that may sign that name.
  absl::StatusOr<std::vector<v1::PolicyStanding>> Judge(const v1::Snapshot& snapshot, std::string_view name,
                                                        const std::vector<SignatureView>& signatures) const;

  // Whether every policy over this name of the content holds; empty = over any one of its names. `evidence` gets one sentence
  // either way.
  absl::StatusOr<bool> Suffice(const v1::Snapshot& snapshot, const std::string& name, SignatureDepth depth,
                               std::string* evidence) const;

  // The signature to hand out: `key_id`'s, or else one that counts and may sign the snapshot's name, its own first; where there
  // is none, its own with the reason. kNotFound for a key that did not sign it.
  absl::StatusOr<SignatureView> Choose(const v1::Snapshot& snapshot, const std::string& key_id) const;

  // One more signature, checked as that of a push.
  absl::StatusOr<v1::AddSignatureResponse> Add(const Caller& caller, const v1::AddSignatureRequest& request,
                                               v1::Snapshot snapshot) const;

  // Leaves expectations on the policies and on the signers of this content, so that a revocation or a new policy committed in
  // between makes a decision about it be built again.
  absl::Status Hold(Draft& draft, const std::string& digest) const;

 private:
  absl::StatusOr<CheckedBundle> Verify(const v1::Snapshot& snapshot, const store::v1::StoredSignature& stored,
                                       SignatureDepth depth) const;
  absl::StatusOr<SignatureView> ViewOne(const v1::Snapshot& snapshot, const store::v1::StoredSignature& stored,
                                        SignatureDepth depth, const std::vector<v1::TrustedSigner>& signers) const;
  absl::Status CheckStored(const v1::Snapshot& snapshot, const store::v1::StoredSignature& stored, SignatureDepth depth,
                           const std::vector<v1::TrustedSigner>& signers, SignatureView& view) const;
  absl::StatusOr<std::vector<std::string>> NamesOf(const v1::Snapshot& snapshot) const;
  absl::StatusOr<bool> SufficeFor(const v1::Snapshot& snapshot, const std::string& name, const std::vector<SignatureView>& views,
                                  std::string* evidence) const;

  Ledger& ledger_;
  ChunkStore& chunks_;
  const Clock& clock_;
  const Catalogue& catalogue_;
  const Keyring& keyring_;
  const Policies& policies_;
  SnapshotLimits limits_;
  mutable Verdicts verdicts_;
};

// What is kept of a checked bundle, without the bundle's digest and time.
v1::SignatureSummary SummaryOf(const CheckedBundle& checked);

// Puts a key's signature over a content and its index; keeps the first. Answers whether there was one, in `summary`.
absl::StatusOr<bool> WriteSignature(Draft& draft, const v1::Snapshot& snapshot, const ChunkRefs& bundle_chunks,
                                    uint64_t bundle_bytes, v1::SignatureSummary& summary);

// Notes that the content goes by the snapshot's name. kResourceExhausted past names_max, counted as the draft sees it: also with
// names that are being committed together with it.
absl::Status BindName(Draft& draft, const v1::Snapshot& snapshot, size_t names_max);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_SIGNATURES_H_
