#include "firebreak/actions/hooks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/exchange/http_client.h"
#include "firebreak/playbooks/value_type.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr absl::Duration kTimeoutMax = absl::Seconds(60);
constexpr JsonLimits kLimits{.size_bytes_max = size_t{256} << 10, .depth_max = 8, .values_max = 20'000};

bool IsHeaderText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

absl::StatusOr<std::string> TextMember(const Struct& object, const std::string& name, std::string fallback) {
  const auto found = object.fields().find(name);
  if (found == object.fields().end()) return fallback;
  if (found->second.kind_case() != Value::kStringValue) return absl::InvalidArgumentError(StrCat(name, " must be text"));
  return found->second.string_value();
}

absl::Status ReadMethods(const Struct& object, Hook& hook) {
  const auto found = object.fields().find("methods");
  if (found == object.fields().end()) return absl::OkStatus();
  static const std::set<std::string, std::less<>> kKnown = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  hook.methods.clear();
  for (const Value& method : found->second.list_value().values()) {
    if (!kKnown.contains(method.string_value())) {
      return absl::InvalidArgumentError("methods must be some of GET, POST, PUT, PATCH, DELETE");
    }
    hook.methods.push_back(method.string_value());
  }
  return hook.methods.empty() ? absl::InvalidArgumentError("methods must be a list with at least one") : absl::OkStatus();
}

absl::StatusOr<Hook> ReadHook(const Value& value) {
  if (!value.has_struct_value()) return absl::InvalidArgumentError("must be an object");
  const Struct& object = value.struct_value();
  static const std::vector<std::string> kKnown = {"name", "url", "about", "credential", "header", "prefix", "ca_file", "timeout", "methods"};
  for (const auto& [name, member] : object.fields()) {
    if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) continue;
    const std::string nearest = NearestName(name, kKnown);
    return absl::InvalidArgumentError(StrCat("unknown member ", name, nearest.empty() ? "" : StrCat(" (did you mean ", nearest, ")")));
  }
  Hook hook;
  ASSIGN_OR_RETURN(hook.name, TextMember(object, "name", ""));
  RETURN_IF_ERROR(CheckName("hook", hook.name));
  ASSIGN_OR_RETURN(hook.url, TextMember(object, "url", ""));
  while (hook.url.ends_with('/')) hook.url.pop_back();
  RETURN_IF_ERROR(Annotate(CheckOutgoingUrl(hook.url), StrCat("hook ", hook.name)));
  if (hook.url.find_first_of("?#") != std::string::npos) return absl::InvalidArgumentError(StrCat("hook ", hook.name, ": the url has a query"));
  ASSIGN_OR_RETURN(hook.about, TextMember(object, "about", ""));
  ASSIGN_OR_RETURN(hook.credential, TextMember(object, "credential", ""));
  if (!hook.credential.empty()) RETURN_IF_ERROR(CheckName("credential", hook.credential));
  ASSIGN_OR_RETURN(hook.header, TextMember(object, "header", hook.header));
  ASSIGN_OR_RETURN(hook.prefix, TextMember(object, "prefix", hook.prefix));
  if (hook.header.empty() || !IsHeaderText(hook.header) || !IsHeaderText(hook.prefix) || hook.header.find(':') != std::string::npos) {
    return absl::InvalidArgumentError(StrCat("hook ", hook.name, ": header and prefix must be printable ASCII"));
  }
  ASSIGN_OR_RETURN(hook.ca_file, TextMember(object, "ca_file", ""));
  ASSIGN_OR_RETURN(const std::string timeout, TextMember(object, "timeout", "10s"));
  const std::optional<absl::Duration> span = ParseSpan(timeout);
  if (!span || *span > kTimeoutMax || *span < absl::Milliseconds(1)) {
    return absl::InvalidArgumentError(StrCat("hook ", hook.name, ": timeout ", timeout, " is not a duration up to 60s"));
  }
  hook.timeout = *span;
  RETURN_IF_ERROR(Annotate(ReadMethods(object, hook), StrCat("hook ", hook.name)));
  return hook;
}

}  // namespace

absl::StatusOr<HookBook> HookBook::Parse(std::string_view json, std::filesystem::path credential_folder) {
  ASSIGN_OR_RETURN(const Value root, ParseJson(json, kLimits));
  const auto found = root.struct_value().fields().find("hooks");
  if (found == root.struct_value().fields().end() || !found->second.has_list_value() || root.struct_value().fields_size() != 1) {
    return absl::InvalidArgumentError("hooks: must be {\"hooks\": [ … ]}");
  }
  HookBook book(std::move(credential_folder));
  std::set<std::string> names;
  for (int i = 0; i < found->second.list_value().values_size(); ++i) {
    absl::StatusOr<Hook> hook = ReadHook(found->second.list_value().values(i));
    if (!hook.ok()) return Annotate(hook.status(), StrCat("hooks[", i, "]"));
    if (!names.insert(hook->name).second) return absl::InvalidArgumentError(StrCat("hooks[", i, "]: hook ", hook->name, " appears twice"));
    if (names.size() > kHooksMax) return absl::InvalidArgumentError(StrCat("more than ", kHooksMax, " hooks"));
    book.hooks_.push_back(*std::move(hook));
  }
  return book;
}

absl::StatusOr<HookBook> HookBook::Load(const std::filesystem::path& file, std::filesystem::path credential_folder) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return HookBook(std::move(credential_folder));
  std::ifstream in(file, std::ios::binary);
  const std::string json(std::istreambuf_iterator<char>(in), {});
  if (!in.good() && !in.eof()) return absl::UnavailableError(StrCat(file.string(), " cannot be read"));
  absl::StatusOr<HookBook> book = Parse(json, std::move(credential_folder));
  if (!book.ok()) return Annotate(book.status(), file.string());
  return book;
}

absl::StatusOr<Hook> HookBook::Find(std::string_view name) const {
  std::vector<std::string> known;
  for (const Hook& hook : hooks_) {
    if (hook.name == name) return hook;
    known.push_back(hook.name);
  }
  const std::string nearest = NearestName(name, known);
  return absl::NotFoundError(StrCat("hook ", name, " is not set up here (next: ",
                                    nearest.empty() ? std::string("add it to DATA/hooks.json and restart") : StrCat("did you mean ", nearest), ")"));
}

absl::StatusOr<std::string> HookBook::Secret(const Hook& hook) const {
  if (hook.credential.empty()) return std::string();
  const auto refuse = [&](std::string_view why) {
    return absl::FailedPreconditionError(StrCat("credential ", hook.credential, " of hook ", hook.name, " ", why));
  };
  const std::string path = (credential_folder_ / hook.credential).string();
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) return refuse(StrCat("cannot be read (next: put the secret into DATA/credentials/", hook.credential, ")"));
  struct stat facts {};
  char bytes[4097];
  const bool known = ::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
  const ssize_t count = known ? ::read(file, bytes, sizeof bytes) : -1;
  ::close(file);
  if (count < 0) return refuse("is not a readable file");
  if ((facts.st_mode & 077) != 0) return refuse(StrCat("can be read by others (next: chmod 600 DATA/credentials/", hook.credential, ")"));
  std::string_view text(bytes, static_cast<size_t>(count));
  text = text.substr(0, text.find_first_of("\r\n"));
  if (text.empty() || text.size() > 4096 || !IsHeaderText(text)) return refuse("does not hold one line of printable text");
  return std::string(text);
}

}  // namespace firebreak
