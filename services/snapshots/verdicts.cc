#include "services/snapshots/verdicts.h"

#include <algorithm>

#include "firebreak/base/bytes.h"
#include "firebreak/crypto/hash.h"

namespace firebreak {
namespace {

void AddText(Sha256Stream& stream, std::string_view text) {
  stream.Update(ToBigEndian64(text.size()));
  stream.Update(text);
}

}  // namespace

std::string Verdicts::Key(std::string_view content_digest, const store::v1::StoredSignature& stored,
                          const std::vector<v1::TrustedSigner>& signers) {
  Sha256Stream stream;
  AddText(stream, content_digest);
  AddText(stream, stored.summary().bundle_digest());
  AddText(stream, stored.summary().key_id());
  stream.Update(ToBigEndian64(static_cast<uint64_t>(stored.summary().verified_at().seconds())));
  stream.Update(ToBigEndian64(static_cast<uint64_t>(stored.summary().verified_at().nanos())));
  for (const v1::TrustedSigner& signer : signers) {
    AddText(stream, signer.key_id());
    AddText(stream, signer.public_key_pem());
    AddText(stream, signer.ca_certificate_pem());
    stream.Update(ToBigEndian64(static_cast<uint64_t>(signer.identities_size())));
    for (const std::string& identity : signer.identities()) AddText(stream, identity);
  }
  return stream.Finish().raw();
}

std::optional<CheckedBundle> Verdicts::Find(const std::string& key, const std::vector<v1::TrustedSigner>& signers) const {
  std::optional<CheckedBundle> found;
  {
    absl::MutexLock lock(&mutex_);
    const auto known = known_.find(key);
    if (known == known_.end()) return std::nullopt;
    found = known->second;
  }
  const auto entry_of = [&](const std::string& key_id) {
    return std::find_if(signers.begin(), signers.end(), [&](const v1::TrustedSigner& signer) { return signer.key_id() == key_id; });
  };
  const auto signer = entry_of(found->signer.key_id());
  if (signer == signers.end()) return std::nullopt;
  found->signer = *signer;
  // Of a certificate; it gets an entry of its own when it is revoked.
  const auto leaf = found->identity.empty() ? signers.end() : entry_of(found->signature.key_id);
  found->leaf = leaf == signers.end() ? std::nullopt : std::optional(*leaf);
  return found;
}

void Verdicts::Remember(const std::string& key, const CheckedBundle& checked) {
  CheckedBundle kept = checked;
  // As long as the signer made them, and asked for by nobody later.
  kept.signature.ignore_paths.clear();
  kept.signature.model_name.clear();
  kept.signature.certificate_pem.clear();
  absl::MutexLock lock(&mutex_);
  if (known_.size() >= kMax) known_.clear();
  known_.insert_or_assign(key, std::move(kept));
}

}  // namespace firebreak
