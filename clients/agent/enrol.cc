#include "clients/agent/enrol.h"

#include <filesystem>
#include <system_error>

#include "clients/agent/folder.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/ca.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<EcPrivateKey> KeyOf(const fs::path& path) {
  const absl::StatusOr<std::string> pem = ReadWholeFile(path);
  if (pem.ok()) return EcPrivateKey::FromPem(*pem);
  if (!absl::IsNotFound(pem.status())) return pem.status();
  ASSIGN_OR_RETURN(EcPrivateKey key, EcPrivateKey::Generate(EcCurve::kP256));
  RETURN_IF_ERROR(WriteFileSynced(path, key.ToPem(), 0600));
  return key;
}

}  // namespace

absl::StatusOr<AgentConfig> Enrol(ControlPort& control, const std::string& join_token, AgentConfig config) {
  const fs::path folder = config.folder;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return absl::PermissionDeniedError(StrCat("make ", folder.string(), ": ", error.message()));
  if (fs::exists(folder / "agent.crt", error)) {
    return WithNextStep(absl::AlreadyExistsError(StrCat(folder.string(), " belongs to an enrolled agent")),
                        "run it, or enrol into an empty folder");
  }
  ASSIGN_OR_RETURN(const EcPrivateKey key, KeyOf(folder / "agent.key"));
  v1::EnrolAgentRequest request;
  request.set_join_token(join_token);
  ASSIGN_OR_RETURN(*request.mutable_certificate_request_pem(), MakeCertificateRequest(key, "firebreak-agent"));
  ASSIGN_OR_RETURN(const v1::EnrolAgentResponse response, control.EnrolAgent(request));
  RETURN_IF_ERROR(Annotate(EcPublicKey::FromPem(response.decision_key_pem()).status(), "enrol: decision key"));
  ASSIGN_OR_RETURN(const CertificateFacts facts, ReadCertificate(response.certificate_pem()));
  if (facts.public_key_pem != key.public_key().pem()) {
    return absl::DataLossError("enrol: the certificate that came back is for another key");
  }
  config.agent = response.agent();
  config.deployment = response.deployment();
  RETURN_IF_ERROR(WriteFileSynced(folder / "ca.pem", response.ca_pem()));
  RETURN_IF_ERROR(WriteFileSynced(folder / "decision_key.pem", response.decision_key_pem()));
  RETURN_IF_ERROR(WriteFileSynced(folder / "agent.yaml", PrintAgentConfig(config)));
  // Last: its presence says that enrolment is complete.
  RETURN_IF_ERROR(WriteFileSynced(folder / "agent.crt", response.certificate_pem()));
  return config;
}

absl::StatusOr<AgentIdentity> LoadIdentity(const std::string& folder) {
  AgentIdentity identity;
  const std::pair<const char*, std::string*> files[] = {{"agent.key", &identity.key_pem},
                                                        {"agent.crt", &identity.cert_pem},
                                                        {"ca.pem", &identity.ca_pem},
                                                        {"decision_key.pem", &identity.decision_key_pem}};
  for (const auto& [name, target] : files) {
    absl::StatusOr<std::string> bytes = ReadWholeFile(fs::path(folder) / name);
    if (!bytes.ok()) return WithNextStep(bytes.status(), "enrol this host first: firebreak-agent enrol");
    *target = *std::move(bytes);
  }
  return identity;
}

}  // namespace firebreak
