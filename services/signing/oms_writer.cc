#include <utility>

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
constexpr size_t kLengthBytes = 8;
constexpr size_t kTextBytes = size_t{96} << 10;   // three divides it: base64 of its pieces joins to base64 of all

// The statement over files that wait in a store, each as the length of its name, name, digest.
class StatementText final : public oms::Pieces {
 public:
  StatementText(std::string head, ByteSource& files) : head_(std::move(head)), files_(files) { Restart(); }

  void Restart() override {
    at_ = 0;
    text_ = head_;
    is_first_ = true;
    is_ended_ = false;
  }

  // Exactly kTextBytes, but for the last.
  absl::StatusOr<std::string_view> Next() override {
    given_.clear();
    while (text_.size() < kTextBytes && !is_ended_) RETURN_IF_ERROR(AddFile());
    if (text_.size() <= kTextBytes) {
      std::swap(given_, text_);
    } else {
      given_ = text_.substr(0, kTextBytes);
      text_.erase(0, kTextBytes);
    }
    return std::string_view(given_);
  }

 private:
  absl::Status AddFile() {
    if (at_ == files_.size_bytes()) {
      is_ended_ = true;
      text_.append(oms::kStatementTail);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Take(kLengthBytes));
    const size_t name_bytes = static_cast<size_t>(FromBigEndian64(record_));
    RETURN_IF_ERROR(Take(name_bytes + kDigestBytes));
    OmsResource file;
    file.name = record_.substr(0, name_bytes);
    file.algorithm = "sha256";
    file.digest_hex = ToHex(std::string_view(record_).substr(name_bytes));
    StrAppend(&text_, is_first_ ? "" : ",", oms::ResourceJson(file));
    is_first_ = false;
    return absl::OkStatus();
  }

  absl::Status Take(size_t bytes) {
    record_.clear();
    while (record_.size() < bytes) {
      ASSIGN_OR_RETURN(const std::string_view piece, files_.Read(at_));
      if (piece.empty()) return absl::DataLossError("the list of files to be signed ends early");
      const std::string_view part = piece.substr(0, bytes - record_.size());
      record_.append(part);
      at_ += part.size();
    }
    return absl::OkStatus();
  }

  const std::string head_;
  ByteSource& files_;
  uint64_t at_ = 0;
  std::string record_;
  std::string text_;
  std::string given_;
  bool is_first_ = true;
  bool is_ended_ = false;
};

}  // namespace

struct OmsWriter::Rep {
  Rep(Store& store_in, OmsManifest manifest_in)
      : store(store_in), manifest(std::move(manifest_in)), names(manifest.ignore_paths) {}

  Store& store;
  const OmsManifest manifest;   // without files
  const oms::NameCheck names;
  std::string last_name;
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
  std::string own(name);
  RETURN_IF_ERROR(rep_->names.Check(own));
  if (rep_->count > 0 && own <= rep_->last_name) {
    return absl::InvalidArgumentError(StrCat("resource ", QuoteJson(own), ": does not come after ", QuoteJson(rep_->last_name)));
  }
  if (++rep_->count > kOmsResourcesMax) {
    return absl::InvalidArgumentError(StrCat("more than ", kOmsResourcesMax, " files cannot be listed by one signature"));
  }
  rep_->root.Update(raw_digest);
  rep_->last_name = std::move(own);
  return rep_->store.Append(ToBigEndian64(name.size()).append(name).append(raw_digest));
}

absl::Status OmsWriter::Sign(const EcPrivateKey& key) {
  Rep& rep = *rep_;
  FIREBREAK_CHECK(rep.statement == nullptr);
  for (const std::string& path : rep.manifest.ignore_paths) RETURN_IF_ERROR(oms::CheckIgnorePath(path));
  if (!IsValidUtf8(rep.manifest.model_name)) return absl::InvalidArgumentError("subject: the name is not valid UTF-8");
  StatementText text(oms::StatementHead(rep.manifest, rep.root.Finish()), rep.store.bytes());
  // Nothing is signed that we would not accept ourselves; and its length comes before its bytes.
  RETURN_IF_ERROR(oms::ReadStatement(text, oms::BundleAge::kCurrent, [](OmsResource&) { return absl::OkStatus(); }).status());
  const auto each = [&](absl::FunctionRef<void(std::string_view)> take) -> absl::Status {
    text.Restart();
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view piece, text.Next());
      if (piece.empty()) return absl::OkStatus();
      take(piece);
    }
  };
  uint64_t bytes = 0;
  RETURN_IF_ERROR(each([&](std::string_view piece) { bytes += piece.size(); }));
  HashStream hash(HashOf(key.public_key().curve()));
  hash.Update(PreAuthHead(oms::kPayloadType, bytes));
  RETURN_IF_ERROR(each([&](std::string_view piece) { hash.Update(piece); }));
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
