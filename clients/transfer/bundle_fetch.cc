#include "clients/transfer/bundle_fetch.h"

#include "absl/strings/str_join.h"
#include "clients/transfer/retry.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/signing/model_hash.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {
namespace {

constexpr size_t kBundleBytesMax = size_t{64} << 20;
constexpr size_t kUnsignedShown = 10;
constexpr char kLoneFile[] = ".";   // how the only file was called before OMS 1.1

bool FileDigestsAreEnough(const OmsSignature& signature) {
  return signature.method == OmsMethod::kFiles && signature.hash_type == "sha256";
}

absl::StatusOr<OmsSignature> VerifyWithKeys(const std::string& bytes, const std::vector<EcPublicKey>& keys) {
  absl::Status last = absl::DataLossError("no trusted key");
  for (const EcPublicKey& key : keys) {
    absl::StatusOr<OmsSignature> signature = VerifyOmsBundle(bytes, key);
    if (signature.ok()) return signature;
    last = signature.status();
  }
  return absl::DataLossError(StrCat("its signature verifies with none of the ", keys.size(), " trusted keys: ", MessageOf(last)));
}

absl::StatusOr<FetchedBundle> FetchOne(SnapshotPort& port, const Digest& digest, const std::string& key_id, const RetryPolicy& retry) {
  std::string bytes;
  std::string note;
  v1::GetBundleRequest request;
  request.set_snapshot(digest.text());
  request.set_key_id(key_id);
  uint64_t total = 0;
  do {
    request.set_offset(bytes.size());
    ASSIGN_OR_RETURN(v1::GetBundleResponse piece,
                     Retry(retry, "fetch signature", [&] { return port.GetBundle(request); }));
    total = piece.total_bytes();
    if (total > kBundleBytesMax) return absl::ResourceExhaustedError(StrCat("signature larger than ", kBundleBytesMax, " bytes"));
    if (piece.data().empty() && bytes.size() < total) return absl::DataLossError("the signature ends early");
    bytes += piece.data();
    // Pieces of one signature, though another should count by now. An older service knows one only.
    request.set_key_id(piece.signature().key_id());
    if (piece.has_signature() && !piece.counts()) note = piece.why();
  } while (bytes.size() < total);
  return FetchedBundle(std::move(bytes), std::move(note));
}

}  // namespace

absl::StatusOr<OmsSignature> FetchedBundle::VerifyWith(const SignatureTrust& trust) const {
  absl::StatusOr<OmsClaim> claim = ReadOmsClaim(bytes_);
  if (!claim.ok()) return absl::DataLossError(StrCat("its signature cannot be read: ", MessageOf(claim.status())));
  if (claim->trust == OmsTrust::kKey) {
    if (trust.keys.empty()) return absl::DataLossError("it is signed with a bare key, and only authorities are trusted");
    return VerifyWithKeys(bytes_, trust.keys);
  }
  if (trust.roots_pem.empty()) return absl::DataLossError("it is signed with a certificate, and no authority is trusted");
  absl::StatusOr<OmsSignature> signature = VerifyOmsCertificateBundle(bytes_, trust.roots_pem, trust.now);
  if (!signature.ok()) {
    return absl::DataLossError(StrCat("its signature verifies below no trusted authority: ", MessageOf(signature.status())));
  }
  return signature;
}

absl::Status FetchedBundle::Verify(const SignatureTrust& trust) {
  absl::StatusOr<OmsSignature> signature = VerifyWith(trust);
  if (!signature.ok()) {
    if (note_.empty()) return signature.status();
    return absl::DataLossError(StrCat(MessageOf(signature.status()), " (of this signature the service says: ", note_, ")"));
  }
  if (FileDigestsAreEnough(*signature)) {
    ASSIGN_OR_RETURN(matcher_, BundleMatcher::Make(*signature));
  } else {
    for (const OmsResource& resource : signature->resources) signed_names_.insert(resource.name);
  }
  signature_ = *std::move(signature);
  return absl::OkStatus();
}

void FetchedBundle::Add(const v1::FileEntry& entry) {
  if (!signature_) return;
  if (matcher_) return matcher_->Add(entry);
  if (first_path_.empty()) first_path_ = entry.path();
  // A list of shards cannot hold an empty file.
  if (signature_->method == OmsMethod::kShards && entry.size_bytes() == 0) return;
  const bool lone = signed_names_.size() == 1 && signed_names_.contains(kLoneFile) && entry.path() == first_path_;
  if (lone || signed_names_.contains(entry.path())) return;
  if (unsigned_.size() < kUnsignedShown) unsigned_.push_back(StrCat("file ", QuoteJson(entry.path()), " is not in the signature"));
}

absl::Status FetchedBundle::Finish(const std::filesystem::path& folder, int threads) {
  if (!signature_) return absl::OkStatus();
  if (matcher_) {
    const absl::Status match = matcher_->Finish();
    return match.ok() ? match : absl::DataLossError(std::string(MessageOf(match)));
  }
  // What the signer left out of the signature is no part of what is pulled, and nothing is passed over.
  if (!unsigned_.empty()) return absl::DataLossError(StrCat("signature and content differ: ", absl::StrJoin(unsigned_, "; ")));
  OmsSignature signature = *signature_;
  signature.ignore_paths.clear();
  ModelCheck check;
  check.threads = threads;
  const bool lone = signed_names_.contains(kLoneFile);
  if (!lone) check.ignore_paths.emplace_back(kSignatureFileName);   // ours, of an earlier pull that was cut
  const absl::Status match = CheckModel(signature, lone ? folder / first_path_ : folder, check);
  return match.ok() ? match : absl::DataLossError(StrCat("signature and content differ: ", MessageOf(match)));
}

absl::StatusOr<FetchedBundle> FetchBundle(SnapshotPort& port, const Digest& digest, const SignatureTrust& trust, const RetryPolicy& retry) {
  for (const EcPublicKey& key : trust.keys) {
    absl::StatusOr<FetchedBundle> own = FetchOne(port, digest, key.key_id(), retry);
    if (!absl::IsNotFound(own.status())) return own;
  }
  return FetchOne(port, digest, "", retry);
}

}  // namespace firebreak
