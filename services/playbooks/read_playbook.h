// From the YAML tree to v1::Playbook: shapes, keys and literals. What the references and actions mean is the linter's
// part.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_READ_PLAYBOOK_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_READ_PLAYBOOK_H_

#include <string>
#include <vector>

#include "firebreak/v1/playbook.pb.h"
#include "services/playbooks/findings.h"
#include "services/playbooks/marks.h"
#include "services/playbooks/yaml_fields.h"
#include "services/playbooks/yaml_tree.h"

namespace firebreak {

// Reads as much as makes sense; whatever does not becomes a finding.
v1::Playbook ReadPlaybook(const YamlNode& root, Findings& findings, Marks& marks);

// Lists of steps with what is nested in them. The findings and marks it was given outlive it.
class StepReader {
 public:
  using Steps = google::protobuf::RepeatedPtrField<v1::Step>;

  StepReader(Findings& findings, Marks& marks) : findings_(findings), marks_(marks) {}

  // `depth` of the outermost list is 0.
  void ReadSteps(const YamlNode& list, int depth, Steps& steps);

 private:
  void ReadBody(const YamlNode& body, int depth, v1::Step& step);
  void ReadCommon(const Fields& fields, v1::Step& step);
  void ReadDo(const Fields& fields, v1::DoStep& call);
  void ReadArguments(const YamlNode& node, const std::string& what,
                     google::protobuf::RepeatedPtrField<v1::Argument>& arguments);
  void ReadUndo(const YamlNode& node, const std::string& what, v1::Step& step);
  void ReadRetry(const YamlNode& node, v1::Step& step);
  void ReadAsk(const Fields& fields, v1::Step& step);
  void ReadIf(const Fields& fields, int depth, v1::IfStep& branch);
  void ReadWhile(const Fields& fields, int depth, v1::WhileStep& loop);
  void ReadSwitch(const Fields& fields, int depth, v1::Step& step);
  void ReadParallel(const Fields& fields, int depth, v1::Step& step);
  void ReadRun(const Fields& fields, v1::RunStep& run);
  void ReadForEach(const Fields& fields, int depth, v1::Step& step);
  void Nested(const Fields& fields, const char* key, int depth, Steps& steps);  // a finding when absent

  Findings& findings_;
  Marks& marks_;
  int steps_ = 0;   // read so far
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_READ_PLAYBOOK_H_
