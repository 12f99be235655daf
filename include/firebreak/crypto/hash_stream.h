// A hash over bytes that come in pieces, where the algorithm is chosen at run time.
#ifndef FIREBREAK_CRYPTO_HASH_STREAM_H_
#define FIREBREAK_CRYPTO_HASH_STREAM_H_

#include <memory>
#include <string>
#include <string_view>

namespace firebreak {

enum class HashAlgorithm { kSha256, kSha384, kSha512, kBlake2b512 };

// Not thread-safe; reusable after Finish.
class HashStream {
 public:
  explicit HashStream(HashAlgorithm algorithm);
  ~HashStream();
  HashStream(HashStream&&) noexcept;
  HashStream& operator=(HashStream&&) noexcept;

  void Update(std::string_view bytes);
  std::string Finish();   // raw, 32, 48 or 64 bytes; and starts over

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_HASH_STREAM_H_
