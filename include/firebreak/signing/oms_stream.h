// OpenSSF Model Signing bundles whose list of files is never held: it is handed over file by file, straight from where the bundle
// lies. Memory is a few MiB whatever the bundle's size. VerifyOmsBundle and its like (oms.h) are this with the list collected.
#ifndef FIREBREAK_SIGNING_OMS_STREAM_H_
#define FIREBREAK_SIGNING_OMS_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/base/byte_source.h"
#include "firebreak/signing/oms.h"

namespace firebreak {

inline constexpr uint64_t kOmsBundleBytesMax = uint64_t{4} << 30;
inline constexpr uint64_t kOmsResourcesMax = 10'000'000;

// An error stops the reading and is its answer.
using OmsVisitor = absl::FunctionRef<absl::Status(OmsResource&)>;

// One bundle: opened, then verified with one of the three, then read. Not thread-safe.
class OmsBundle {
 public:
  // Everything around the list of files, as strictly as VerifyOmsBundle; that the payload is base64. `source` outlives it.
  static absl::StatusOr<OmsBundle> Open(ByteSource& source);
  OmsBundle(OmsBundle&&) noexcept;
  OmsBundle& operator=(OmsBundle&&) noexcept;
  ~OmsBundle();

  // As ReadOmsClaim.
  absl::StatusOr<OmsClaim> Claim() const;
  // The paths it says were left out, whoever signed it: only to leave files out, for what is left out wrongly is missing then.
  absl::StatusOr<std::vector<std::string>> UnverifiedIgnorePaths();

  // Whether the signature over the payload is `key`'s, or that of a certificate below `roots_pem`; errors as VerifyOmsBundle and
  // VerifyOmsCertificateBundle. A further call may try another key.
  absl::Status Verify(const EcPublicKey& key);
  absl::Status VerifyCertificate(std::string_view roots_pem, absl::Time now);
  // Who that was: the seal's first members.
  const OmsSeal& signer() const;

  // Once verified: reads the statement, hands every resource to `visit` in listed order, each checked by itself, and compares the
  // root digest. What only the whole list tells is left to whoever holds it against content that keeps these rules: that no name
  // is listed twice or is another's folder, and that shards leave no hole.
  absl::StatusOr<OmsSeal> Read(OmsVisitor visit);
  // The whole list, with every rule over it, as VerifyOmsBundle answers it. kResourceExhausted: more than `resources_max`.
  absl::StatusOr<OmsSignature> Collect(uint64_t resources_max);

 private:
  struct Rep;
  explicit OmsBundle(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

// A bundle being made: whole files under sha256, in code-point order, signed with a bare key. What SignOmsBundle makes of the same
// files has the same bytes but for the signature.
class OmsWriter {
 public:
  // Where the list waits for its end: it is read twice. Not thread-safe.
  class Store {
   public:
    virtual ~Store() = default;
    virtual absl::Status Append(std::string_view bytes) = 0;
    virtual ByteSource& bytes() = 0;
  };

  // `store` is empty and outlives it.
  OmsWriter(Store& store, std::string model_name, std::vector<std::string> ignore_paths);
  OmsWriter(const OmsWriter&) = delete;
  OmsWriter& operator=(const OmsWriter&) = delete;
  ~OmsWriter();

  // `raw_digest`: 32 bytes. kInvalidArgument: a name that no bundle may list, or one that does not come after the last.
  absl::Status Add(std::string_view name, std::string_view raw_digest);
  // Once, after the last file. kInvalidArgument when there was none.
  absl::Status Sign(const EcPrivateKey& key);
  // The next bytes of the signed bundle, from its beginning; empty at the end. Valid until the next call.
  absl::StatusOr<std::string_view> Next();

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SIGNING_OMS_STREAM_H_
