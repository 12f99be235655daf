// The part of CheckCacao that looks at one object at a time.
#ifndef FIREBREAK_SERVICES_CACAO_CHECK_SHAPE_H_
#define FIREBREAK_SERVICES_CACAO_CHECK_SHAPE_H_

#include <string_view>
#include <vector>

#include "firebreak/cacao/check.h"

namespace firebreak {

// Keeps at most kCacaoFindingsMax. However many warnings came first, an error is never lost: it takes the place of one.
void AddFinding(std::vector<CacaoFinding>& findings, CacaoFinding finding);
inline bool IsFull(const std::vector<CacaoFinding>& findings) { return findings.size() >= kCacaoFindingsMax; }
// The nearest of a thousand names takes a while to find: only the first findings get such a hint.
inline bool IsWorthAHint(const std::vector<CacaoFinding>& findings) { return findings.size() < 20; }
// The member nearest to `name`; none is looked for among very many.
std::string NearestMember(std::string_view name, const google::protobuf::Struct& object);

void CheckShape(const google::protobuf::Struct& playbook, std::vector<CacaoFinding>& findings);

bool IsCacaoId(std::string_view id);            // type--UUID, version 1 to 5
bool IsCacaoTime(std::string_view text);        // RFC 3339 in UTC
bool IsCacaoVariable(std::string_view name);    // __name__

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_CHECK_SHAPE_H_
