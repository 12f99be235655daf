#include "services/cacao/import_own.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/cacao/export.h"
#include "services/cacao/extension.h"
#include "services/cacao/graph.h"
#include "services/cacao/json_view.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using StepList = google::protobuf::RepeatedPtrField<v1::Step>;

// Puts steps, which come in the order the workflow enters them, back where their paths say.
class Tree {
 public:
  explicit Tree(v1::Playbook& playbook) : playbook_(playbook) {}

  absl::Status Insert(const ExtendedStep& extended) {
    const std::string& path = extended.path;
    if (steps_.contains(path)) return absl::InvalidArgumentError(StrCat("path ", path, " appears twice"));
    const size_t slash = path.rfind('/');
    const std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
    if (name.empty() || name != extended.step.name()) return absl::InvalidArgumentError(StrCat("path ", path, " does not end in the step's name"));
    StepList* const list = ListAt(slash == std::string::npos ? "" : path.substr(0, slash));
    if (list == nullptr) return absl::InvalidArgumentError(StrCat("path ", path, " stands in no step"));
    *list->Add() = extended.step;
    steps_[path] = &(*list)[list->size() - 1];
    return absl::OkStatus();
  }

 private:
  StepList* ListAt(const std::string& path) {
    if (path.empty()) return playbook_.mutable_steps();
    if (path == "on_failure") return playbook_.mutable_on_failure();
    if (const auto found = steps_.find(path); found != steps_.end()) {
      v1::Step& parent = *found->second;
      if (parent.has_group()) return parent.mutable_group()->mutable_steps();
      if (parent.has_loop()) return parent.mutable_loop()->mutable_steps();
      if (parent.has_parallel()) return parent.mutable_parallel()->mutable_branches();
    }
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return nullptr;
    const auto found = steps_.find(path.substr(0, slash));
    const std::string branch = path.substr(slash + 1);
    if (found == steps_.end()) return nullptr;
    v1::Step& parent = *found->second;
    if (parent.has_branch() && branch == "then") return parent.mutable_branch()->mutable_then_steps();
    if (parent.has_branch() && branch == "else") return parent.mutable_branch()->mutable_else_steps();
    if (!parent.has_choice()) return nullptr;
    if (branch == "default") return parent.mutable_choice()->mutable_default_steps();
    for (int i = 0; i < parent.choice().cases_size(); ++i) {
      if (branch == StrCat("case", i + 1)) return parent.mutable_choice()->mutable_cases(i)->mutable_steps();
    }
    return nullptr;
  }

  v1::Playbook& playbook_;
  std::map<std::string, v1::Step*> steps_;   // elements of a RepeatedPtrField do not move
};

class OwnReader {
 public:
  OwnReader(const Struct& document, v1::Playbook& playbook, std::vector<CacaoFinding>& findings)
      : document_(document), workflow_(ObjectOf(document, "workflow")), tree_(playbook), findings_(findings) {}

  void Run() {
    Walk(TextOf(ObjectOf(workflow_, TextOf(document_, "workflow_start")), "on_completion"));
    Walk(TextOf(document_, "workflow_exception"));
  }

 private:
  // Depth is bounded by the number of steps, which CheckCacao has bounded, and by nesting for branches.
  void Walk(std::string id) {
    while (!id.empty() && findings_.empty()) {
      const Struct& step = ObjectOf(workflow_, id);
      if (TextOf(step, "type") == "end" || !seen_.insert(id).second) return;
      const absl::StatusOr<std::optional<StepExtension>> extension = FindStepExtension(step);
      if (!extension.ok()) return Fault(id, extension.status());
      if (!*extension) return Fault(id, absl::InvalidArgumentError("the step was added by somebody else: it has no Firebreak extension"));
      for (const ExtendedStep& group : (*extension)->groups) {
        if (const absl::Status status = tree_.Insert(group); !status.ok()) return Fault(id, status);
      }
      if (const absl::Status status = tree_.Insert((*extension)->own); !status.ok()) return Fault(id, status);
      const std::string after = AfterOf(step);
      for (const Edge& edge : EdgesOf(step)) {
        if (edge.pointer != "/on_success" && edge.pointer != "/on_completion" && edge.pointer != "/on_failure") Walk(edge.target);
      }
      id = after;
    }
  }

  void Fault(const std::string& id, const absl::Status& status) {
    findings_.push_back({Below("/workflow", id), "extension", std::string(MessageOf(status)),
                         "change the YAML and export it again, or take the extension out to import it as a foreign playbook", true});
  }

  const Struct& document_;
  const Struct& workflow_;
  Tree tree_;
  std::vector<CacaoFinding>& findings_;
  std::set<std::string> seen_;
};

// Signatures come and go without changing the playbook, and so do the two flags that announce them.
Value WithoutSignatures(Value document) {
  Struct& root = *document.mutable_struct_value();
  root.mutable_fields()->erase("signatures");
  auto& summary = *PutObject(root, "playbook_processing_summary").mutable_fields();
  summary.erase("digital_signatures");
  summary.erase("countersigned_signatures");
  return document;
}

// The pointer of the first place where the two differ, in name order; nullopt when they are the same.
std::optional<std::string> Difference(const Value& a, const Value& b, const std::string& pointer) {
  if (a.kind_case() != b.kind_case()) return pointer;
  if (a.has_struct_value()) {
    std::set<std::string> names;
    for (const auto& [name, value] : a.struct_value().fields()) names.insert(name);
    for (const auto& [name, value] : b.struct_value().fields()) names.insert(name);
    for (const std::string& name : names) {
      const Value* left = FindMember(a.struct_value(), name);
      const Value* right = FindMember(b.struct_value(), name);
      if (left == nullptr || right == nullptr) return Below(pointer, name);
      if (auto found = Difference(*left, *right, Below(pointer, name))) return found;
    }
    return std::nullopt;
  }
  if (a.has_list_value()) {
    const int size = std::min(a.list_value().values_size(), b.list_value().values_size());
    for (int i = 0; i < size; ++i) {
      if (auto found = Difference(a.list_value().values(i), b.list_value().values(i), Below(pointer, i))) return found;
    }
    if (a.list_value().values_size() != b.list_value().values_size()) return Below(pointer, size);
    return std::nullopt;
  }
  return PrintJson(a) == PrintJson(b) ? std::nullopt : std::optional<std::string>(pointer);
}

// What the document was exported with.
CacaoExportOptions OptionsOf(const Struct& document) {
  CacaoExportOptions options;
  std::string error;
  absl::ParseTime(absl::RFC3339_full, TextOf(document, "created"), &options.created, &error);
  absl::ParseTime(absl::RFC3339_full, TextOf(document, "modified"), &options.modified, &error);
  const Struct& gateway = ObjectOf(ObjectOf(document, "agent_definitions"), CacaoId("http-api", "gateway"));
  const Struct& address = ObjectOf(gateway, "address");
  for (const char* kind : {"dname", "ipv4"}) {
    const std::vector<std::string> hosts = TextsOf(address, kind);
    if (!hosts.empty()) options.gateway = StrCat(hosts[0], ":", TextOf(gateway, "port"));
  }
  for (const auto& [id, marking] : ObjectOf(document, "data_marking_definitions").fields()) {
    const std::string level = TextOf(marking.struct_value(), "tlpv2_level");
    for (const char* word : {"clear", "green", "amber", "amber+strict", "red"}) {
      std::string upper = "TLP:";
      for (const char* c = word; *c != '\0'; ++c) upper.push_back(*c == '+' ? '+' : static_cast<char>(*c - 32));
      if (level == upper) options.tlp = word;
    }
  }
  return options;
}

}  // namespace

v1::Playbook ReadOwn(const Value& document, v1::Playbook head, std::vector<CacaoFinding>& findings) {
  v1::Playbook playbook = std::move(head);
  playbook.clear_steps();
  playbook.clear_on_failure();
  std::vector<CacaoFinding> faults;
  OwnReader(document.struct_value(), playbook, faults).Run();
  if (faults.empty()) {
    const absl::StatusOr<Value> again = ExportCacao(playbook, OptionsOf(document.struct_value()));
    const std::optional<std::string> difference =
        again.ok() ? Difference(WithoutSignatures(document), WithoutSignatures(*again), "") : std::optional<std::string>("");
    if (difference) {
      faults.push_back({*difference, "changed-export", "the workflow and the Firebreak extension no longer say the same here",
                        "change the YAML and export it again, or take the extension out to import it as a foreign playbook", true});
    }
  }
  findings.insert(findings.end(), faults.begin(), faults.end());
  return playbook;
}

}  // namespace firebreak
