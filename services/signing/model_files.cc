#include "firebreak/signing/model_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "absl/container/flat_hash_set.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/signing/oms_statement.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;
constexpr int kDepthMax = 256;

absl::Status Errno(const fs::path& path) {
  const int error = errno;
  const std::string text = StrCat(path.string(), ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(text);
  return absl::UnknownError(text);
}

// True when `path` is `folder` or below it, component by component.
bool IsWithin(const fs::path& folder, const fs::path& path) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

class Lister {
 public:
  Lister(ModelListing& listing, const ModelListingOptions& options)
      : listing_(listing), ignored_(options.ignore_paths.begin(), options.ignore_paths.end()) {
    ignored_.insert(DefaultIgnoredPaths().begin(), DefaultIgnoredPaths().end());
  }

  absl::Status Folder(const fs::path& folder, const std::string& prefix, int depth) {
    if (depth > kDepthMax) {
      return absl::InvalidArgumentError(StrCat("folder ", QuoteJson(prefix), ": nested deeper than ", kDepthMax));
    }
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      RETURN_IF_ERROR(Entry(entries->path(), prefix + entries->path().filename().string(), depth));
    }
    return error ? absl::UnknownError(StrCat("folder ", folder.string(), ": ", error.message())) : absl::OkStatus();
  }

 private:
  // What is ignored is not descended into, so everything below goes with it.
  absl::Status Entry(const fs::path& path, const std::string& name, int depth) {
    if (ignored_.contains(name)) return absl::OkStatus();
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return Errno(path);
    if (S_ISLNK(status.st_mode)) {
      RETURN_IF_ERROR(CheckLink(path, name));
      if (::stat(path.c_str(), &status) != 0) return Errno(path);
    }
    if (S_ISDIR(status.st_mode)) return Folder(path, name + "/", depth + 1);
    if (!S_ISREG(status.st_mode)) {
      return WithNextStep(absl::InvalidArgumentError(StrCat("model file ", QuoteJson(name), ": is not a regular file")),
                          "remove it or ignore it");
    }
    RETURN_IF_ERROR(oms::CheckPath("model file", name));
    listing_.files.push_back({name, static_cast<uint64_t>(status.st_size),
                              int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec});
    return absl::OkStatus();
  }

  absl::Status CheckLink(const fs::path& path, const std::string& name) const {
    const std::string what = StrCat("model file ", QuoteJson(name), ": ");
    if (!listing_.follows_symlinks) {
      return WithNextStep(absl::InvalidArgumentError(what + "is a symlink, which no signature covers"),
                          "replace it by the file it points to, or ignore it");
    }
    std::error_code error;
    const fs::path target = fs::canonical(path, error);
    if (error) return absl::InvalidArgumentError(StrCat(what, "is a symlink that leads nowhere: ", error.message()));
    if (!IsWithin(listing_.root, target)) return absl::InvalidArgumentError(what + "is a symlink out of the model");
    if (IsWithin(target, fs::canonical(path.parent_path(), error))) {
      return absl::InvalidArgumentError(what + "is a symlink to a folder that contains it");
    }
    return absl::OkStatus();
  }

  ModelListing& listing_;
  absl::flat_hash_set<std::string> ignored_;
};

}  // namespace

const std::vector<std::string>& DefaultIgnoredPaths() {
  static const std::vector<std::string>* const kPaths =
      new std::vector<std::string>{".git", ".gitattributes", ".github", ".gitignore"};
  return *kPaths;
}

absl::StatusOr<ModelListing> ListModelFiles(const fs::path& model, const ModelListingOptions& options) {
  std::error_code error;
  const fs::path real = fs::canonical(model, error);
  if (error) return absl::NotFoundError(StrCat("model ", model.string(), ": ", error.message()));
  struct stat status {};
  if (::stat(real.c_str(), &status) != 0) return Errno(real);
  ModelListing listing;
  // The name people gave, not that of what a link leads to.
  listing.name = model.filename().empty() ? model.parent_path().filename().string() : model.filename().string();
  if (listing.name.empty() || listing.name == "." || listing.name == "..") listing.name = real.filename().string();
  listing.follows_symlinks = options.follow_symlinks;
  if (S_ISREG(status.st_mode)) {
    listing.is_single_file = true;
    listing.root = real.parent_path();
    listing.name = real.filename().string();
    RETURN_IF_ERROR(oms::CheckPath("model file", listing.name));
    listing.files.push_back({listing.name, static_cast<uint64_t>(status.st_size),
                             int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec});
    return listing;
  }
  if (!S_ISDIR(status.st_mode)) {
    return absl::InvalidArgumentError(StrCat("model ", model.string(), ": is neither a folder nor a regular file"));
  }
  listing.root = real;
  RETURN_IF_ERROR(Lister(listing, options).Folder(real, "", 0));
  // UTF-8 sorts by bytes as by code points.
  std::sort(listing.files.begin(), listing.files.end(),
            [](const ModelFile& a, const ModelFile& b) { return a.name < b.name; });
  return listing;
}

absl::StatusOr<std::string> PathInModel(const fs::path& model, const fs::path& path) {
  std::error_code error;
  const fs::path root = fs::canonical(model, error);
  if (error) return absl::NotFoundError(StrCat("model ", model.string(), ": ", error.message()));
  // Not the path itself: when it is a symlink inside the model, the link is what is meant. It need not exist.
  const fs::path plain = path.lexically_normal();
  const bool ends_in_slash = !plain.has_filename();
  const fs::path named = ends_in_slash ? plain.parent_path() : plain;
  const fs::path parent = fs::weakly_canonical(fs::absolute(named, error).parent_path(), error);
  if (error) return absl::InvalidArgumentError(StrCat(path.string(), ": ", error.message()));
  const fs::path real = (parent / named.filename()).lexically_normal();
  if (!fs::is_directory(root, error)) return std::string();   // a single file has nothing below it
  if (IsWithin(real, root)) {
    return absl::InvalidArgumentError(
        StrCat("ignore path ", path.string(), ": is the model itself or contains it, so nothing would be signed"));
  }
  return IsWithin(root, real) ? real.lexically_relative(root).generic_string() : std::string();
}

}  // namespace firebreak
