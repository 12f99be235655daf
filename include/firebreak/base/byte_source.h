// Bytes that can be read as often as needed without anybody holding all of them: a text, a file, chunks of a store.
#ifndef FIREBREAK_BASE_BYTE_SOURCE_H_
#define FIREBREAK_BASE_BYTE_SOURCE_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace firebreak {

// Not thread-safe. The bytes are the same at every reading.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size_bytes() const = 0;
  // What stands from `offset` on, as much of it as comes easily; empty at the end, and only there. Valid until the next call.
  virtual absl::StatusOr<std::string_view> Read(uint64_t offset) = 0;
};

// A text that somebody else holds.
class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string_view text, size_t piece_bytes_max = std::numeric_limits<size_t>::max())
      : text_(text), piece_bytes_max_(piece_bytes_max) {}
  uint64_t size_bytes() const override { return text_.size(); }
  absl::StatusOr<std::string_view> Read(uint64_t offset) override {
    return offset >= text_.size() ? std::string_view() : text_.substr(static_cast<size_t>(offset), piece_bytes_max_);
  }

 private:
  const std::string_view text_;
  const size_t piece_bytes_max_;
};

// A text of its own.
class HeldText final : public ByteSource {
 public:
  explicit HeldText(std::string text) : text_(std::move(text)), source_(text_) {}
  HeldText(const HeldText&) = delete;
  HeldText& operator=(const HeldText&) = delete;
  uint64_t size_bytes() const override { return source_.size_bytes(); }
  absl::StatusOr<std::string_view> Read(uint64_t offset) override { return source_.Read(offset); }

 private:
  const std::string text_;
  TextSource source_;
};

}  // namespace firebreak

#endif  // FIREBREAK_BASE_BYTE_SOURCE_H_
