// The part of CheckCacao that looks at one object at a time.
#ifndef FIREBREAK_SERVICES_CACAO_CHECK_SHAPE_H_
#define FIREBREAK_SERVICES_CACAO_CHECK_SHAPE_H_

#include <string_view>
#include <vector>

#include "firebreak/cacao/check.h"

namespace firebreak {

void CheckShape(const google::protobuf::Struct& playbook, std::vector<CacaoFinding>& findings);

bool IsCacaoId(std::string_view id);            // type--UUID, version 1 to 5
bool IsCacaoTime(std::string_view text);        // RFC 3339 in UTC
bool IsCacaoVariable(std::string_view name);    // __name__

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_CHECK_SHAPE_H_
