#include "clients/transfer/bundle_fetch.h"

#include <utility>

#include "clients/transfer/retry.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {
constexpr size_t kBundleBytesMax = size_t{64} << 20;
}

absl::Status FetchedBundle::Verify(const std::vector<EcPublicKey>& trusted_keys) {
  absl::Status last = absl::DataLossError("no trusted key");
  for (const EcPublicKey& key : trusted_keys) {
    absl::StatusOr<OmsSignature> signature = VerifyOmsBundle(bytes, key);
    if (!signature.ok()) {
      last = signature.status();
      continue;
    }
    ASSIGN_OR_RETURN(matcher, BundleMatcher::Make(*signature));
    key_id = key.key_id();
    return absl::OkStatus();
  }
  return absl::DataLossError(StrCat("its signature verifies with none of the ", trusted_keys.size(), " trusted keys: ",
                                    MessageOf(last)));
}

absl::StatusOr<FetchedBundle> FetchBundle(SnapshotPort& port, const Digest& digest, const RetryPolicy& retry) {
  FetchedBundle bundle;
  v1::GetBundleRequest request;
  request.set_snapshot(digest.text());
  uint64_t total = 0;
  do {
    request.set_offset(bundle.bytes.size());
    ASSIGN_OR_RETURN(v1::GetBundleResponse piece,
                     Retry(retry, "fetch signature", [&] { return port.GetBundle(request); }));
    total = piece.total_bytes();
    if (total > kBundleBytesMax) return absl::ResourceExhaustedError(StrCat("signature larger than ", kBundleBytesMax, " bytes"));
    if (piece.data().empty() && bundle.bytes.size() < total) return absl::DataLossError("the signature ends early");
    bundle.bytes += piece.data();
  } while (bundle.bytes.size() < total);
  return bundle;
}

}  // namespace firebreak
