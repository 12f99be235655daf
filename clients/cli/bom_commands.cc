// bom: bills of materials as CycloneDX, written and verified.
#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/bom/envelope_json.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/snapshots/lineage_statement.h"
#include "firebreak/v1/bom.grpc.pb.h"

namespace firebreak::cli {
namespace bom_commands {
namespace {

using google::protobuf::Value;

struct ExportOptions {
  std::string snapshot;
  std::string deployment;
  std::string spec = "1.6";
  std::string out;
  std::string attest;
  std::string key_out;
};
struct VerifyOptions {
  std::string file;
  std::string key;
  std::string bom;
};

absl::Status Export(Session& session, const ExportOptions& options) {
  if (options.snapshot.empty() == options.deployment.empty()) {
    return absl::InvalidArgumentError("name a snapshot, or a deployment with --deployment, and only one of them");
  }
  if (options.spec != "1.6" && options.spec != "1.7") return absl::InvalidArgumentError(StrCat("--spec ", options.spec, ": use 1.6 or 1.7"));
  v1::BuildBomRequest request;
  request.set_snapshot(options.snapshot);
  request.set_deployment(options.deployment);
  request.set_spec(options.spec == "1.7" ? v1::BOM_SPEC_1_7 : v1::BOM_SPEC_1_6);
  request.set_attest(!options.attest.empty() || !options.key_out.empty());
  ASSIGN_OR_RETURN(v1::BuildBomResponse answer, session.Call<v1::Boms>(&v1::Boms::Stub::BuildBom, request));
  if (!options.attest.empty()) RETURN_IF_ERROR(WriteWholeFile(options.attest, EnvelopeToJson(answer.attestation()), FileMode::kOrdinary));
  if (!options.key_out.empty()) RETURN_IF_ERROR(WriteWholeFile(options.key_out, answer.public_key_pem(), FileMode::kOrdinary));
  if (options.out.empty() || options.out == "-") {
    std::string text = answer.bom();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    session.out().Print(text);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(WriteWholeFile(options.out, answer.bom(), FileMode::kOrdinary));
  answer.clear_bom();   // it is in the file
  answer.clear_attestation();
  session.out().PrintAnswer(answer, StrCat("CycloneDX ", answer.spec_version(), " is in ", options.out, ", ", answer.serial_number(),
                                           options.attest.empty() ? "" : StrCat("; attested in ", options.attest, " by key ",
                                                                                answer.key_id().substr(0, 16))));
  return absl::OkStatus();
}

absl::Status Verify(Session& session, const VerifyOptions& options) {
  ASSIGN_OR_RETURN(std::string text, ReadSmallFile(options.file));
  ASSIGN_OR_RETURN(std::string pem, ReadSmallFile(options.key));
  absl::StatusOr<EcPublicKey> key = EcPublicKey::FromPem(pem);
  if (!key.ok()) return Annotate(key.status(), options.key);
  absl::StatusOr<v1::Envelope> envelope = EnvelopeFromJson(text);
  if (!envelope.ok()) return Annotate(envelope.status(), options.file);
  if (absl::Status verified = VerifyEnvelope(*key, *envelope, kInTotoPayloadType); !verified.ok()) return Annotate(verified, options.file);
  ASSIGN_OR_RETURN(const Value statement, ParseJson(envelope->payload()));
  const auto& fields = statement.struct_value().fields();
  const auto type = fields.find("predicateType");
  const auto predicate = fields.find("predicate");
  const auto subject = fields.find("subject");
  if (type == fields.end() || type->second.string_value() != "https://cyclonedx.org/bom" || predicate == fields.end() || subject == fields.end()) {
    return absl::InvalidArgumentError(StrCat(options.file, ": signed, but no statement about a CycloneDX BOM"));
  }
  if (!options.bom.empty()) {
    ASSIGN_OR_RETURN(std::string bom_text, ReadSmallFile(options.bom));
    absl::StatusOr<Value> bom = ParseJson(bom_text);
    if (!bom.ok()) return Annotate(bom.status(), options.bom);
    if (PrintJson(*bom) != PrintJson(predicate->second)) {
      return absl::DataLossError(StrCat(options.bom, " is not the BOM that ", options.file, " attests"));
    }
  }
  std::string name;
  const auto& subjects = subject->second.list_value();
  if (subjects.values_size() > 0) {
    const auto& first = subjects.values(0).struct_value().fields();
    if (first.contains("name")) name = first.at("name").string_value();
  }
  const auto& bom = predicate->second.struct_value().fields();
  const std::string serial = bom.contains("serialNumber") ? bom.at("serialNumber").string_value() : "";
  session.out().PrintFields({{"verified", "true"}, {"subject", name}, {"serial_number", serial}, {"key_id", key->key_id()}},
                            session.out().Paint(StrCat("signature valid: ", serial, " of ", name, ", by key ", key->key_id().substr(0, 16),
                                                       options.bom.empty() ? "" : StrCat("; ", options.bom, " is that BOM")),
                                                Tone::kGood));
  return absl::OkStatus();
}

}  // namespace
}  // namespace bom_commands

void AddBomCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace bom_commands;
  CLI::App* bom = AddGroup(app, "bom", "Bills of materials (CycloneDX ML-BOM)");
  AddCommand<ExportOptions>(*bom, chosen, "export", "What a snapshot or a deployment is made of",
                            [](CLI::App& command, ExportOptions& options) {
                              command.add_option("snapshot", options.snapshot, "model/fraud@7, model/fraud (newest) or sha256:…");
                              command.add_option("--deployment", options.deployment, "Instead: what this deployment should serve");
                              command.add_option("--spec", options.spec, "CycloneDX 1.6 or 1.7")->capture_default_str();
                              command.add_option("--out", options.out, "File; default: standard output");
                              command.add_option("--attest", options.attest, "File for the same as a signed in-toto statement (DSSE)");
                              command.add_option("--key-out", options.key_out, "File for the public key that signed it");
                            },
                            Export, session);
  AddCommand<VerifyOptions>(*bom, chosen, "verify", "Check an attested BOM; needs no service",
                            [](CLI::App& command, VerifyOptions& options) {
                              command.add_option("file", options.file, "DSSE envelope, from bom export --attest")->required();
                              command.add_option("--key", options.key, "Public key of the service, from bom export --key-out")->required();
                              command.add_option("--bom", options.bom, "BOM that must be the one attested");
                            },
                            Verify, session);
}

}  // namespace firebreak::cli
