#include "firebreak/signing/model_hash.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/signing/range_hash.h"

namespace firebreak {
namespace {

using oms::FileRange;
using oms::Reading;

constexpr size_t kFindingsShown = 10;
constexpr int kThreadsMax = 64;

struct Job {
  const ModelFile* file = nullptr;
  FileRange range;
};

std::vector<Job> Cut(const ModelListing& listing, uint64_t shard_size) {
  std::vector<Job> jobs;
  for (const ModelFile& file : listing.files) {
    if (shard_size == 0) {
      jobs.push_back({&file, {0, file.size_bytes}});
      continue;
    }
    for (uint64_t at = 0; at < file.size_bytes;) {
      const uint64_t end = file.size_bytes - at <= shard_size ? file.size_bytes : at + shard_size;
      jobs.push_back({&file, {at, end}});
      at = end;
    }
  }
  return jobs;
}

int ThreadCount(int wanted) {
  const int present = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(wanted > 0 ? wanted : present, 1, kThreadsMax);
}

// Runs `work` on 0 … count-1, each once, on `threads` threads, this one among them; stops early after the first error.
template <typename Work>
absl::Status Share(size_t count, int threads, const Work& work) {
  std::atomic<size_t> next{0};
  absl::Mutex mutex;
  absl::Status first;
  const auto loop = [&] {
    for (size_t at = next++; at < count; at = next++) {
      const absl::Status status = work(at);
      if (status.ok()) continue;
      const absl::MutexLock lock(&mutex);
      if (first.ok()) first = status;
      next = count;
    }
  };
  std::vector<std::thread> others;
  for (size_t at = 1; at < std::min<size_t>(count, static_cast<size_t>(threads)); ++at) others.emplace_back(loop);
  loop();
  for (std::thread& other : others) other.join();
  return first;
}

std::string JoinFindings(const std::vector<std::string>& findings) {
  std::string text = absl::StrJoin(findings.begin(), findings.begin() + static_cast<ptrdiff_t>(std::min(findings.size(), kFindingsShown)), "; ");
  if (findings.size() > kFindingsShown) StrAppend(&text, "; and ", findings.size() - kFindingsShown, " more");
  return text;
}

// What the signature says of one file.
struct SignedFile {
  uint64_t size_bytes = 0;                                  // of shards; meaningless for whole files
  std::map<uint64_t, const OmsResource*> by_start;          // one at 0 for a whole file
};
using SignedFiles = absl::flat_hash_map<std::string, SignedFile>;

SignedFiles Group(const OmsSignature& signature) {
  SignedFiles files;
  for (const OmsResource& resource : signature.resources) {
    SignedFile& file = files[resource.name];
    file.by_start.emplace(resource.shard_start.value_or(0), &resource);
    file.size_bytes = std::max(file.size_bytes, resource.shard_end.value_or(0));
  }
  return files;
}

// Keeps in `listing` what has to be hashed; answers what differs without reading a byte.
std::vector<std::string> CompareNames(const OmsSignature& signature, const SignedFiles& files, const ModelCheck& check,
                                      ModelListing& listing) {
  std::vector<std::string> findings;
  absl::flat_hash_map<std::string, uint64_t> present;
  const bool by_shards = signature.method == OmsMethod::kShards;
  std::erase_if(listing.files, [&](const ModelFile& file) {
    const auto found = files.find(file.name);
    if (found == files.end()) {
      // A signature by shards cannot list an empty file (spec §6.3.2).
      const bool is_tolerated = check.ignore_unsigned_files || (by_shards && file.size_bytes == 0);
      if (!is_tolerated) findings.push_back(StrCat("file ", QuoteJson(file.name), " is not in the signature"));
      return true;
    }
    present.emplace(file.name, file.size_bytes);
    if (by_shards && file.size_bytes != found->second.size_bytes) {
      findings.push_back(StrCat("file ", QuoteJson(file.name), " has ", file.size_bytes, " bytes, signed were ",
                                found->second.size_bytes));
    }
    return false;
  });
  for (const OmsResource& resource : signature.resources) {
    if (resource.shard_start.value_or(0) == 0 && !present.contains(resource.name)) {
      findings.push_back(StrCat("signed file ", QuoteJson(resource.name), " is missing"));
    }
  }
  return findings;
}

}  // namespace

absl::StatusOr<std::vector<OmsResource>> HashModel(const ModelListing& listing, const ModelHashing& hashing) {
  if (hashing.hash_type != "sha256" && hashing.hash_type != "blake2b") {
    return absl::InvalidArgumentError(StrCat("unknown hash type ", QuoteJson(hashing.hash_type), ": use sha256 or blake2b"));
  }
  const HashAlgorithm algorithm = hashing.hash_type == "sha256" ? HashAlgorithm::kSha256 : HashAlgorithm::kBlake2b512;
  const std::vector<Job> jobs = Cut(listing, hashing.shard_size_bytes);
  // The largest first: no thread is left alone with a big one at the end.
  std::vector<size_t> order(jobs.size());
  for (size_t at = 0; at < order.size(); ++at) order[at] = at;
  const auto size = [&](size_t at) { return jobs[at].range.end - jobs[at].range.start; };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return size(a) > size(b); });
  const int threads = ThreadCount(hashing.threads);
  const Reading reading = jobs.size() < static_cast<size_t>(threads) ? Reading::kAhead : Reading::kInline;

  std::vector<OmsResource> resources(jobs.size());
  RETURN_IF_ERROR(Share(jobs.size(), threads, [&](size_t turn) -> absl::Status {
    const Job& job = jobs[order[turn]];
    ASSIGN_OR_RETURN(const std::string raw, oms::HashRange(listing, *job.file, job.range, algorithm, reading));
    OmsResource& resource = resources[order[turn]];
    resource.name = job.file->name;
    resource.algorithm = hashing.hash_type;
    resource.digest_hex = ToHex(raw);
    if (hashing.shard_size_bytes > 0) {
      resource.shard_start = job.range.start;
      resource.shard_end = job.range.end;
    }
    return absl::OkStatus();
  }));
  return resources;
}

absl::Status CheckModel(const OmsSignature& signature, const std::filesystem::path& model, const ModelCheck& check) {
  ModelListingOptions options;
  options.follow_symlinks = signature.allow_symlinks;
  options.ignore_paths = signature.ignore_paths;
  options.ignore_paths.insert(options.ignore_paths.end(), check.ignore_paths.begin(), check.ignore_paths.end());
  ASSIGN_OR_RETURN(ModelListing listing, ListModelFiles(model, options));
  const SignedFiles files = Group(signature);
  // Signed before OMS 1.1: the only file is called ".", and whoever verifies says which file that is.
  const bool is_old_single = listing.is_single_file && files.size() == 1 && files.contains(".");
  const std::string real_name = listing.files.empty() ? "" : listing.files[0].name;
  if (is_old_single) listing.files[0].name = std::string(".");  // g++ 12 warns of the plain literal under -O2
  std::vector<std::string> findings = CompareNames(signature, files, check, listing);
  if (!findings.empty()) return absl::DataLossError(StrCat("signature and model differ: ", JoinFindings(findings)));
  if (is_old_single) listing.files[0].name = real_name;

  ASSIGN_OR_RETURN(const std::vector<OmsResource> found,
                   HashModel(listing, {signature.hash_type, signature.shard_size_bytes, check.threads}));
  for (const OmsResource& resource : found) {
    const auto& shards = files.at(is_old_single ? "." : resource.name).by_start;
    const auto wanted = shards.find(resource.shard_start.value_or(0));
    if (wanted != shards.end() && wanted->second->digest_hex == resource.digest_hex) continue;
    findings.push_back(StrCat("file ", QuoteJson(resource.name),
                              resource.shard_start ? StrCat(" from byte ", *resource.shard_start) : std::string(), " has ",
                              resource.algorithm, " ", resource.digest_hex, ", signed was ",
                              wanted == shards.end() ? "nothing" : wanted->second->digest_hex));
  }
  if (findings.empty()) return absl::OkStatus();
  return absl::DataLossError(StrCat("signature and model differ: ", JoinFindings(findings)));
}

}  // namespace firebreak
