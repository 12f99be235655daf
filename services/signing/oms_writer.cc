#include <utility>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/crypto/hash_stream.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/signing/oms_stream.h"
#include "services/signing/oms_bundle.h"
#include "services/signing/oms_payload.h"
#include "services/signing/oms_statement.h"
#include "services/signing/oms_text.h"

namespace firebreak {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kTextBytes = size_t{96} << 10;   // three divides it: base64 of its pieces joins to base64 of all

// The statement around a list that waits in a store as it will stand there.
class StatementText final : public oms::Pieces {
 public:
  StatementText(std::string head, ByteSource& list) : head_(std::move(head)), list_(list) { Restart(); }

  uint64_t size_bytes() const { return head_.size() + list_.size_bytes() + oms::kStatementTail.size(); }

  void Restart() override {
    at_ = 0;
    text_ = head_;
    is_ended_ = false;
  }

  // Exactly kTextBytes, but for the last.
  absl::StatusOr<std::string_view> Next() override {
    given_.clear();
    while (text_.size() < kTextBytes && !is_ended_) RETURN_IF_ERROR(AddMore());
    if (text_.size() <= kTextBytes) {
      std::swap(given_, text_);
    } else {
      given_ = text_.substr(0, kTextBytes);
      text_.erase(0, kTextBytes);
    }
    return std::string_view(given_);
  }

 private:
  absl::Status AddMore() {
    if (at_ == list_.size_bytes()) {
      is_ended_ = true;
      text_.append(oms::kStatementTail);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::string_view piece, list_.Read(at_));
    if (piece.empty()) return absl::DataLossError("the list of files to be signed ends early");
    const std::string_view part = piece.substr(0, kTextBytes - text_.size());
    text_.append(part);
    at_ += part.size();
    return absl::OkStatus();
  }

  const std::string head_;
  ByteSource& list_;
  uint64_t at_ = 0;
  std::string text_;
  std::string given_;
  bool is_ended_ = false;
};

}  // namespace

struct OmsWriter::Rep {
  Rep(Store& store_in, OmsManifest manifest_in)
      : store(store_in), manifest(std::move(manifest_in)), names(manifest.ignore_paths) {}

  absl::Status CheckAccepted() const;

  Store& store;
  const OmsManifest manifest;   // without files
  const oms::NameCheck names;
  OmsResource last;
  uint64_t count = 0;
  Sha256Stream root;

  std::unique_ptr<oms::Pieces> statement;     // once signed
  std::string head, tail;                     // what is still to be given around it
  std::string given;
};

OmsWriter::OmsWriter(Store& store, std::string model_name, std::vector<std::string> ignore_paths) {
  OmsManifest manifest;
  manifest.model_name = std::move(model_name);
  manifest.ignore_paths = std::move(ignore_paths);
  rep_ = std::make_unique<Rep>(store, std::move(manifest));
}

OmsWriter::~OmsWriter() = default;

absl::Status OmsWriter::Add(std::string_view name, std::string_view raw_digest) {
  FIREBREAK_CHECK(rep_->statement == nullptr && raw_digest.size() == kDigestBytes);
  OmsResource file;
  file.name = std::string(name);
  file.algorithm = "sha256";
  file.digest_hex = ToHex(raw_digest);
  RETURN_IF_ERROR(rep_->names.Check(file.name));
  if (rep_->count > 0 && file.name <= rep_->last.name) {
    return absl::InvalidArgumentError(StrCat("resource ", QuoteJson(file.name), ": does not come after ", QuoteJson(rep_->last.name)));
  }
  if (++rep_->count > kOmsResourcesMax) {
    return absl::InvalidArgumentError(StrCat("more than ", kOmsResourcesMax, " files cannot be listed by one signature"));
  }
  rep_->root.Update(raw_digest);
  rep_->last = std::move(file);
  return rep_->store.Append(StrCat(rep_->count == 1 ? "" : ",", oms::ResourceJson(rep_->last)));
}

// Nothing is signed that we would not accept ourselves. A statement of the last file alone stands for all of it: every other was held to
// the same rules when it came.
absl::Status OmsWriter::Rep::CheckAccepted() const {
  const std::string list = count == 0 ? std::string() : oms::ResourceJson(last);
  TextSource bytes(list);
  ASSIGN_OR_RETURN(const Digest lone_root, OmsRootDigest(count == 0 ? std::vector<OmsResource>() : std::vector<OmsResource>{last}));
  StatementText text(oms::StatementHead(manifest, lone_root), bytes);
  return oms::ReadStatement(text, oms::BundleAge::kCurrent, [](OmsResource&) { return absl::OkStatus(); }).status();
}

absl::Status OmsWriter::Sign(const EcPrivateKey& key) {
  Rep& rep = *rep_;
  FIREBREAK_CHECK(rep.statement == nullptr);
  for (const std::string& path : rep.manifest.ignore_paths) RETURN_IF_ERROR(oms::CheckIgnorePath(path));
  if (!IsValidUtf8(rep.manifest.model_name)) return absl::InvalidArgumentError("subject: the name is not valid UTF-8");
  RETURN_IF_ERROR(rep.CheckAccepted());
  StatementText text(oms::StatementHead(rep.manifest, rep.root.Finish()), rep.store.bytes());
  HashStream hash(HashOf(key.public_key().curve()));
  hash.Update(PreAuthHead(oms::kPayloadType, text.size_bytes()));
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view piece, text.Next());
    if (piece.empty()) break;
    hash.Update(piece);
  }
  ASSIGN_OR_RETURN(const std::string signature, key.SignHashed(hash.Finish()));
  ASSIGN_OR_RETURN(const std::string material, oms::MaterialJson(key, {}));
  rep.head = oms::BundleHead(material);
  rep.tail = oms::BundleTail(signature);
  text.Restart();
  rep.statement = std::make_unique<StatementText>(std::move(text));
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> OmsWriter::Next() {
  Rep& rep = *rep_;
  FIREBREAK_CHECK(rep.statement != nullptr);
  rep.given = std::exchange(rep.head, std::string());
  if (!rep.given.empty()) return std::string_view(rep.given);
  ASSIGN_OR_RETURN(const std::string_view piece, rep.statement->Next());
  rep.given = piece.empty() ? std::exchange(rep.tail, std::string()) : ToBase64(piece);
  return std::string_view(rep.given);
}

}  // namespace firebreak
