#include "firebreak/diff/diff.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/diff/file_diff.h"
#include "services/diff/ranged_file.h"

namespace firebreak {
namespace {

constexpr int kChunksMax = 4'000'000;   // of one file held in memory

// Goes through one side's files in order, continuation entries joined; knows where to start again.
class FileCursor {
 public:
  struct Position {
    std::string page_token;
    uint64_t skip = 0;      // entries of that page
    bool ended = false;
  };
  FileCursor(const DiffSource& source, Position position) : source_(source), next_(std::move(position)) {}

  // The file the cursor stands on; nullopt behind the last one.
  absl::StatusOr<const v1::FileEntry*> Current() {
    if (!current_ && !next_.ended) RETURN_IF_ERROR(Join());
    return current_ ? &*current_ : nullptr;
  }
  void Advance() { current_.reset(); }
  // Where to start so that the file it stands on comes first.
  const Position& position() const { return current_ ? current_at_ : next_; }

 private:
  absl::StatusOr<const v1::FileEntry*> Peek() {
    while (true) {
      if (next_.ended) return nullptr;
      if (!page_ || loaded_token_ != next_.page_token) {
        ASSIGN_OR_RETURN(page_, source_.list(next_.page_token));
        loaded_token_ = next_.page_token;
      }
      if (next_.skip < static_cast<uint64_t>(page_->files_size())) return &page_->files(static_cast<int>(next_.skip));
      if (next_.skip > static_cast<uint64_t>(page_->files_size())) return absl::InvalidArgumentError("page_token does not belong to this list");
      if (page_->next_page_token().empty()) {
        next_ = {.page_token = "", .skip = 0, .ended = true};
      } else {
        next_ = {.page_token = page_->next_page_token(), .skip = 0, .ended = false};
      }
    }
  }

  absl::Status Join() {
    ASSIGN_OR_RETURN(const v1::FileEntry* first, Peek());
    if (first == nullptr) return absl::OkStatus();
    current_at_ = next_;
    current_ = *first;
    ++next_.skip;
    while (true) {
      ASSIGN_OR_RETURN(const v1::FileEntry* more, Peek());
      if (more == nullptr || more->chunks_before() == 0 || more->path() != current_->path()) return absl::OkStatus();
      if (current_->chunks_size() > kChunksMax - more->chunks_size()) {
        return absl::ResourceExhaustedError(StrCat("file ", current_->path(), " has more chunks than are compared"));
      }
      current_->mutable_chunks()->MergeFrom(more->chunks());
      ++next_.skip;
    }
  }

  const DiffSource& source_;
  Position next_;
  Position current_at_;
  std::optional<v1::FileEntry> current_;
  std::optional<v1::ListFilesResponse> page_;
  std::string loaded_token_;
};

std::string Encode(const FileCursor::Position& position) {
  return StrCat(position.ended ? "1" : "0", ":", position.skip, ":", position.page_token);
}

absl::StatusOr<FileCursor::Position> DecodeOne(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 2));
  FileCursor::Position position;
  if (parts.size() != 3 || (parts[0] != "0" && parts[0] != "1") || !absl::SimpleAtoi(parts[1], &position.skip) ||
      position.skip > 1'000'000'000) {
    return absl::InvalidArgumentError("page_token does not belong to this list");
  }
  position.ended = parts[0] == "1";
  position.page_token = parts[2];
  return position;
}

absl::StatusOr<std::pair<FileCursor::Position, FileCursor::Position>> Decode(const std::string& token) {
  if (token.empty()) return std::pair<FileCursor::Position, FileCursor::Position>();
  const std::vector<std::string> parts = absl::StrSplit(token, '|');
  if (parts.size() != 2) return absl::InvalidArgumentError("page_token does not belong to this list");
  std::pair<FileCursor::Position, FileCursor::Position> positions;
  ASSIGN_OR_RETURN(positions.first, DecodeOne(parts[0]));
  ASSIGN_OR_RETURN(positions.second, DecodeOne(parts[1]));
  return positions;
}

std::string DigestText(const std::string& raw) { return raw.size() == 32 ? Digest::FromRaw(raw).text() : std::string(); }

void Describe(const v1::FileEntry* before, const v1::FileEntry* after, v1::FileChange& change) {
  change.set_change(before == nullptr ? v1::CHANGE_KIND_ADDED : (after == nullptr ? v1::CHANGE_KIND_REMOVED : v1::CHANGE_KIND_CHANGED));
  change.set_path((before == nullptr ? after : before)->path());
  if (before != nullptr) {
    change.set_size_before(before->size_bytes());
    change.set_digest_before(DigestText(before->digest()));
  }
  if (after != nullptr) {
    change.set_size_after(after->size_bytes());
    change.set_digest_after(DigestText(after->digest()));
  }
}

}  // namespace

absl::StatusOr<v1::DiffSnapshotsResponse> DiffPage(const DiffSource& before, const DiffSource& after, const DiffWish& wish,
                                                   const DiffLimits& limits) {
  ASSIGN_OR_RETURN(auto positions, Decode(wish.page_token));
  FileCursor old_files(before, std::move(positions.first));
  FileCursor new_files(after, std::move(positions.second));
  v1::DiffSnapshotsResponse response;
  size_t answer_bytes = 0;
  for (size_t passed = 0;; ++passed) {
    ASSIGN_OR_RETURN(const v1::FileEntry* old_file, old_files.Current());
    ASSIGN_OR_RETURN(const v1::FileEntry* new_file, new_files.Current());
    if (old_file == nullptr && new_file == nullptr) return response;
    const bool full = passed >= limits.passed_max || static_cast<size_t>(response.files_size()) >= limits.files_max ||
                      response.bytes_read() >= limits.page_bytes_max || answer_bytes >= limits.answer_bytes_max;
    if (full) {
      response.set_next_page_token(StrCat(Encode(old_files.position()), "|", Encode(new_files.position())));
      return response;
    }
    // The smaller path is on one side only; where both have it, both go on.
    const bool take_old = old_file != nullptr && (new_file == nullptr || old_file->path() <= new_file->path());
    const bool take_new = new_file != nullptr && (old_file == nullptr || new_file->path() <= old_file->path());
    if (take_old && take_new && old_file->digest() == new_file->digest() && old_file->size_bytes() == new_file->size_bytes()) {
      response.set_files_unchanged(response.files_unchanged() + 1);
    } else {
      v1::FileChange& change = *response.add_files();
      Describe(take_old ? old_file : nullptr, take_new ? new_file : nullptr, change);
      if (!wish.files_only) {
        ReadBudget budget{.bytes_left = limits.file_bytes_max};
        std::optional<RangedFile> old_ranges, new_ranges;
        if (take_old) old_ranges.emplace(before, *old_file, budget);
        if (take_new) new_ranges.emplace(after, *new_file, budget);
        LookInside(old_ranges ? &*old_ranges : nullptr, new_ranges ? &*new_ranges : nullptr, limits, change);
        response.set_bytes_read(response.bytes_read() + budget.bytes_read);
      }
      answer_bytes += change.ByteSizeLong();
    }
    if (take_old) old_files.Advance();
    if (take_new) new_files.Advance();
  }
}

}  // namespace firebreak
