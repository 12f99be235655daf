#include "firebreak/doors/method_table.h"

#include <cstdio>
#include <set>

#include "absl/strings/str_split.h"
#include "firebreak/base/check.h"
#include "firebreak/base/text.h"
#include "google/protobuf/descriptor.h"

namespace firebreak {
namespace {

constexpr std::string_view kOnlyOpenMethod = "/firebreak.v1.Fleet/EnrolAgent";

// An abort alone would not say which registration is wrong.
void RequireForMethod(bool holds, std::string_view path, const char* promise) {
  if (!holds) std::fprintf(stderr, "method %.*s: %s\n", static_cast<int>(path.size()), path.data(), promise);
  FIREBREAK_CHECK(holds);
}

std::string PathOf(const google::protobuf::MethodDescriptor& method) {
  return StrCat("/", method.service()->full_name(), "/", method.name());
}

const google::protobuf::MethodDescriptor* FindDescriptor(std::string_view path) {
  std::vector<std::string> parts = absl::StrSplit(ToAbsl(path), '/');
  if (parts.size() != 3 || !parts[0].empty()) return nullptr;
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(StrCat(parts[1], ".", parts[2]));
}

}  // namespace

Method MethodTable::NewMethod(std::string_view path, Permission permission, MethodLimits limits,
                              const google::protobuf::Message& request, const google::protobuf::Message& response) {
  Method method;
  method.path = std::string(path);
  method.permission = permission;
  method.limits = limits;
  method.request = &request;
  method.response = &response;
  return method;
}

void MethodTable::Add(Method method, bool streams) {
  const google::protobuf::MethodDescriptor* descriptor = FindDescriptor(method.path);
  RequireForMethod(descriptor != nullptr, method.path, "is not an rpc of the linked descriptors");
  RequireForMethod(descriptor->input_type() == method.request->GetDescriptor(), method.path, "takes another request");
  RequireForMethod(descriptor->output_type() == method.response->GetDescriptor(), method.path, "answers another type");
  RequireForMethod(descriptor->server_streaming() == streams && !descriptor->client_streaming(), method.path,
                   "streams otherwise");
  RequireForMethod(method.permission != Permission::kOpen || method.path == kOnlyOpenMethod, method.path,
                   "may not be open to everybody");
  method.service = descriptor->service()->full_name();
  method.name = descriptor->name();
  std::string path = method.path;
  bool added = methods_.emplace(path, std::move(method)).second;
  RequireForMethod(added, path, "is registered twice");
}

const Method* MethodTable::Find(std::string_view path) const {
  auto found = methods_.find(path);
  return found == methods_.end() ? nullptr : &found->second;
}

std::vector<const Method*> MethodTable::All() const {
  std::vector<const Method*> all;
  for (const auto& [path, method] : methods_) all.push_back(&method);
  return all;
}

std::vector<std::string> MethodTable::Services() const {
  std::set<std::string> services;
  for (const auto& [path, method] : methods_) services.insert(method.service);
  return {services.begin(), services.end()};
}

std::vector<std::string> MethodTable::Missing() const {
  std::vector<std::string> missing;
  for (const std::string& file : std::vector<std::string>(absl::StrSplit(FIREBREAK_SERVICE_PROTOS, ','))) {
    const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(file);
    if (descriptor == nullptr) {
      missing.push_back(file);
      continue;
    }
    for (int i = 0; i < descriptor->service_count(); ++i) {
      for (int j = 0; j < descriptor->service(i)->method_count(); ++j) {
        std::string path = PathOf(*descriptor->service(i)->method(j));
        if (Find(path) == nullptr) missing.push_back(path);
      }
    }
  }
  return missing;
}

}  // namespace firebreak
