// The payload of a bundle, decoded from where it lies, piece by piece. Private to this folder.
#ifndef FIREBREAK_SERVICES_SIGNING_OMS_PAYLOAD_H_
#define FIREBREAK_SERVICES_SIGNING_OMS_PAYLOAD_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/base/base64_reader.h"
#include "firebreak/base/byte_source.h"
#include "firebreak/base/json_stream.h"

namespace firebreak::oms {

// A text that can be gone through more than once. Not thread-safe.
class Pieces {
 public:
  virtual ~Pieces() = default;
  virtual void Restart() = 0;
  // Empty at the end. Valid until the next call.
  virtual absl::StatusOr<std::string_view> Next() = 0;
};

// What the base64 in a JSON text says. `source` outlives it.
class PayloadPieces final : public Pieces {
 public:
  PayloadPieces(ByteSource& source, JsonPlace place) : source_(source), place_(place) { Restart(); }

  void Restart() override;
  // kInvalidArgument when it is not base64, or of both alphabets; said at the latest at its end.
  absl::StatusOr<std::string_view> Next() override;

 private:
  absl::Status Undo(std::string_view text);

  ByteSource& source_;
  const JsonPlace place_;
  uint64_t at_ = 0;
  std::string escape_;    // begun in the last piece
  std::string plain_;     // without escapes
  std::string decoded_;
  Base64Reader reader_;
};

}  // namespace firebreak::oms

#endif  // FIREBREAK_SERVICES_SIGNING_OMS_PAYLOAD_H_
