// Reading the members of a JSON object strictly: each has one kind, none is unknown. Private to this folder.
#ifndef FIREBREAK_SERVICES_SIGNING_MEMBERS_H_
#define FIREBREAK_SERVICES_SIGNING_MEMBERS_H_

#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak::oms {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

// An object of a document, with the words that name it in errors. Does not own it.
class Members {
 public:
  static absl::StatusOr<Members> Of(std::string_view what, const Value& value);

  absl::Status RefuseOthersThan(std::initializer_list<std::string_view> names) const;
  const Value* Find(std::string_view name) const;   // null when absent
  absl::StatusOr<std::string> LoadString(std::string_view name) const;
  absl::StatusOr<bool> LoadBool(std::string_view name) const;
  absl::StatusOr<Members> LoadObject(std::string_view name, std::string_view what) const;
  absl::StatusOr<const ListValue*> LoadList(std::string_view name) const;
  // Empty when absent.
  absl::StatusOr<std::string> FindString(std::string_view name) const;

  const std::string& what() const { return what_; }
  const Struct& fields() const { return *fields_; }

 private:
  Members(std::string what, const Struct& fields) : what_(std::move(what)), fields_(&fields) {}
  absl::StatusOr<const Value*> Load(std::string_view name) const;

  std::string what_;
  const Struct* fields_;
};

}  // namespace firebreak::oms

#endif  // FIREBREAK_SERVICES_SIGNING_MEMBERS_H_
