// HookBook: the only places outside that a playbook can call: rate limiters, firewalls, guardrails, vector stores, pagers. An
// operator writes them into DATA/hooks.json; a playbook names one and never gives an address or a secret.
//
//   {"hooks": [{"name": "limiter", "url": "https://gateway.example/limits", "about": "…", "credential": "limiter",
//               "header": "Authorization", "prefix": "Bearer ", "timeout": "10s", "ca_file": "/etc/ssl/corp.pem",
//               "methods": ["POST", "DELETE"]}]}
#ifndef FIREBREAK_ACTIONS_HOOKS_H_
#define FIREBREAK_ACTIONS_HOOKS_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace firebreak {

struct Hook {
  std::string name;
  std::string url;                             // https, or http to loopback; paths are put behind it
  std::string about;
  std::string credential;                      // file in DATA/credentials, mode 0600; empty = none
  std::string header = "Authorization";        // where the secret goes
  std::string prefix = "Bearer ";              // in front of it
  std::string ca_file;
  absl::Duration timeout = absl::Seconds(10);  // at most 60 s
  std::vector<std::string> methods = {"POST"};
};

inline constexpr size_t kHooksMax = 256;

// Immutable after it was read; thread-safe.
class HookBook {
 public:
  HookBook() = default;
  explicit HookBook(std::filesystem::path credential_folder) : credential_folder_(std::move(credential_folder)) {}
  // kInvalidArgument names the hook and what is wrong. Unknown members are refused.
  static absl::StatusOr<HookBook> Parse(std::string_view json, std::filesystem::path credential_folder);
  // Absent file: an empty book.
  static absl::StatusOr<HookBook> Load(const std::filesystem::path& file, std::filesystem::path credential_folder);

  // kNotFound names the nearest.
  absl::StatusOr<Hook> Find(std::string_view name) const;
  const std::vector<Hook>& hooks() const { return hooks_; }

  // Read at every use, so that a rotated secret counts at once. kFailedPrecondition when the file is missing, open to others or empty.
  absl::StatusOr<std::string> Secret(const Hook& hook) const;

 private:
  std::vector<Hook> hooks_;
  std::filesystem::path credential_folder_;
};

}  // namespace firebreak

#endif  // FIREBREAK_ACTIONS_HOOKS_H_
