#include "services/doors/http/connect.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"

namespace firebreak {
namespace {

constexpr size_t kJsonValuesMax = size_t{1} << 18;  // a page of a manifest has fewer; ten times as many fill the memory

struct ContentType {
  ConnectCodec codec;
  bool streams;
};

std::optional<ContentType> ParseContentType(std::string_view text) {
  std::string type = absl::AsciiStrToLower(absl::StripAsciiWhitespace(ToAbsl(text.substr(0, text.find(';')))));
  if (type == "application/json") return ContentType{ConnectCodec::kJson, false};
  if (type == "application/proto") return ContentType{ConnectCodec::kProto, false};
  if (type == "application/connect+json") return ContentType{ConnectCodec::kJson, true};
  if (type == "application/connect+proto") return ContentType{ConnectCodec::kProto, true};
  return std::nullopt;
}

std::string Encode(const google::protobuf::Message& message, ConnectCodec codec) {
  return codec == ConnectCodec::kJson ? MessageToJson(message) : message.SerializeAsString();
}

FrontDesk::RequestReader ReaderOf(std::string bytes, const Method& method, ConnectCodec codec) {
  auto shared = std::make_shared<const std::string>(std::move(bytes));
  return [shared, &method, codec](google::protobuf::Message& message) -> absl::Status {
    if (codec == ConnectCodec::kJson) {
      if (shared->empty())
        return absl::InvalidArgumentError("body is empty, not a JSON object (an empty request is {})");
      return Annotate(
          JsonToMessage(*shared, message,
                        {.size_bytes_max = method.limits.request_bytes_max, .values_max = kJsonValuesMax}),
          method.name);
    }
    if (!message.ParseFromString(*shared)) {
      return absl::InvalidArgumentError(StrCat("body is not a ", message.GetDescriptor()->full_name()));
    }
    return absl::OkStatus();
  };
}

// A stream's messages as envelopes. Thread-safe.
class EnvelopeSink final : public MessageSink {
 public:
  EnvelopeSink(std::shared_ptr<HttpResponder> responder, ConnectCodec codec)
      : responder_(std::move(responder)), codec_(codec) {}

  bool Send(const google::protobuf::Message& message) override {
    HttpResponder::Written written = responder_->Write(Envelope(0, Encode(message, codec_)));
    if (written == HttpResponder::Written::kFull) {
      Close(absl::ResourceExhaustedError(StrCat("reader is ", HttpResponder::kPiecesMax,
                                                " messages behind (next: resume after the last one received)")));
    }
    return written == HttpResponder::Written::kYes;
  }
  void Close(absl::Status status) override {
    std::string end = status.ok() ? "{}" : StrCat("{\"error\":", ConnectErrorJson(status), "}");
    responder_->End(Envelope(2, end), status.ok() ? HttpResponder::Waiting::kFlush : HttpResponder::Waiting::kDrop);
  }

 private:
  const std::shared_ptr<HttpResponder> responder_;
  const ConnectCodec codec_;
};

// The subscription and whether the client left, whichever comes first.
struct Seat {
  absl::Mutex mutex;
  std::unique_ptr<Subscription> subscription ABSL_GUARDED_BY(mutex);
  bool left ABSL_GUARDED_BY(mutex) = false;
};

void ServeStream(FrontDesk& desk, const Method& method, ConnectCodec codec, HttpCall call,
                 std::shared_ptr<HttpResponder> responder) {
  Credentials credentials{call.authorization, AgentName(), call.peer};
  auto sink = std::make_shared<EnvelopeSink>(responder, codec);
  auto seat = std::make_shared<Seat>();
  responder->Begin(codec == ConnectCodec::kJson ? "application/connect+json" : "application/connect+proto", [seat] {
    std::unique_ptr<Subscription> leaving;  // destroyed without the lock
    absl::MutexLock lock(&seat->mutex);
    seat->left = true;
    leaving = std::move(seat->subscription);
  });
  absl::StatusOr<std::string> request = OpenEnvelope(call.body);
  if (!request.ok()) {
    desk.CountRefused(method, "http", credentials, request.status());
    return sink->Close(request.status());
  }
  desk.OpenStream(method, "http", std::move(credentials), ReaderOf(*std::move(request), method, codec), sink,
                  [sink, seat](absl::StatusOr<std::unique_ptr<Subscription>> opened) {
                    if (!opened.ok()) return sink->Close(opened.status());
                    std::unique_ptr<Subscription> too_late;
                    absl::MutexLock lock(&seat->mutex);
                    (seat->left ? too_late : seat->subscription) = *std::move(opened);
                  });
}

void ServeUnary(FrontDesk& desk, const Method& method, ConnectCodec codec, HttpCall call,
                std::shared_ptr<HttpResponder> responder) {
  Credentials credentials{call.authorization, AgentName(), call.peer};
  absl::StatusOr<absl::Duration> timeout = ParseConnectTimeout(call.connect_timeout);
  if (!timeout.ok()) {
    desk.CountRefused(method, "http", credentials, timeout.status());
    return responder->Reply(ConnectError(timeout.status()));
  }
  absl::Time deadline = absl::InfiniteFuture();
  if (*timeout != absl::InfiniteDuration()) {
    deadline = desk.clock().Now() + *timeout;
    responder->ReplyAfter(*timeout,
                          ConnectError(absl::DeadlineExceededError(StrCat(method.name, ": no answer in time"))));
  }
  desk.CallUnary(method, "http", std::move(credentials), deadline, ReaderOf(std::move(call.body), method, codec),
                 [responder, codec](absl::StatusOr<MessagePtr> answer) {
                   if (!answer.ok()) return responder->Reply(ConnectError(answer.status()));
                   HttpReply reply;
                   reply.content_type = codec == ConnectCodec::kJson ? "application/json" : "application/proto";
                   reply.body = Encode(**answer, codec);
                   responder->Reply(std::move(reply));
                 });
}

}  // namespace

void ServeConnect(FrontDesk& desk, const Method& method, HttpCall call, std::shared_ptr<HttpResponder> responder) {
  if (call.verb != "POST") {
    HttpReply reply;
    reply.status = 405;
    reply.headers.emplace_back("Allow", "POST");
    return responder->Reply(std::move(reply));
  }
  bool streams = static_cast<bool>(method.stream);
  std::optional<ContentType> type = ParseContentType(call.content_type);
  if (!type || type->streams != streams) {
    HttpReply reply;
    reply.status = 415;
    reply.headers.emplace_back("Accept-Post", streams ? "application/connect+json, application/connect+proto"
                                                      : "application/json, application/proto");
    return responder->Reply(std::move(reply));
  }
  absl::Status refused;
  if (!call.connect_version.empty() && call.connect_version != "1") {
    refused =
        absl::InvalidArgumentError(StrCat("Connect-Protocol-Version: ", call.connect_version, " is not known, 1 is"));
  }
  const std::string& encoding = streams ? call.connect_encoding : call.content_encoding;
  if (!encoding.empty() && encoding != "identity") {
    refused = absl::UnimplementedError(StrCat("encoding ", encoding, " is not known (next: send it uncompressed)"));
  }
  if (!refused.ok()) {
    desk.CountRefused(method, "http", {call.authorization, AgentName(), call.peer}, refused);
    return responder->Reply(ConnectError(refused));
  }
  if (streams) return ServeStream(desk, method, type->codec, std::move(call), std::move(responder));
  ServeUnary(desk, method, type->codec, std::move(call), std::move(responder));
}

}  // namespace firebreak
