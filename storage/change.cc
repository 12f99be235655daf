#include "firebreak/storage/change.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

absl::Status CheckSize(const Change& change, const MetaStore::Limits& limits) {
  const size_t operations = change.expects.size() + change.puts.size() + change.deletes.size();
  if (operations > limits.operations_max) {
    return absl::ResourceExhaustedError(
        StrCat("commit of ", operations, " operations is over the limit of ", limits.operations_max));
  }
  size_t bytes = 0;
  for (const Expectation& expect : change.expects) bytes += expect.key.size();
  for (const auto& [key, value] : change.puts) bytes += key.size() + value.size();
  for (const std::string& key : change.deletes) bytes += key.size();
  if (bytes > limits.bytes_max) {
    return absl::ResourceExhaustedError(StrCat("commit of ", bytes, " bytes is over the limit of ", limits.bytes_max));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckChange(const Change& change, const MetaStore::Limits& limits) {
  if (absl::Status size = CheckSize(change, limits); !size.ok()) return size;
  absl::flat_hash_set<std::string_view> written;
  written.reserve(change.puts.size() + change.deletes.size());
  auto check = [&](std::string_view key) {
    if (key.empty()) return absl::InvalidArgumentError("commit writes an empty key");
    if (!written.insert(key).second) {
      return absl::InvalidArgumentError(StrCat("commit writes key ", PrintableKey(key), " twice"));
    }
    return absl::OkStatus();
  };
  for (const auto& [key, value] : change.puts) {
    if (absl::Status status = check(key); !status.ok()) return status;
  }
  for (const std::string& key : change.deletes) {
    if (absl::Status status = check(key); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ExpectationFailed(std::string_view key, uint64_t expected, uint64_t found) {
  auto say = [](uint64_t revision) { return revision == 0 ? std::string("absent") : StrCat("revision ", revision); };
  return absl::AbortedError(
      StrCat("key ", PrintableKey(key), " was expected at ", say(expected), " but is at ", say(found)));
}

std::string PrintableKey(std::string_view key) {
  std::string text;
  for (char c : key) {
    if (c == '\0') {
      text.push_back('/');
    } else {
      text.append(absl::CHexEscape(std::string(1, c)));
    }
  }
  return text;
}

}  // namespace firebreak
