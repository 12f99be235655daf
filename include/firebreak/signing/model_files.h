// A model on disk as OpenSSF Model Signing sees it (spec §6.1, §6.2): which files it has, under which names.
#ifndef FIREBREAK_SIGNING_MODEL_FILES_H_
#define FIREBREAK_SIGNING_MODEL_FILES_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace firebreak {

struct ModelFile {
  std::string name;             // relative, with '/'
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;
};

struct ModelListing {
  std::filesystem::path root;   // names are relative to it; for a single file the folder it lies in
  std::string name;             // of the folder or the file
  bool is_single_file = false;
  bool follows_symlinks = false;
  std::vector<ModelFile> files; // in code-point order of their names
};

struct ModelListingOptions {
  // Relative to the model, exact, with everything below. .git, .gitignore, .gitattributes and .github at the root always are.
  std::vector<std::string> ignore_paths;
  // Only for signatures that say so. A link out of the model, or into a folder that contains it, is refused all the same.
  bool follow_symlinks = false;
};

// What is ignored whatever anybody says.
const std::vector<std::string>& DefaultIgnoredPaths();

// `model` may be a folder or one regular file. kNotFound when it does not exist. kInvalidArgument: a symlink, a special file, or
// a name no signature can hold; an empty listing is the caller's to refuse.
absl::StatusOr<ModelListing> ListModelFiles(const std::filesystem::path& model, const ModelListingOptions& options);

// `path` as a name below `model`, for ignore options that come as absolute paths. Empty: not below it. kInvalidArgument when it
// is the model itself or contains it, which would ignore everything.
absl::StatusOr<std::string> PathInModel(const std::filesystem::path& model, const std::filesystem::path& path);

}  // namespace firebreak

#endif  // FIREBREAK_SIGNING_MODEL_FILES_H_
