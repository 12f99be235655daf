#include "services/doors/http/reply_text.h"

#include "absl/strings/str_format.h"
#include "firebreak/base/text.h"

namespace firebreak {

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

std::string HeadText(const HttpReply& reply, bool keep_alive) {
  std::string head = StrCat("HTTP/1.1 ", reply.status, " ", ReasonPhrase(reply.status),
                            "\r\nContent-Length: ", reply.body.size(), "\r\n");
  if (!reply.body.empty())
    StrAppend(&head, "Content-Type: ", reply.content_type, "\r\nX-Content-Type-Options: nosniff\r\n");
  for (const auto& [name, value] : reply.headers) StrAppend(&head, name, ": ", value, "\r\n");
  StrAppend(&head, keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
  return head;
}

std::string StreamHeadText(std::string_view content_type) {
  return StrCat("HTTP/1.1 200 OK\r\nContent-Type: ", content_type,
                "\r\nTransfer-Encoding: chunked\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
}

std::string ChunkText(std::string_view piece) {
  if (piece.empty()) return "";
  return StrCat(absl::StrFormat("%x", piece.size()), "\r\n", piece, "\r\n");
}

}  // namespace firebreak
