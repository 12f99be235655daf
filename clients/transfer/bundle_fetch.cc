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

constexpr uint64_t kHeldResourcesMax = 200'000;   // of a list that has to be held, because bytes are hashed again for it
constexpr size_t kUnsignedShown = 10;
constexpr char kLoneFile[] = ".";   // how the only file was called before OMS 1.1

absl::Status VerifyWithKeys(OmsBundle& bundle, const std::vector<EcPublicKey>& keys) {
  absl::Status last = absl::DataLossError("no trusted key");
  for (const EcPublicKey& key : keys) {
    last = bundle.Verify(key);
    if (last.ok()) return last;
  }
  return absl::DataLossError(StrCat("its signature verifies with none of the ", keys.size(), " trusted keys: ", MessageOf(last)));
}

absl::StatusOr<FetchedBundle> FetchOne(SnapshotPort& port, const Digest& digest, const std::string& key_id, const RetryPolicy& retry,
                                       const std::filesystem::path& folder) {
  auto bytes = std::make_unique<Spool>(folder);
  std::string note;
  v1::GetBundleRequest request;
  request.set_snapshot(digest.text());
  request.set_key_id(key_id);
  uint64_t total = 0;
  do {
    const bool is_first = bytes->size_bytes() == 0;
    request.set_offset(bytes->size_bytes());
    ASSIGN_OR_RETURN(v1::GetBundleResponse piece,
                     Retry(retry, "fetch signature", [&] { return port.GetBundle(request); }));
    total = piece.total_bytes();
    if (total > kOmsBundleBytesMax) return absl::ResourceExhaustedError(StrCat("signature larger than ", kOmsBundleBytesMax, " bytes"));
    if (piece.data().empty() && bytes->size_bytes() < total) return absl::DataLossError("the signature ends early");
    RETURN_IF_ERROR(bytes->Append(piece.data()));
    // Pieces of one signature, though another should count by now. An older service knows one only.
    request.set_key_id(piece.signature().key_id());
    if (is_first && piece.has_signature() && !piece.counts()) note = piece.why();
  } while (bytes->size_bytes() < total);
  return FetchedBundle(std::move(bytes), std::move(note));
}

}  // namespace

absl::Status FetchedBundle::VerifyWith(const SignatureTrust& trust) {
  const auto unreadable = [](const absl::Status& why) {
    return absl::DataLossError(StrCat("its signature cannot be read: ", MessageOf(why)));
  };
  absl::StatusOr<OmsBundle> opened = OmsBundle::Open(*bytes_);
  if (!opened.ok()) return unreadable(opened.status());
  bundle_ = *std::move(opened);
  const absl::StatusOr<OmsClaim> claim = bundle_->Claim();
  if (!claim.ok()) return unreadable(claim.status());
  if (claim->trust == OmsTrust::kKey) {
    if (trust.keys.empty()) return absl::DataLossError("it is signed with a bare key, and only authorities are trusted");
    return VerifyWithKeys(*bundle_, trust.keys);
  }
  if (trust.roots_pem.empty()) return absl::DataLossError("it is signed with a certificate, and no authority is trusted");
  const absl::Status verified = bundle_->VerifyCertificate(trust.roots_pem, trust.now);
  if (verified.ok()) return verified;
  return absl::DataLossError(StrCat("its signature verifies below no trusted authority: ", MessageOf(verified)));
}

absl::StatusOr<OmsSeal> FetchedBundle::ReadVerified(const SignatureTrust& trust) {
  RETURN_IF_ERROR(VerifyWith(trust));
  absl::StatusOr<OmsSeal> seal = bundle_->Read([&](const OmsResource& resource) {
    matcher_.AddSigned(resource);
    return absl::OkStatus();
  });
  if (!seal.ok()) return absl::DataLossError(StrCat("what it signs cannot be accepted: ", MessageOf(seal.status())));
  return seal;
}

absl::Status FetchedBundle::Verify(const SignatureTrust& trust) {
  absl::StatusOr<OmsSeal> seal = ReadVerified(trust);
  if (!seal.ok()) {
    if (note_.empty()) return seal.status();
    return absl::DataLossError(StrCat(MessageOf(seal.status()), " (of this signature the service says: ", note_, ")"));
  }
  if (!SignsFileDigests(*seal)) {
    absl::StatusOr<OmsSignature> held = bundle_->Collect(kHeldResourcesMax);
    if (!held.ok()) return absl::DataLossError(StrCat("what it signs cannot be compared: ", MessageOf(held.status())));
    held_ = *std::move(held);
    for (const OmsResource& resource : held_->resources) signed_names_.insert(resource.name);
  }
  seal_ = *std::move(seal);
  return absl::OkStatus();
}

void FetchedBundle::Add(const v1::FileEntry& entry) {
  if (!seal_) return;
  if (!held_) return matcher_.AddFile(entry);
  if (first_path_.empty()) first_path_ = entry.path();
  // A list of shards cannot hold an empty file.
  if (held_->method == OmsMethod::kShards && entry.size_bytes() == 0) return;
  const bool lone = signed_names_.size() == 1 && signed_names_.contains(kLoneFile) && entry.path() == first_path_;
  if (lone || signed_names_.contains(entry.path())) return;
  if (unsigned_.size() < kUnsignedShown) unsigned_.push_back(StrCat("file ", QuoteJson(entry.path()), " is not in the signature"));
}

absl::Status FetchedBundle::Compare(ListEntries list) {
  if (matcher_.Equal()) return absl::OkStatus();
  BundleDifference difference = matcher_.Difference();
  RETURN_IF_ERROR(bundle_->Read([&](const OmsResource& resource) {
                             difference.AddSigned(resource);
                             return absl::OkStatus();
                           }).status());
  // That they differ is known whatever becomes of the second look.
  const absl::Status listed = list([&](const v1::FileEntry& entry) {
    difference.AddFile(entry);
    return absl::OkStatus();
  });
  if (!listed.ok()) return absl::DataLossError(StrCat("signature and content differ (where was not found out: ", MessageOf(listed), ")"));
  return absl::DataLossError(std::string(MessageOf(difference.Finish())));
}

absl::Status FetchedBundle::CheckFolder(const std::filesystem::path& folder, int threads) {
  // What the signer left out of the signature is no part of what is pulled, and nothing is passed over.
  if (!unsigned_.empty()) return absl::DataLossError(StrCat("signature and content differ: ", absl::StrJoin(unsigned_, "; ")));
  OmsSignature signature = *held_;
  signature.ignore_paths.clear();
  ModelCheck check;
  check.threads = threads;
  const bool lone = signed_names_.contains(kLoneFile);
  if (!lone) check.ignore_paths.emplace_back(kSignatureFileName);   // ours, of an earlier pull that was cut
  const absl::Status match = CheckModel(signature, lone ? folder / first_path_ : folder, check);
  return match.ok() ? match : absl::DataLossError(StrCat("signature and content differ: ", MessageOf(match)));
}

absl::Status FetchedBundle::Finish(const std::filesystem::path& folder, int threads, ListEntries list) {
  if (!seal_) return absl::OkStatus();
  return held_ ? CheckFolder(folder, threads) : Compare(list);
}

absl::StatusOr<FetchedBundle> FetchBundle(SnapshotPort& port, const Digest& digest, const SignatureTrust& trust,
                                          const RetryPolicy& retry, const std::filesystem::path& folder) {
  for (const EcPublicKey& key : trust.keys) {
    absl::StatusOr<FetchedBundle> own = FetchOne(port, digest, key.key_id(), retry, folder);
    if (!absl::IsNotFound(own.status())) return own;
  }
  return FetchOne(port, digest, "", retry, folder);
}

}  // namespace firebreak
