// Collects what the linter finds, with a limit, in order of position at the end. Past the limit errors take the place of warnings.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_FINDINGS_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_FINDINGS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firebreak/playbooks/expression.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

// Not thread-safe.
class Findings {
 public:
  explicit Findings(std::string_view file) : file_(file) {}

  void Error(const v1::SourcePosition& position, std::string_view rule, std::string message, std::string hint = "");
  void Warning(const v1::SourcePosition& position, std::string_view rule, std::string message, std::string hint = "");
  // A fault inside an expression or text that starts at `start`.
  void Fault(const v1::SourcePosition& start, const ExpressionFault& fault);

  bool has_errors() const { return errors_ > 0; }
  std::vector<v1::LintFinding> TakeSorted();

 private:
  void Add(const v1::SourcePosition& position, std::string_view rule, std::string message, std::string hint,
           bool is_error);

  const std::string file_;
  std::vector<v1::LintFinding> found_;
  size_t errors_ = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_FINDINGS_H_
