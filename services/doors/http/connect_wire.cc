#include <cstdint>

#include "absl/strings/numbers.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/doors/code_names.h"
#include "services/doors/http/connect.h"

namespace firebreak {

std::string ConnectErrorJson(const absl::Status& status) {
  return StrCat("{\"code\":", QuoteJson(ConnectCodeName(status.code())), ",\"message\":", QuoteJson(MessageOf(status)),
                "}");
}

HttpReply ConnectError(const absl::Status& status) {
  HttpReply reply;
  reply.status = HttpStatusOf(status.code());
  reply.body = ConnectErrorJson(status);
  if (absl::IsUnauthenticated(status)) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

std::string Envelope(char flags, std::string_view payload) {
  std::string out(1, flags);
  uint32_t size = static_cast<uint32_t>(payload.size());
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((size >> shift) & 0xff));
  out.append(payload);
  return out;
}

absl::StatusOr<std::string> OpenEnvelope(std::string_view body) {
  if (body.empty()) return absl::UnimplementedError("a stream request carries exactly one message, this one none");
  if (body.size() < 5) return absl::InvalidArgumentError("stream request: envelope is cut off");
  if ((body[0] & 1) != 0) return absl::InternalError("stream request: message is compressed but no encoding was named");
  uint32_t size = 0;
  for (size_t i = 1; i < 5; ++i) size = (size << 8) | static_cast<unsigned char>(body[i]);
  if (body.size() - 5 < size) return absl::InvalidArgumentError("stream request: envelope is cut off");
  if (body.size() - 5 > size)
    return absl::UnimplementedError("a stream request carries exactly one message, this one more");
  return std::string(body.substr(5));
}

absl::StatusOr<absl::Duration> ParseConnectTimeout(std::string_view text) {
  if (text.empty()) return absl::InfiniteDuration();
  int64_t milliseconds = 0;
  bool digits = text.size() <= 10;
  for (char c : text) digits = digits && c >= '0' && c <= '9';
  if (!digits || !absl::SimpleAtoi(ToAbsl(text), &milliseconds)) {
    return absl::InvalidArgumentError("Connect-Timeout-Ms: at most ten digits");
  }
  return absl::Milliseconds(milliseconds);
}

}  // namespace firebreak
