// A playbook of ours as a CACAO 2.0 document that another engine can run: every `do` is a POST to our /v1/actions, every `ask` a manual
// command, everything CACAO has a word for uses that word. What it has no word for (retry, undo, locks, typed inputs, quorum) stands in one
// extension, so that ImportCacao gives the same playbook back. How each thing maps: services/cacao/README.md.
#ifndef FIREBREAK_CACAO_EXPORT_H_
#define FIREBREAK_CACAO_EXPORT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/v1/playbook.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

struct CacaoExportOptions {
  absl::Time created = absl::FromUnixSeconds(1767225600);   // 2026-01-01; ids do not depend on it
  absl::Time modified = absl::FromUnixSeconds(1767225600);  // the version of the document: when the playbook was stored
  std::string gateway = "firebreak.example:9480";           // host:port of the HTTP door: a name or an IPv4 address
  std::string tlp = "green";                                // clear, green, amber, amber+strict, red
};

// UUIDv5 below one namespace: the same playbook name gives the same ids everywhere.
std::string CacaoId(std::string_view type, std::string_view name);

// Deterministic: same playbook and options, same document. kInvalidArgument: an option cannot be expressed in CACAO.
absl::StatusOr<google::protobuf::Value> ExportCacao(const v1::Playbook& playbook, const CacaoExportOptions& options);

inline constexpr std::string_view kCacaoExtensionVersion = "1.0.0";
// The extension-definition that carries what CACAO has no word for.
std::string CacaoExtensionId();

}  // namespace firebreak

#endif  // FIREBREAK_CACAO_EXPORT_H_
