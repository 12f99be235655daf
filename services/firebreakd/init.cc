#include "services/firebreakd/init.h"

#include <algorithm>
#include <filesystem>

#include "firebreak/access/token_desk.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/crypto/seal.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/storage_rocksdb/rocks_store.h"
#include "services/firebreakd/data_folder.h"
#include "services/firebreakd/serve.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kAuthorityLifetime = absl::Hours(24 * 3650);
constexpr absl::Duration kServerLifetime = absl::Hours(24 * 825);
constexpr mode_t kSecret = 0600;
constexpr mode_t kPublic = 0644;

absl::Status CheckEmpty(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return absl::OkStatus();
  if (!fs::is_directory(path, error)) return absl::FailedPreconditionError(StrCat(path, " is not a folder"));
  if (!fs::is_empty(path, error) || error) {
    return absl::FailedPreconditionError(
        StrCat(path, " is not empty (next: choose another folder, or run: firebreakd run --data ", path, ")"));
  }
  return absl::OkStatus();
}

absl::Status WriteCertificates(const InitWish& wish, const DataFolder& folder, const Clock& clock) {
  absl::Time from = clock.Now() - absl::Minutes(5);
  ASSIGN_OR_RETURN(CertificateAuthority authority,
                   CertificateAuthority::Create(StrCat("Firebreak ", wish.config.name), from, kAuthorityLifetime));
  ServerCertificateWish server{{"localhost", "127.0.0.1", "::1"}, from, kServerLifetime};
  for (const std::string& host : wish.hosts) {
    if (std::find(server.names.begin(), server.names.end(), host) == server.names.end()) server.names.push_back(host);
  }
  ASSIGN_OR_RETURN(IssuedCertificate issued, authority.IssueServer(server));
  RETURN_IF_ERROR(WriteNewFile(folder.ca(), authority.cert_pem(), kPublic));
  RETURN_IF_ERROR(WriteNewFile(folder.ca_key(), authority.key_pem(), kSecret));
  RETURN_IF_ERROR(WriteNewFile(folder.server(), issued.cert_pem, kPublic));
  return WriteNewFile(folder.server_key(), issued.key_pem, kSecret);
}

absl::Status WriteKeys(const DataFolder& folder, Random& random) {
  ASSIGN_OR_RETURN(EcPrivateKey decision, EcPrivateKey::Generate(EcCurve::kP256));
  ASSIGN_OR_RETURN(Ed25519Key ledger, Ed25519Key::Generate());
  RETURN_IF_ERROR(WriteNewFile(folder.decision_key(), decision.ToPem(), kSecret));
  RETURN_IF_ERROR(WriteNewFile(folder.decision_public(), decision.public_key().pem(), kPublic));
  RETURN_IF_ERROR(WriteNewFile(folder.ledger_key(), ledger.ToPem(), kSecret));
  return WriteNewFile(folder.sealing_key(), NewSealKey(random), kSecret);
}

// The first entry of the audit log is the token everything else starts from.
absl::Status WriteAdminToken(const InitWish& wish, const DataFolder& folder, const Clock& clock, Random& random,
                             Log& log) {
  ASSIGN_OR_RETURN(HouseKeys keys, LoadKeys(folder));
  ASSIGN_OR_RETURN(std::unique_ptr<RocksStore> store, OpenRocksStore({.path = folder.store()}));
  ASSIGN_OR_RETURN(std::unique_ptr<Ledger> ledger,
                   Ledger::Open(store->meta(), clock, log, keys.ledger, {.origin = LogOrigin(wish.config)}));
  TokenDesk desk(*ledger, clock, random);
  v1::CreateTokenRequest request;
  request.set_identity("admin");
  request.add_roles(v1::ROLE_ADMIN);
  ASSIGN_OR_RETURN(v1::CreateTokenResponse created, desk.CreateToken(ServiceCaller(), request));
  return WriteNewFile(folder.admin_token(), created.secret() + "\n", kSecret);
}

absl::StatusOr<int> CopyPlaybooks(const std::string& from, const DataFolder& folder) {
  RETURN_IF_ERROR(MakeFolder(folder.playbooks(), 0700));
  int copied = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(from, error)) {
    if (entry.path().extension() != ".yaml") continue;
    ASSIGN_OR_RETURN(std::string yaml, ReadWholeFile(entry.path().string()));
    RETURN_IF_ERROR(WriteNewFile(StrCat(folder.playbooks(), "/", entry.path().filename().string()), yaml, kPublic));
    ++copied;
  }
  return copied;
}

}  // namespace

absl::StatusOr<std::string> InitDataFolder(const InitWish& wish, const Clock& clock, Random& random, Log& log) {
  RETURN_IF_ERROR(CheckEmpty(wish.data));
  std::error_code error;
  fs::create_directories(wish.data, error);
  if (error) return absl::FailedPreconditionError(StrCat(wish.data, ": ", error.message()));
  fs::permissions(wish.data, fs::perms::owner_all, error);
  DataFolder folder{fs::absolute(wish.data).lexically_normal().string()};
  RETURN_IF_ERROR(MakeFolder(folder.keys(), 0700));
  RETURN_IF_ERROR(MakeFolder(folder.run(), 0700));
  RETURN_IF_ERROR(MakeFolder(folder.credentials(), 0700));
  RETURN_IF_ERROR(WriteCertificates(wish, folder, clock));
  RETURN_IF_ERROR(WriteKeys(folder, random));
  ASSIGN_OR_RETURN(int playbooks, CopyPlaybooks(wish.playbooks, folder));
  RETURN_IF_ERROR(WriteAdminToken(wish, folder, clock, random, log));
  RETURN_IF_ERROR(WriteNewFile(folder.config(), PrintConfig(wish.config), kPublic));
  return StrCat("made ", folder.root, " (", playbooks, " playbooks)\n", "  certificate authority  ", folder.ca(), "\n",
                "  admin token            ", folder.admin_token(), "\n", "  settings               ", folder.config(),
                "\n", "next:\n", "  firebreakd run --data ", folder.root, "\n", "  firebreak login --server ",
                wish.config.listen_grpc, " --ca ", folder.ca(), " --token-file ", folder.admin_token(), "\n",
                "  firebreak token create alice --role responder     # the admin token manages, it does not respond\n");
}

}  // namespace firebreak
