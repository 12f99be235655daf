// Texts shown to people with references in braces: "Roll {$deployment} back to {$plan.target}?". For display only: what
// an approval binds to is a digest, never this text.
#ifndef FIREBREAK_PLAYBOOKS_QUESTION_H_
#define FIREBREAK_PLAYBOOKS_QUESTION_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firebreak/playbooks/expression.h"

namespace firebreak {

// The references in braces with their byte offsets, or what is wrong with one. A brace not followed by '$' or
// "incident." is text.
std::variant<std::vector<std::pair<Reference, size_t>>, ExpressionFault> ReferencesInText(std::string_view text);

// `text` with each reference replaced by its value; one that has no value shows as (unknown).
std::string ResolveText(std::string_view text, const ValueLookup& value_of);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_QUESTION_H_
