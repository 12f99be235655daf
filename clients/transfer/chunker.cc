#include "clients/transfer/chunker.h"

#include <algorithm>
#include <array>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {
namespace {

constexpr size_t kKiB = 1024;
// Neighbouring tensors smaller than this share a chunk: a row for each bias would cost more than it finds.
constexpr size_t kTensorsTogether = 64 * kKiB;
constexpr size_t kReadAhead = size_t{2} << 20;

constexpr std::string_view kBlockSuffixes[] = {".bin",  ".pt",     ".pth",  ".ckpt", ".onnx",    ".gguf", ".ggml",        ".npy",
                                               ".h5",   ".hdf5",   ".keras", ".tflite", ".pb",   ".pkl",  ".joblib",      ".weights",
                                               ".data", ".params", ".model", ".msgpack", ".safetensors"};

const std::array<uint64_t, 256>& Gear() {
  static const std::array<uint64_t, 256> kGear = [] {
    std::array<uint64_t, 256> gear{};
    for (size_t i = 0; i < gear.size(); ++i) {
      std::string text = "firebreak-gear-v1";
      text.push_back(static_cast<char>(i));
      gear[i] = FromBigEndian64(std::string_view(Sha256(text).raw()).substr(0, 8));
    }
    return gear;
  }();
  return kGear;
}

// The `bits` highest bits: in a gear hash those that most bytes had a part in.
uint64_t UpperBits(int bits) { return ~uint64_t{0} << (64 - bits); }

int Log2(size_t power) {
  int bits = 0;
  while ((size_t{1} << bits) < power) ++bits;
  return bits;
}

bool LooksLikeText(std::string_view head) {
  if (head.empty()) return false;
  size_t odd = 0;
  for (const char c : head) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return false;
    const bool space = byte == '\t' || byte == '\n' || byte == '\r';
    if ((byte < 0x20 && !space) || byte == 0x7f) ++odd;
  }
  // A file may be cut inside a character, and some exports are Latin-1: what counts is that control bytes are rare.
  const auto high = static_cast<size_t>(std::count_if(head.begin(), head.end(), [](char c) { return (c & 0x80) != 0; }));
  return odd * 50 < head.size() && high * 2 < head.size();
}

bool EndsWith(std::string_view path, std::string_view suffix) {
  if (path.size() < suffix.size()) return false;
  return std::equal(suffix.begin(), suffix.end(), path.end() - static_cast<std::ptrdiff_t>(suffix.size()),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
}

// Reads the number at `at` and moves on; false when there is none.
bool TakeNumber(std::string_view text, size_t& at, uint64_t& number) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '[' || text[at] == ',' || text[at] == ':')) ++at;
  const size_t begin = at;
  number = 0;
  for (; at < text.size() && at - begin < 18 && text[at] >= '0' && text[at] <= '9'; ++at) {
    number = number * 10 + static_cast<uint64_t>(text[at] - '0');
  }
  return at > begin;
}

}  // namespace

std::vector<uint64_t> TensorBoundaries(uint64_t size_bytes, std::string_view header) {
  // Found by the word alone: a name that holds it makes cuts in odd places, and cuts are never wrong, only less useful.
  constexpr std::string_view kWord = "\"data_offsets\"";
  const uint64_t data = 8 + header.size();
  std::vector<uint64_t> boundaries = {data};
  for (size_t at = header.find(kWord); at != std::string_view::npos; at = header.find(kWord, at)) {
    at += kWord.size();
    for (int i = 0; i < 2; ++i) {
      uint64_t number = 0;
      if (TakeNumber(header, at, number) && data + number < size_bytes) boundaries.push_back(data + number);
    }
  }
  std::sort(boundaries.begin(), boundaries.end());
  boundaries.erase(std::unique(boundaries.begin(), boundaries.end()), boundaries.end());
  return boundaries.size() > 1 ? boundaries : std::vector<uint64_t>();
}

Chunker::Way Chunker::Choose(std::string_view path, uint64_t size_bytes, std::string_view head) {
  if (EndsWith(path, ".safetensors") && head.size() > 8) {
    // The header's length is little-endian.
    const uint64_t header = FromBigEndian64(std::string(head.rend() - 8, head.rend()));
    if (header <= kTensorHeaderBytesMax && header + 8 < size_bytes && head[8] == '{') return Way::kTensors;
  }
  if (LooksLikeText(head)) return Way::kText;
  const bool blocks = std::any_of(std::begin(kBlockSuffixes), std::end(kBlockSuffixes),
                                  [&](std::string_view suffix) { return EndsWith(path, suffix); });
  return blocks ? Way::kBlocks : Way::kOther;
}

Chunker::Chunker(Way way, std::vector<uint64_t> tensors) : way_(way), tensors_(std::move(tensors)) {
  if (way == Way::kTensors || way == Way::kBlocks) {
    size_max_ = kChunkBytesDefault;
    return;
  }
  size_middle_ = way == Way::kText ? 16 * kKiB : 128 * kKiB;
  size_min_ = way == Way::kText ? size_middle_ / 2 : size_middle_ / 4;
  size_max_ = size_middle_ * 4;
  mask_before_ = UpperBits(Log2(size_middle_) + 2);
  mask_after_ = UpperBits(Log2(size_middle_) - 2);
}

size_t Chunker::CutTensors(size_t window_bytes) {
  while (next_tensor_ < tensors_.size() && tensors_[next_tensor_] <= offset_) ++next_tensor_;
  // To the first boundary that makes a chunk of some size; where the next lies too far, to the last one before it, so that a
  // large tensor begins a chunk; inside it, a block.
  size_t cut = 0;
  for (size_t i = next_tensor_; i < tensors_.size() && tensors_[i] - offset_ <= window_bytes; ++i) {
    cut = static_cast<size_t>(tensors_[i] - offset_);
    if (cut >= kTensorsTogether) break;
  }
  if (cut == 0) cut = std::min(window_bytes, size_max_);
  offset_ += cut;
  return cut;
}

size_t Chunker::CutByContent(std::string_view window) const {
  if (window.size() <= size_min_) return window.size();
  const std::array<uint64_t, 256>& gear = Gear();
  const size_t end = std::min(window.size(), size_max_);
  const size_t middle = std::min(end, size_middle_);
  uint64_t hash = 0;
  size_t i = size_min_;
  for (; i < middle; ++i) {
    hash = (hash << 1) + gear[static_cast<unsigned char>(window[i])];
    if ((hash & mask_before_) == 0) return i + 1;
  }
  for (; i < end; ++i) {
    hash = (hash << 1) + gear[static_cast<unsigned char>(window[i])];
    if ((hash & mask_after_) == 0) return i + 1;
  }
  return end;
}

size_t Chunker::Cut(std::string_view window) {
  switch (way_) {
    case Way::kTensors: return CutTensors(window.size());
    case Way::kBlocks: return std::min(window.size(), size_max_);
    case Way::kText:
    case Way::kOther: break;
  }
  return CutByContent(window);
}

absl::StatusOr<Chunker> ChunkReader::MakeChunker(const ScannedFile& file) {
  // One chunk whatever the way: the commonest file of all, a small one, is not looked at twice.
  if (file.size_bytes <= 8 * kKiB) return Chunker(Chunker::Way::kBlocks);
  ASSIGN_OR_RETURN(std::string head, reader_.Peek(0, Chunker::kHeadBytes));
  const Chunker::Way way = Chunker::Choose(file.path, file.size_bytes, head);
  if (way != Chunker::Way::kTensors) return Chunker(way);
  const uint64_t bytes = FromBigEndian64(std::string(head.rend() - 8, head.rend()));
  ASSIGN_OR_RETURN(std::string header, reader_.Peek(8, static_cast<size_t>(bytes)));
  return Chunker(way, TensorBoundaries(file.size_bytes, header));
}

absl::Status ChunkReader::Open(const std::filesystem::path& root, const ScannedFile& file) {
  RETURN_IF_ERROR(reader_.Open(root, file));
  ASSIGN_OR_RETURN(chunker_, MakeChunker(file));
  begin_ = 0;
  end_ = 0;
  unread_ = file.size_bytes;
  return absl::OkStatus();
}

absl::Status ChunkReader::ReadAll(char* to, size_t bytes) {
  ASSIGN_OR_RETURN(const size_t got, reader_.Read(to, bytes));
  unread_ -= got;
  if (got == bytes) return absl::OkStatus();
  RETURN_IF_ERROR(reader_.CheckUnchanged());
  return absl::DataLossError("a file ended before its size");
}

absl::StatusOr<bool> ChunkReader::Next(std::string& chunk) {
  const size_t window_max = chunker_.window_bytes();
  size_t have = end_ - begin_;
  if (have == 0 && unread_ == 0) {
    RETURN_IF_ERROR(reader_.CheckUnchanged());
    return false;
  }
  if (have == 0 && chunker_.is_blocks()) {
    // Straight into place; a string that had this size before is not cleared again.
    chunk.resize(static_cast<size_t>(std::min<uint64_t>(unread_, window_max)));
    RETURN_IF_ERROR(ReadAll(chunk.data(), chunk.size()));
    return true;
  }
  if (have < window_max && unread_ > 0) {
    if (ahead_.empty()) ahead_.resize(kReadAhead);
    std::copy(ahead_.begin() + static_cast<std::ptrdiff_t>(begin_), ahead_.begin() + static_cast<std::ptrdiff_t>(end_), ahead_.begin());
    begin_ = 0;
    end_ = have;
    const auto more = static_cast<size_t>(std::min<uint64_t>(unread_, ahead_.size() - end_));
    RETURN_IF_ERROR(ReadAll(ahead_.data() + end_, more));
    end_ += more;
    have += more;
  }
  const std::string_view window = std::string_view(ahead_).substr(begin_, std::min(have, window_max));
  const size_t cut = chunker_.Cut(window);
  chunk.assign(window.substr(0, cut));
  begin_ += cut;
  return true;
}

}  // namespace firebreak
