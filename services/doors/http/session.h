// Session: one connection, over plain TCP or TLS. Included by server.cc only; everything here runs on the one thread
// of the session's io_context unless it says otherwise.
#ifndef FIREBREAK_SERVICES_DOORS_HTTP_SESSION_H_
#define FIREBREAK_SERVICES_DOORS_HTTP_SESSION_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firebreak/base/text.h"
#include "services/doors/http/exchange.h"
#include "services/doors/http/reply_text.h"

namespace firebreak::http_internal {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;
// One thread runs each io_context, so what happens on it is in order without a strand. Named in full: executors whose type is
// erased cost an allocation and several calls for every operation.
using Executor = net::io_context::executor_type;
using TcpSocket = net::basic_stream_socket<net::ip::tcp, Executor>;
using Timer = net::basic_waitable_timer<std::chrono::steady_clock, net::wait_traits<std::chrono::steady_clock>, Executor>;
using PlainStream = beast::basic_stream<net::ip::tcp, Executor>;
using TlsStream = net::ssl::stream<PlainStream>;

// The peer speaks, but not HTTP; as opposed to being gone.
inline bool IsMalformed(const ErrorCode& error) {
  return error && error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

// What all sessions share; outlives them.
struct SessionShared {
  HttpRoutes& routes;
  const HttpDoorOptions& options;
  std::function<void()> on_end;
};

class AnySession {
 public:
  virtual ~AnySession() = default;
  virtual void Run() = 0;
  // From any thread: finish the answer being written, then close.
  virtual void Leave() = 0;
  // On its thread, or when no IO thread runs any more: lets go of the request being served.
  virtual void Gone() = 0;
};

template <typename Stream>
class Session final : public AnySession, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, std::string peer, SessionShared& shared)
      : stream_(std::move(stream)), timer_(stream_.get_executor()), peer_(std::move(peer)), shared_(shared) {}
  ~Session() override { shared_.on_end(); }

  void Run() override;
  void Leave() override;
  void Gone() override;

 private:
  class Responder;
  // A client that is refused while it sends, and looks for an answer only at the end, sees it if it ends within these.
  static constexpr absl::Duration kDrainTime = absl::Seconds(5);
  static constexpr size_t kDrainBytesMax = size_t{64} << 20;
  static constexpr size_t kBodyReadBytes = size_t{32} << 10;
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  auto Self() { return this->shared_from_this(); }
  PlainStream& socket() { return beast::get_lowest_layer(stream_); }
  void Expire(absl::Duration after) { socket().expires_after(absl::ToChronoNanoseconds(after)); }

  void AwaitRequest();
  void ReadHeader();
  // Feeds the parser from what has been read already; true when it got as far as it was to.
  bool ParseBuffered(ErrorCode& error);
  void OnHeader(ErrorCode error);
  void ContinueThenReadBody();
  void ReadBody();
  void OnBody(ErrorCode error);
  void Serve();
  void Refuse(int status, std::string_view why);
  void Answer(HttpReply reply);
  void WriteAll(std::function<void()> then);

  // Streaming.
  void Begin(std::string content_type, std::function<void()> gone);
  void AwaitHangup();
  void WritePieces();
  void Close();
  void Drain(size_t bytes_left);

  Stream stream_;
  Timer timer_;
  const std::string peer_;
  SessionShared& shared_;
  beast::flat_buffer buffer_{size_t{64} << 10};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::shared_ptr<Responder> current_;  // of the request being served
  std::string head_, body_;             // being written
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool idle_ = true;
  bool leaving_ = false;
  bool writing_ = false;
  char hangup_byte_ = 0;
  std::function<void()> gone_;
};

// Hands what other threads say to the session's thread; forgets it when the request is over.
template <typename Stream>
class Session<Stream>::Responder final : public HttpResponder, public std::enable_shared_from_this<Responder> {
 public:
  explicit Responder(std::shared_ptr<Session> session) : session_(std::move(session)) {}

  void Reply(HttpReply reply) override {
    if (answered_.exchange(true)) return;
    net::dispatch(session_->stream_.get_executor(),
                  [self = this->shared_from_this(), reply = std::move(reply)]() mutable {
                    self->session_->Answer(std::move(reply));
                  });
  }
  void ReplyAfter(absl::Duration timeout, HttpReply reply) override {
    session_->timer_.expires_after(absl::ToChronoNanoseconds(timeout));
    session_->timer_.async_wait([self = this->shared_from_this(), reply = std::move(reply)](ErrorCode error) mutable {
      if (!error) self->Reply(std::move(reply));
    });
  }
  void Begin(std::string content_type, std::function<void()> gone) override {
    if (answered_.exchange(true)) return;
    net::dispatch(session_->stream_.get_executor(),
                  [self = this->shared_from_this(), type = std::move(content_type), gone = std::move(gone)]() mutable {
                    self->session_->Begin(std::move(type), std::move(gone));
                  });
  }
  Written Write(std::string piece) override {
    {
      absl::MutexLock lock(&mutex_);
      if (over_ || ending_) return Written::kOver;
      if (pieces_.size() >= kPiecesMax) return Written::kFull;
      pieces_.push_back(ChunkText(piece));
    }
    Wake();
    return Written::kYes;
  }
  void End(std::string last_piece, Waiting waiting) override {
    {
      absl::MutexLock lock(&mutex_);
      if (over_ || ending_) return;
      if (waiting == Waiting::kDrop) pieces_.clear();
      pieces_.push_back(ChunkText(last_piece) + std::string(kLastChunk));
      ending_ = true;
    }
    Wake();
  }

  // For the session.
  std::optional<std::string> TakePiece() {
    absl::MutexLock lock(&mutex_);
    if (pieces_.empty()) return std::nullopt;
    std::string piece = std::move(pieces_.front());
    pieces_.pop_front();
    return piece;
  }
  bool Drained() {
    absl::MutexLock lock(&mutex_);
    return ending_ && pieces_.empty();
  }
  void SetOver() {
    absl::MutexLock lock(&mutex_);
    over_ = true;
    pieces_.clear();
  }

 private:
  void Wake() {
    net::post(session_->stream_.get_executor(), [self = this->shared_from_this()] {
      if (self->session_->current_ == self) self->session_->WritePieces();
    });
  }

  const std::shared_ptr<Session> session_;
  std::atomic<bool> answered_{false};
  absl::Mutex mutex_;
  std::deque<std::string> pieces_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

template <typename Stream>
void Session<Stream>::Run() {
  net::dispatch(stream_.get_executor(), [self = Self()] {
    if constexpr (kTls) {
      self->Expire(self->shared_.options.handshake_timeout);
      self->stream_.async_handshake(net::ssl::stream_base::server, [self](ErrorCode error) {
        if (!error) self->AwaitRequest();
      });
    } else {
      self->AwaitRequest();
    }
  });
}

template <typename Stream>
void Session<Stream>::Gone() {
  timer_.cancel();
  if (current_) current_->SetOver();
  if (auto gone = std::exchange(gone_, nullptr)) gone();
  current_.reset();  // it holds this session: every way out comes by here
}

template <typename Stream>
void Session<Stream>::Leave() {
  net::dispatch(stream_.get_executor(), [self = Self()] {
    self->leaving_ = true;
    if (self->idle_ || self->gone_) self->socket().close();  // streams end here: their clients resume elsewhere
  });
}

// Waits, long, for the first byte of the next request; then its header has little time, however slowly it comes.
template <typename Stream>
void Session<Stream>::AwaitRequest() {
  current_.reset();
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(shared_.options.header_bytes_max));
  idle_ = true;
  if (leaving_) return Close();
  if (buffer_.size() > 0) return ReadHeader();
  Expire(shared_.options.idle_timeout);
  stream_.async_read_some(buffer_.prepare(4096), [self = Self()](ErrorCode error, size_t bytes) {
    if (error) return;
    self->buffer_.commit(bytes);
    self->ReadHeader();
  });
}

template <typename Stream>
void Session<Stream>::ReadHeader() {
  idle_ = false;
  Expire(shared_.options.header_timeout);
  // Decided once the path is known. Not boost::none, which Beast 1.74 takes for smaller than any Content-Length.
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
  // Most requests have arrived whole by now: no need to go back to the reactor for each of their parts.
  ErrorCode error;
  if (ParseBuffered(error)) return OnHeader(error);
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = Self()](ErrorCode failed, size_t) { self->OnHeader(failed); });
}

template <typename Stream>
bool Session<Stream>::ParseBuffered(ErrorCode& error) {
  const size_t used = parser_->put(buffer_.data(), error);
  buffer_.consume(used);
  if (error != http::error::need_more) return true;
  error = {};
  return false;
}

template <typename Stream>
void Session<Stream>::OnHeader(ErrorCode error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return Refuse(431, "request header is too large");
  if (IsMalformed(error)) return Refuse(400, "not an HTTP/1.1 request");
  if (error) return;
  const auto& request = parser_->get();
  keep_alive_ = request.keep_alive();
  head_only_ = request.method() == http::verb::head;
  std::string target(request.target());
  size_t bytes_max = shared_.routes.BodyBytesMax(target.substr(0, target.find('?')));
  auto length = parser_->content_length();
  if (length && *length > bytes_max) {
    return Refuse(413, StrCat("body of ", static_cast<uint64_t>(*length), " bytes, at most ", bytes_max));
  }
  parser_->body_limit(bytes_max);
  if (length ? *length > HttpRoutes::kSmallBodyBytes : parser_->chunked()) {
    HttpCall head;
    head.path = target.substr(0, target.find('?'));
    head.authorization = std::string(request[http::field::authorization]);
    head.peer = peer_;
    if (std::optional<HttpReply> refusal = shared_.routes.RefuseBody(head)) {
      keep_alive_ = false;  // the body is not read
      return Answer(*std::move(refusal));
    }
  }
  if (beast::iequals(request[http::field::expect], "100-continue")) return ContinueThenReadBody();
  ReadBody();
}

template <typename Stream>
void Session<Stream>::ContinueThenReadBody() {
  head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  body_.clear();
  WriteAll([this] { ReadBody(); });
}

template <typename Stream>
void Session<Stream>::ReadBody() {
  if (parser_->is_done()) return Serve();
  parser_->eager(true);
  ErrorCode error;
  if (buffer_.size() > 0 && (ParseBuffered(error), error || parser_->is_done())) return OnBody(error);
  const auto length = parser_->content_length_remaining();
  buffer_.reserve(std::min<std::uint64_t>(length ? *length : kBodyReadBytes, kBodyReadBytes));
  Expire(shared_.options.body_timeout);
  http::async_read(stream_, buffer_, *parser_, [self = Self()](ErrorCode failed, size_t) { self->OnBody(failed); });
}

template <typename Stream>
void Session<Stream>::OnBody(ErrorCode error) {
  if (error == http::error::body_limit) return Refuse(413, "body is too large");
  if (IsMalformed(error)) return Refuse(400, "body is not well-formed");
  if (error) return;
  Serve();
}

template <typename Stream>
void Session<Stream>::Serve() {
  socket().expires_never();
  auto& request = parser_->get();
  HttpCall call;
  auto text = [&](auto name) { return std::string(request[name]); };
  call.verb = std::string(request.method_string());
  std::string target(request.target());
  call.path = target.substr(0, target.find('?'));
  call.content_type = text(http::field::content_type);
  call.content_encoding = text(http::field::content_encoding);
  call.authorization = text(http::field::authorization);
  call.connect_version = text("Connect-Protocol-Version");
  call.connect_timeout = text("Connect-Timeout-Ms");
  call.connect_encoding = text("Connect-Content-Encoding");
  call.idempotency_key = text("Idempotency-Key");
  call.prefer = text("Prefer");
  call.body = std::move(request.body());
  call.peer = peer_;
  current_ = std::make_shared<Responder>(Self());
  shared_.routes.Serve(std::move(call), current_);
}

// Answers without reading on, so the connection cannot be kept.
template <typename Stream>
void Session<Stream>::Refuse(int status, std::string_view why) {
  keep_alive_ = false;
  HttpReply reply;
  reply.status = status;
  reply.content_type = "text/plain; charset=utf-8";
  reply.body = StrCat(why, "\n");
  Answer(std::move(reply));
}

template <typename Stream>
void Session<Stream>::Answer(HttpReply reply) {
  timer_.cancel();
  bool keep = keep_alive_ && !leaving_;
  head_ = HeadText(reply, keep);
  body_ = head_only_ ? std::string() : std::move(reply.body);
  WriteAll([this, keep] {
    if (keep) return AwaitRequest();
    Close();
  });
}

template <typename Stream>
void Session<Stream>::WriteAll(std::function<void()> then) {
  Expire(shared_.options.write_timeout);
  std::array<net::const_buffer, 2> buffers = {net::buffer(head_), net::buffer(body_)};
  net::async_write(stream_, buffers, [self = Self(), then = std::move(then)](ErrorCode error, size_t) {
    if (error) return self->Gone();
    then();
  });
}

template <typename Stream>
void Session<Stream>::Begin(std::string content_type, std::function<void()> gone) {
  timer_.cancel();
  gone_ = std::move(gone);
  if (leaving_) {
    socket().close();
    return Gone();
  }
  keep_alive_ = false;  // a stream's end is its connection's
  socket().expires_never();
  AwaitHangup();
  head_ = StreamHeadText(content_type);
  body_.clear();
  writing_ = true;
  WriteAll([this] {
    writing_ = false;
    WritePieces();
  });
}

// A client of a stream says nothing more: whatever comes is its goodbye.
template <typename Stream>
void Session<Stream>::AwaitHangup() {
  stream_.async_read_some(net::buffer(&hangup_byte_, 1), [self = Self()](ErrorCode, size_t) {
    self->socket().close();
    self->Gone();
  });
}

template <typename Stream>
void Session<Stream>::WritePieces() {
  if (writing_ || !current_ || !gone_) return;
  std::optional<std::string> piece = current_->TakePiece();
  if (!piece) return;
  head_ = *std::move(piece);
  body_.clear();
  writing_ = true;
  Expire(shared_.options.write_timeout);
  net::async_write(stream_, net::buffer(head_), [self = Self()](ErrorCode error, size_t) {
    self->writing_ = false;
    // Closing the socket ends AwaitHangup's read, which says goodbye.
    if (error || (self->current_ && self->current_->Drained())) return self->socket().close();
    self->WritePieces();
  });
}

// Half-closes, then reads what the client is still sending: a reset would take the answer from under its eyes.
template <typename Stream>
void Session<Stream>::Close() {
  Gone();
  ErrorCode ignored;
  socket().socket().shutdown(net::ip::tcp::socket::shutdown_send, ignored);
  Expire(kDrainTime);
  Drain(kDrainBytesMax);
}

template <typename Stream>
void Session<Stream>::Drain(size_t bytes_left) {
  buffer_.clear();
  socket().async_read_some(buffer_.prepare(kBodyReadBytes), [self = Self(), bytes_left](ErrorCode error, size_t bytes) {
    if (error || bytes >= bytes_left) return self->socket().close();
    self->Drain(bytes_left - bytes);
  });
}

}  // namespace firebreak::http_internal

#endif  // FIREBREAK_SERVICES_DOORS_HTTP_SESSION_H_
