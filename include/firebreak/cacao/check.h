// What is wrong with a CACAO 2.0 document: what the OASIS schemas see (OASIS cacao-json-schemas, read as draft-07) and what they
// cannot: dangling and shared ids, unreachable steps, endless loops, undeclared variables, members nobody knows.
#ifndef FIREBREAK_CACAO_CHECK_H_
#define FIREBREAK_CACAO_CHECK_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/json.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

// Of a document that comes from outside. A playbook of 200 steps is about 200 KiB.
inline constexpr JsonLimits kCacaoLimits{.size_bytes_max = size_t{2} << 20, .depth_max = 32, .values_max = 100'000};
inline constexpr size_t kCacaoStepsMax = 1000;
inline constexpr size_t kCacaoFindingsMax = 200;

struct CacaoFinding {
  std::string pointer;  // RFC 6901: /workflow/action--…/commands/0/command
  std::string rule;     // missing-member, type, id, timestamp, dangling-step …
  std::string message;
  std::string hint;
  bool error = true;    // false = a warning
};

// kInvalidArgument with the byte offset when the text is not JSON within the limits or says a name twice.
absl::StatusOr<google::protobuf::Value> ParseCacao(std::string_view text);

// Pure; in the order of the document's members. Past kCacaoFindingsMax it stops listing.
std::vector<CacaoFinding> CheckCacao(const google::protobuf::Value& document);

bool HasErrors(const std::vector<CacaoFinding>& findings);
// "poisoned.json: /workflow/…: error: … [missing-member] (hint)"
std::string FormatCacaoFinding(std::string_view file, const CacaoFinding& finding);

}  // namespace firebreak

#endif  // FIREBREAK_CACAO_CHECK_H_
