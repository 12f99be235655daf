#include <algorithm>
#include <map>

#include "absl/container/flat_hash_set.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "services/signing/oms_statement.h"

namespace firebreak::oms {
namespace {

using Names = absl::flat_hash_set<std::string>;
constexpr size_t kPathBytesMax = 4096;   // PATH_MAX, and what a manifest takes

// Calls `visit` with every folder above `path`, nearest last, until it answers false.
template <typename Visit>
bool EachFolderAbove(const std::string& path, Visit visit) {
  for (size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    if (!visit(path.substr(0, at))) return false;
  }
  return true;
}

absl::Status CheckPlace(const std::string& name, const Names& names) {
  std::string clash;
  const bool is_free = EachFolderAbove(name, [&](const std::string& folder) {
    if (names.contains(folder)) clash = folder;
    return clash.empty();
  });
  if (is_free) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("resource ", QuoteJson(name), ": ", QuoteJson(clash),
                                           " is listed as a file, so it cannot be a folder"));
}

// Shards of each file: 0..size, size..2*size, ... where only the last may be shorter. Then no byte is missed or signed twice.
absl::Status CheckShards(const OmsSignature& statement) {
  const uint64_t size = statement.shard_size_bytes;
  std::map<std::string_view, std::map<uint64_t, uint64_t>> files;
  for (const OmsResource& shard : statement.resources) {
    if (!files[shard.name].emplace(*shard.shard_start, *shard.shard_end).second) {
      return absl::InvalidArgumentError(
          StrCat("resource ", QuoteJson(shard.name), ": the shard at ", *shard.shard_start, " is listed twice"));
    }
  }
  for (const auto& [name, shards] : files) {
    uint64_t expected = 0;
    for (const auto& [start, end] : shards) {
      const bool is_last = start == shards.rbegin()->first;
      if (start != expected || end <= start || end - start > size || (!is_last && end - start != size)) {
        return absl::InvalidArgumentError(StrCat("resource ", QuoteJson(name), ": the shard ", start, ":", end,
                                                 " does not follow at ", expected, " with ", size, " bytes a shard"));
      }
      expected = end;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPath(std::string_view what, std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(StrCat(what, " ", QuoteJson(path), ": ", why));
  };
  // Before anything that costs more the longer it is.
  if (path.size() > kPathBytesMax) {
    return absl::InvalidArgumentError(StrCat(what, " of ", path.size(), " bytes: is longer than ", kPathBytesMax, ", which no file can be called"));
  }
  if (path.empty()) return refuse("is empty");
  if (!IsValidUtf8(path)) return refuse("is not valid UTF-8");
  if (path.find('\0') != std::string_view::npos) return refuse("holds a zero byte");
  // What shows as one name must not be another: a line feed or an escape sequence in a list that people read.
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(path.begin(), path.end(), is_control)) return refuse("holds a control character");
  if (path.find('\\') != std::string_view::npos) return refuse("holds a backslash, which other systems take for a separator");
  if (path.front() == '/') return refuse("is absolute");
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view component = path.substr(start, end - start);
    if (component.empty()) return refuse("has an empty component");
    if (component == ".") return refuse("has a \".\" component");
    if (component == "..") return refuse("has a \"..\" component");
    start = end + 1;
  }
  return absl::OkStatus();
}

absl::Status CheckIgnorePath(std::string_view path) {
  RETURN_IF_ERROR(CheckPath("ignore path", path));
  if (path.find_first_of("*?[") == std::string_view::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("ignore path ", QuoteJson(path), ": holds a glob character; paths are exact"));
}

absl::Status CheckDigest(std::string_view what, std::string_view hex, size_t digits) {
  if (hex.size() != digits) {
    return absl::InvalidArgumentError(StrCat(what, ": the digest has ", hex.size(), " hex digits, not ", digits));
  }
  if (!FromHex(hex).ok()) return absl::InvalidArgumentError(StrCat(what, ": the digest is not lowercase hex"));
  return absl::OkStatus();
}

absl::Status NameCheck::Check(const std::string& name) const {
  RETURN_IF_ERROR(CheckPath("resource", name));
  if (ignored_.empty()) return absl::OkStatus();
  const bool is_seen = EachFolderAbove(name, [&](const std::string& folder) { return !ignored_.contains(folder); });
  if (is_seen && !ignored_.contains(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("resource ", QuoteJson(name), ": is listed and ignored at once"));
}

absl::Status CheckResources(const OmsSignature& statement) {
  Names names;
  names.reserve(statement.resources.size());
  for (const OmsResource& resource : statement.resources) {
    const bool is_new = names.insert(resource.name).second;
    if (!is_new && statement.method == OmsMethod::kFiles) {
      return absl::InvalidArgumentError(StrCat("resource ", QuoteJson(resource.name), ": is listed twice"));
    }
  }
  for (const std::string& name : names) RETURN_IF_ERROR(CheckPlace(name, names));
  return statement.method == OmsMethod::kShards ? CheckShards(statement) : absl::OkStatus();
}

}  // namespace firebreak::oms
