// HTTP/1.1 as text: heads of answers and chunks (RFC 9112). Pure.
#ifndef FIREBREAK_SERVICES_DOORS_HTTP_REPLY_TEXT_H_
#define FIREBREAK_SERVICES_DOORS_HTTP_REPLY_TEXT_H_

#include <string>
#include <string_view>

#include "firebreak/doors/http_door.h"

namespace firebreak {

std::string_view ReasonPhrase(int status);

// Status line and headers, Content-Length of the body included.
std::string HeadText(const HttpReply& reply, bool keep_alive);
// The same for status 200 and a chunked body after which the connection closes.
std::string StreamHeadText(std::string_view content_type);
// One chunk; nothing for an empty piece, which would mean the end.
std::string ChunkText(std::string_view piece);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_HTTP_REPLY_TEXT_H_
