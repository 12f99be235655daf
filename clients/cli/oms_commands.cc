// oms: signing and verifying models on this machine, without a service, as the conformance suite of OpenSSF Model Signing asks.
// Its adapter protocol fixes the names of commands and options; exit code 0 means signed or verified, anything else not.
#include <algorithm>
#include <chrono>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/cli/command.h"
#include "clients/cli/contexts.h"
#include "clients/cli/session.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/signing/model_files.h"
#include "firebreak/signing/model_hash.h"
#include "firebreak/signing/oms_stream.h"
#include "firebreak/transfer/push.h"

namespace firebreak::cli {
namespace oms_commands {
namespace {

namespace fs = std::filesystem;

struct OmsOptions {
  std::string method;
  std::string model;
  std::vector<std::string> ignore;
  std::vector<std::string> chain;
  // sign
  std::string output;
  std::string private_key, password_file, signing_cert;
  // verify
  std::string bundle;
  std::string public_key;
  bool ignore_unsigned = false;
  // how to hash
  std::string hash = "sha256";
  uint64_t shard_size = 0;
  uint64_t chunk_size = 0;   // taken and not needed: pieces are always 1 MiB
  int workers = 0;
  // benchmark
  std::string operation;
  int repeat = 5;
};

absl::Status RefuseKeyless() {
  return absl::UnimplementedError(
      "keyless (sigstore) signatures need an identity provider and a transparency log outside; use --method key or certificate");
}

absl::Status RequireOption(std::string_view name, const std::string& value, std::string_view method) {
  if (!value.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("--method ", method, " needs ", name));
}

absl::StatusOr<std::vector<std::string>> RelativeIgnores(const OmsOptions& options, const std::string& bundle) {
  std::vector<std::string> ignored;
  std::vector<std::string> paths = options.ignore;
  if (!bundle.empty()) paths.push_back(bundle);   // wherever it lies, it is never part of what it signs
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(std::string name, PathInModel(options.model, path));
    if (!name.empty()) ignored.push_back(std::move(name));
  }
  return ignored;
}

absl::StatusOr<EcPrivateKey> LoadKey(const OmsOptions& options) {
  RETURN_IF_ERROR(RequireOption("--private-key", options.private_key, options.method));
  ASSIGN_OR_RETURN(const std::string pem, ReadSmallFile(options.private_key));
  std::string password;
  if (!options.password_file.empty()) {
    ASSIGN_OR_RETURN(password, ReadSmallFile(options.password_file));
    while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) password.pop_back();
  }
  absl::StatusOr<EcPrivateKey> key = EcPrivateKey::FromPem(pem, password);
  if (!key.ok()) return Annotate(key.status(), options.private_key);
  return key;
}

// Leaf first; empty for a bare key.
absl::StatusOr<std::vector<std::string>> LoadChain(Session& session, const OmsOptions& options) {
  std::vector<std::string> chain;
  if (options.method == "key") return chain;
  RETURN_IF_ERROR(RequireOption("--signing-cert", options.signing_cert, options.method));
  std::vector<std::string> files = {options.signing_cert};
  files.insert(files.end(), options.chain.begin(), options.chain.end());
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::string pem, ReadSmallFile(file));
    absl::StatusOr<std::vector<std::string>> read = ReadCertificatesDer(pem);
    if (!read.ok()) return Annotate(read.status(), file);
    chain.insert(chain.end(), read->begin(), read->end());
  }
  RETURN_IF_ERROR(Annotate(CheckSigningLeaf(chain[0], session.clock().Now()).status(), options.signing_cert));
  return chain;
}

struct Signed {
  std::string bundle;
  std::string key_id;
  std::string model_name;
  size_t resources = 0;
  Digest root;
};

absl::StatusOr<Signed> Sign(const OmsOptions& options, const EcPrivateKey& key, const std::vector<std::string>& chain) {
  OmsManifest manifest;
  ASSIGN_OR_RETURN(manifest.ignore_paths, RelativeIgnores(options, options.output));
  ASSIGN_OR_RETURN(const ModelListing listing, ListModelFiles(options.model, {manifest.ignore_paths}));
  if (listing.files.empty()) {
    return absl::InvalidArgumentError(StrCat("model ", options.model, ": holds no file that is not ignored, so there is nothing to sign"));
  }
  if (!listing.is_single_file) {
    manifest.ignore_paths.insert(manifest.ignore_paths.end(), DefaultIgnoredPaths().begin(), DefaultIgnoredPaths().end());
  }
  manifest.model_name = listing.name;
  manifest.hash_type = options.hash;
  manifest.shard_size_bytes = options.shard_size;
  ASSIGN_OR_RETURN(manifest.resources, HashModel(listing, {options.hash, options.shard_size, options.workers}));
  Signed made;
  made.key_id = key.public_key().key_id();
  made.model_name = manifest.model_name;
  made.resources = manifest.resources.size();
  ASSIGN_OR_RETURN(made.bundle, SignOmsManifest(key, chain, std::move(manifest)));
  return made;
}

absl::Status SignModel(Session& session, const OmsOptions& options) {
  if (options.method == "sigstore") return RefuseKeyless();
  ASSIGN_OR_RETURN(const EcPrivateKey key, LoadKey(options));
  ASSIGN_OR_RETURN(const std::vector<std::string> chain, LoadChain(session, options));
  ASSIGN_OR_RETURN(const Signed made, Sign(options, key, chain));
  RETURN_IF_ERROR(WriteWholeFile(options.output, made.bundle, FileMode::kOrdinary));
  session.out().PrintFields({{"model", made.model_name},
                             {"bundle", options.output},
                             {"key_id", made.key_id},
                             {"resources", absl::StrCat(made.resources)}},
                            StrCat("model ", made.model_name, ": ", Count(made.resources, "resource"), " signed with key ",
                                   made.key_id, " in ", options.output));
  return absl::OkStatus();
}

absl::StatusOr<std::string> LoadRoots(const OmsOptions& options) {
  if (options.chain.empty()) return RequireOption("--cert-chain", "", options.method);
  std::string roots;
  for (const std::string& file : options.chain) {
    ASSIGN_OR_RETURN(const std::string pem, ReadSmallFile(file));
    RETURN_IF_ERROR(Annotate(ReadCertificatesDer(pem).status(), file));
    StrAppend(&roots, pem, "\n");
  }
  return roots;
}

// The list is held, to be compared with the disk; the bundle around it is not.
absl::StatusOr<OmsSignature> VerifyByKey(const OmsOptions& options, ByteSource& source) {
  RETURN_IF_ERROR(RequireOption("--public-key", options.public_key, options.method));
  ASSIGN_OR_RETURN(const std::string pem, ReadSmallFile(options.public_key));
  absl::StatusOr<EcPublicKey> key = EcPublicKey::FromPem(pem);
  if (!key.ok()) return Annotate(key.status(), options.public_key);
  ASSIGN_OR_RETURN(OmsBundle bundle, OmsBundle::Open(source));
  RETURN_IF_ERROR(bundle.Verify(*key));
  return bundle.Collect(kOmsResourcesMax);
}

absl::StatusOr<OmsSignature> VerifyByRoots(ByteSource& source, const std::string& roots, absl::Time now) {
  ASSIGN_OR_RETURN(OmsBundle bundle, OmsBundle::Open(source));
  RETURN_IF_ERROR(bundle.VerifyCertificate(roots, now));
  return bundle.Collect(kOmsResourcesMax);
}

absl::StatusOr<OmsSignature> VerifyBundle(Session& session, const OmsOptions& options, ByteSource& source) {
  if (options.method == "key") return VerifyByKey(options, source);
  ASSIGN_OR_RETURN(const std::string roots, LoadRoots(options));
  absl::StatusOr<OmsSignature> signature = VerifyByRoots(source, roots, session.clock().Now());
  if (signature.ok() || !absl::IsDataLoss(signature.status()) || source.size_bytes() > kBundleFileBytesMax) return signature;
  // What version 0.2 signed fails there; when it is not that either, the first answer is the one that helps.
  ASSIGN_OR_RETURN(const std::string text, ReadFileUpTo(options.bundle, kBundleFileBytesMax));
  absl::StatusOr<OmsSignature> early = VerifyOms02CertificateBundle(text, roots, session.clock().Now());
  return early.ok() ? early : signature;
}

absl::StatusOr<OmsSignature> Verify(Session& session, const OmsOptions& options) {
  ASSIGN_OR_RETURN(const std::shared_ptr<ByteSource> bundle, OpenBundleFile(options.bundle));
  absl::StatusOr<OmsSignature> signature = VerifyBundle(session, options, *bundle);
  if (!signature.ok()) return Annotate(signature.status(), options.bundle);
  ModelCheck check;
  ASSIGN_OR_RETURN(check.ignore_paths, RelativeIgnores(options, options.bundle));
  check.ignore_unsigned_files = options.ignore_unsigned;
  check.threads = options.workers;
  RETURN_IF_ERROR(Annotate(CheckModel(*signature, options.model, check), StrCat("model ", options.model)));
  return signature;
}

absl::Status VerifyModel(Session& session, const OmsOptions& options) {
  if (options.method == "sigstore") return RefuseKeyless();
  ASSIGN_OR_RETURN(const OmsSignature signature, Verify(session, options));
  const std::string by = signature.trust == OmsTrust::kKey
                             ? StrCat("key ", signature.key_id)
                             : StrCat("certificate of ", absl::StrJoin(signature.certificate_identities, ", "));
  session.out().PrintFields({{"model", signature.model_name},
                             {"key_id", signature.key_id},
                             {"certificate", signature.certificate_name},
                             {"resources", absl::StrCat(signature.resources.size())},
                             {"ignored", absl::StrJoin(signature.ignore_paths, ", ")},
                             {"root_digest", signature.root.text()}},
                            StrCat("model ", options.model, " is what was signed with ", by, ": ",
                                   Count(signature.resources.size(), "resource"),
                                   signature.ignore_paths.empty() ? "" : ", not covered where present: ",
                                   absl::StrJoin(signature.ignore_paths, " ")));
  return absl::OkStatus();
}

absl::Status Capabilities(Session& session, const OmsOptions&) {
  session.out().Print(StrCat(
      R"({"flags":["--hash-algorithm","--shard-size","--max-workers"],"hash_algorithms":["sha256","blake2b"],"benchmark_model":true,"client_version":")",
      FIREBREAK_VERSION, "\"}"));
  return absl::OkStatus();
}

absl::Status BenchmarkOnce(Session& session, const OmsOptions& options) {
  if (options.operation == "verify") return Verify(session, options).status();
  if (options.operation == "hash") {
    ASSIGN_OR_RETURN(const std::vector<std::string> ignored, RelativeIgnores(options, ""));
    ASSIGN_OR_RETURN(const ModelListing listing, ListModelFiles(options.model, {ignored}));
    return HashModel(listing, {options.hash, options.shard_size, options.workers}).status();
  }
  ASSIGN_OR_RETURN(const EcPrivateKey key, LoadKey(options));
  ASSIGN_OR_RETURN(const std::vector<std::string> chain, LoadChain(session, options));
  ASSIGN_OR_RETURN(const Signed made, Sign(options, key, chain));
  return options.output.empty() ? absl::OkStatus() : WriteWholeFile(options.output, made.bundle, FileMode::kOrdinary);
}

absl::Status Benchmark(Session& session, const OmsOptions& options) {
  if (options.method == "sigstore") return RefuseKeyless();
  std::vector<std::string> times;
  for (int turn = 0; turn <= options.repeat; ++turn) {   // the first warms the cache and is not counted
    const auto began = std::chrono::steady_clock::now();
    RETURN_IF_ERROR(BenchmarkOnce(session, options));
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    if (turn > 0) times.push_back(absl::StrFormat("%.3f", took.count()));
  }
  session.out().Print(StrCat("{\"times_ms\":[", absl::StrJoin(times, ","), "]}"));
  return absl::OkStatus();
}

void SetUpCommon(CLI::App& command, OmsOptions& options) {
  command.add_option("--method", options.method, "key or certificate")
      ->required()
      ->check(CLI::IsMember({"key", "certificate", "sigstore"}));
  command.add_option("--model-path", options.model, "Folder or single file")->required();
  AddRepeated(command, "--ignore-paths", options.ignore, "A path below the model to leave out, with everything below it");
  command.add_option("--max-workers", options.workers, "Threads that hash; default: one per processor")->check(CLI::Range(1, 64));
}

void SetUpSigning(CLI::App& command, OmsOptions& options) {
  command.add_option("--private-key", options.private_key, "PEM, P-256, P-384 or P-521");
  command.add_option("--password-file", options.password_file, "File with the private key's password");
  command.add_option("--signing-cert", options.signing_cert, "The certificate of that key, PEM (method certificate)");
  command.add_option("--hash-algorithm", options.hash, "sha256 or blake2b; other tools read sha256 only")
      ->check(CLI::IsMember({"sha256", "blake2b"}));
  command.add_option("--shard-size", options.shard_size, "Bytes hashed as one piece; default: whole files, which other tools read");
}

void SetUpVerifying(CLI::App& command, OmsOptions& options) {
  command.add_option("--public-key", options.public_key, "PEM (method key)");
  command.add_flag("--ignore-unsigned-files", options.ignore_unsigned, "Accept files that the signature does not list");
}

}  // namespace
}  // namespace oms_commands

void AddOmsCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace oms_commands;
  CLI::App* oms = AddGroup(app, "oms", "OpenSSF Model Signing on this machine; no service needed");
  AddCommand<OmsOptions>(*oms, chosen, "sign-model", "Sign a folder or file; any OMS tool can verify it",
                         [](CLI::App& command, OmsOptions& options) {
                           SetUpCommon(command, options);
                           SetUpSigning(command, options);
                           command.add_option("--output-bundle", options.output, "Where to write the signature")->required();
                           AddRepeated(command, "--cert-chain", options.chain, "Intermediate certificates, nearest first");
                         },
                         SignModel, session);
  AddCommand<OmsOptions>(*oms, chosen, "verify-model", "Check that a folder or file is exactly what was signed",
                         [](CLI::App& command, OmsOptions& options) {
                           SetUpCommon(command, options);
                           SetUpVerifying(command, options);
                           command.add_option("--bundle", options.bundle, "The signature")->required();
                           AddRepeated(command, "--cert-chain", options.chain, "Trusted authorities, PEM (method certificate)");
                         },
                         VerifyModel, session);
  AddCommand<OmsOptions>(*oms, chosen, "capabilities", "What this tool can, for the conformance suite",
                         [](CLI::App&, OmsOptions&) {}, Capabilities, session);
  AddCommand<OmsOptions>(*oms, chosen, "benchmark-model", "Times of signing or verifying, for the conformance suite",
                         [](CLI::App& command, OmsOptions& options) {
                           SetUpCommon(command, options);
                           SetUpSigning(command, options);
                           SetUpVerifying(command, options);
                           command.add_option("--operation", options.operation, "sign, verify or hash")
                               ->required()
                               ->check(CLI::IsMember({"sign", "verify", "hash"}));
                           command.add_option("--repeat", options.repeat, "How often")->check(CLI::Range(1, 1000));
                           command.add_option("--output-bundle", options.output, "Where to write the signature");
                           command.add_option("--bundle", options.bundle, "The signature");
                           AddRepeated(command, "--cert-chain", options.chain, "As for signing or verifying");
                           command.add_option("--chunk-size", options.chunk_size, "Accepted; pieces are always 1 MiB");
                         },
                         Benchmark, session);
}

}  // namespace firebreak::cli
