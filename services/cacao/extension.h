// Our extension of CACAO: what of a playbook CACAO has no word for, on the playbook and on each step. Version 1.
#ifndef FIREBREAK_SERVICES_CACAO_EXTENSION_H_
#define FIREBREAK_SERVICES_CACAO_EXTENSION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/v1/playbook.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

// extension_definitions and playbook_extensions of `document`.
void AddExtension(const v1::Playbook& playbook, google::protobuf::Struct& document);
// step_extensions of one step: {type, path, step}; `step` is the step in the API's JSON, without the steps inside it that the
// workflow itself holds.
void PutStepExtension(const v1::Step& step, const std::string& path, google::protobuf::Struct& object);
// Groups that begin at this step, outermost first.
void PutGroupExtension(const v1::Step& group, const std::string& path, google::protobuf::Struct& object);

struct ExtendedStep {
  std::string path;
  v1::Step step;
};
struct StepExtension {
  ExtendedStep own;
  std::vector<ExtendedStep> groups;   // outermost first
};

// nullopt when the document or step carries none of ours; kInvalidArgument when it cannot be read.
absl::StatusOr<std::optional<v1::Playbook>> FindPlaybookExtension(const google::protobuf::Struct& document);
absl::StatusOr<std::optional<StepExtension>> FindStepExtension(const google::protobuf::Struct& step);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_EXTENSION_H_
