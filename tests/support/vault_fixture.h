// A SnapshotVault over memory stores, reachable as a SnapshotPort in the same process, and small folders to push.
#ifndef FIREBREAK_TESTS_SUPPORT_VAULT_FIXTURE_H_
#define FIREBREAK_TESTS_SUPPORT_VAULT_FIXTURE_H_

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/signing/oms.h"
#include "firebreak/snapshots/manifest.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/storage_memory/memory_chunk_store.h"
#include "firebreak/transfer/pull.h"
#include "firebreak/transfer/push.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/scratch_folder.h"

namespace firebreak::testing {

// Calls the vault's handlers directly. `before` sees every call first and may fail it; `after` may change the outcome of one
// that was carried out (an answer that got lost).
class VaultPort final : public SnapshotPort {
 public:
  VaultPort(SnapshotVault& vault, Caller caller) : vault_(vault), caller_(std::move(caller)) {}

  std::function<absl::Status(const std::string& method)> before;
  std::function<absl::Status(const std::string& method)> after;
  // May alter what the server answers.
  std::function<void(v1::GetChunksResponse&)> alter_chunks;
  std::function<void(v1::ListFilesResponse&)> alter_files;
  std::function<void(v1::PutChunksResponse&)> alter_taken;
  std::function<void(v1::GetBundleResponse&)> alter_bundle;

#define FIREBREAK_TEST_FORWARD(Method)                                                              \
  absl::StatusOr<v1::Method##Response> Method(const v1::Method##Request& request) override {       \
    if (before) RETURN_IF_ERROR(before(#Method));                                                   \
    auto response = vault_.Method(caller_, request);                                                \
    if (after) RETURN_IF_ERROR(after(#Method));                                                     \
    if (response.ok()) Alter(*response);                                                            \
    return response;                                                                                \
  }
  FIREBREAK_TEST_FORWARD(BeginPush)
  FIREBREAK_TEST_FORWARD(PutFiles)
  FIREBREAK_TEST_FORWARD(MissingChunks)
  FIREBREAK_TEST_FORWARD(PutChunks)
  FIREBREAK_TEST_FORWARD(CommitPush)
  FIREBREAK_TEST_FORWARD(GetSnapshot)
  FIREBREAK_TEST_FORWARD(ListFiles)
  FIREBREAK_TEST_FORWARD(GetChunks)
  FIREBREAK_TEST_FORWARD(GetBundle)
#undef FIREBREAK_TEST_FORWARD

 private:
  template <typename Response>
  void Alter(Response&) {}
  void Alter(v1::GetChunksResponse& response) {
    if (alter_chunks) alter_chunks(response);
  }
  void Alter(v1::PutChunksResponse& response) {
    if (alter_taken) alter_taken(response);
  }
  void Alter(v1::GetBundleResponse& response) {
    if (alter_bundle) alter_bundle(response);
  }
  void Alter(v1::ListFilesResponse& response) {
    if (alter_files) alter_files(response);
  }

  SnapshotVault& vault_;
  Caller caller_;
};

using Files = std::map<std::string, std::string>;   // path -> content

inline void WriteFiles(const std::filesystem::path& folder, const Files& files) {
  for (const auto& [path, content] : files) {
    std::filesystem::create_directories((folder / path).parent_path());
    std::ofstream(folder / path, std::ios::binary) << content;
  }
}

// Every regular file below `folder` but model.sig.
inline Files ReadFiles(const std::filesystem::path& folder) {
  Files files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().lexically_relative(folder).generic_string();
    if (path == kSignatureFileName) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[path] = std::string(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

inline EcPrivateKey NewKey() {
  auto key = EcPrivateKey::Generate(EcCurve::kP256);
  FIREBREAK_CHECK(key.ok());
  return *std::move(key);
}

struct VaultFixture {
  LedgerFixture base;
  MemoryChunkStore chunks;
  SnapshotVault vault{*base.ledger, chunks, base.clock, *base.log};
  Caller caller{Identity("alice"), {v1::ROLE_ADMIN}, absl::InfiniteFuture(), AgentName()};
  EcPrivateKey key = NewKey();
  ScratchFolder scratch;
  int folders = 0;

  VaultFixture() { Trust(key, "release"); }

  v1::TrustedSigner Trust(const EcPrivateKey& private_key, const std::string& name) {
    v1::TrustSignerRequest request;
    request.set_name(name);
    request.set_public_key_pem(private_key.public_key().pem());
    auto response = vault.TrustSigner(caller, request);
    FIREBREAK_CHECK(response.ok());
    return response->signer();
  }
  VaultPort Port() { return VaultPort(vault, caller); }
  std::filesystem::path NewPath() { return std::filesystem::path(scratch.path()) / absl::StrCat("f", ++folders); }
  std::filesystem::path NewFolder(const Files& files) {
    const std::filesystem::path folder = NewPath();
    std::filesystem::create_directories(folder);
    WriteFiles(folder, files);
    return folder;
  }

  PushOptions Options(const std::filesystem::path& folder, const std::string& name,
                      v1::SnapshotKind kind = v1::SNAPSHOT_KIND_MODEL) {
    PushOptions options;
    options.folder = folder;
    options.kind = kind;
    options.name = name;
    options.signing_key = key;
    options.limits.threads = 2;
    return options;
  }
  absl::StatusOr<PushResult> Push(const PushOptions& options) {
    VaultPort port = Port();
    return PushFolder(port, options);
  }
  // A small snapshot with parents, to talk about lineage. Content differs by name and salt.
  v1::Snapshot Add(v1::SnapshotKind kind, const std::string& name, const std::vector<std::string>& parents = {},
                   const std::string& salt = "") {
    PushOptions options = Options(NewFolder({{"data", name + salt}}), name, kind);
    for (const std::string& parent : parents) {
      v1::LineageEdge edge;
      edge.set_relation(v1::LINEAGE_RELATION_TRAINED_ON);
      edge.set_parent_name(parent);
      options.lineage.push_back(edge);
    }
    auto result = Push(options);
    if (!result.ok()) CheckFailed(result.status().ToString().c_str(), __FILE__, __LINE__);
    return result->snapshot;
  }
};

inline Digest DigestOf(const v1::Snapshot& snapshot) { return *Digest::Parse(snapshot.digest()); }

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SUPPORT_VAULT_FIXTURE_H_
