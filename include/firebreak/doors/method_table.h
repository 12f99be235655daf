// MethodTable: every RPC of firebreak.v1, registered once with the permission it needs and the plain handler that
// answers it. Both doors serve this table by name; neither knows a service.
#ifndef FIREBREAK_DOORS_METHOD_TABLE_H_
#define FIREBREAK_DOORS_METHOD_TABLE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/access/permissions.h"
#include "firebreak/base/stream.h"
#include "firebreak/doors/worker_pool.h"
#include "google/protobuf/message.h"

namespace firebreak {

// Sink<Message> with the type taken away: what a door implements.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  virtual bool Send(const google::protobuf::Message& message) = 0;
  virtual void Close(absl::Status status) = 0;
};

struct MethodLimits {
  size_t request_bytes_max = size_t{4} << 20;
  Pace pace = Pace::kQuick;
};

// Larger requests for the methods that carry chunks of content.
inline constexpr MethodLimits kContentLimits{.request_bytes_max = size_t{10} << 20};

using MessagePtr = std::unique_ptr<google::protobuf::Message>;

struct Method {
  std::string path;     // /firebreak.v1.Fleet/Contain
  std::string service;  // firebreak.v1.Fleet
  std::string name;     // Contain
  Permission permission = Permission::kAuthenticated;
  MethodLimits limits;
  const google::protobuf::Message* request = nullptr;  // prototypes
  const google::protobuf::Message* response = nullptr;
  // Exactly one is set. They are called with messages of the prototypes' types.
  std::function<absl::StatusOr<MessagePtr>(const Caller&, const google::protobuf::Message&)> unary;
  std::function<absl::StatusOr<std::unique_ptr<Subscription>>(const Caller&, const google::protobuf::Message&,
                                                              std::shared_ptr<MessageSink>)>
      stream;
};

// Filled by main, read-only afterwards (then thread-safe). The desks outlive it.
class MethodTable {
 public:
  template <typename Desk, typename Request, typename Response>
  using UnaryOf = absl::StatusOr<Response> (Desk::*)(const Caller&, const Request&);
  template <typename Desk, typename Request, typename Response>
  using ConstUnaryOf = absl::StatusOr<Response> (Desk::*)(const Caller&, const Request&) const;
  template <typename Desk, typename Request, typename Event>
  using StreamOf = absl::StatusOr<std::unique_ptr<Subscription>> (Desk::*)(const Caller&, const Request&,
                                                                           std::shared_ptr<Sink<Event>>);

  // `path` must name an rpc of the linked descriptors with exactly these types, not registered before; anything else is
  // our own mistake and aborts at start.
  template <typename Desk, typename Request, typename Response>
  void Unary(std::string_view path, Permission permission, Desk& desk, UnaryOf<Desk, Request, Response> handler,
             MethodLimits limits = {}) {
    AddUnary<Request, Response>(
        path, permission, limits,
        [&desk, handler](const Caller& caller, const Request& request) { return (desk.*handler)(caller, request); });
  }
  template <typename Desk, typename Request, typename Response>
  void Unary(std::string_view path, Permission permission, const Desk& desk,
             ConstUnaryOf<Desk, Request, Response> handler, MethodLimits limits = {}) {
    AddUnary<Request, Response>(
        path, permission, limits,
        [&desk, handler](const Caller& caller, const Request& request) { return (desk.*handler)(caller, request); });
  }
  template <typename Desk, typename Request, typename Event>
  void Stream(std::string_view path, Permission permission, Desk& desk, StreamOf<Desk, Request, Event> handler) {
    Method method = NewMethod(path, permission, {}, Request::default_instance(), Event::default_instance());
    method.stream = [&desk, handler](const Caller& caller, const google::protobuf::Message& request,
                                     std::shared_ptr<MessageSink> sink) {
      return (desk.*handler)(caller, static_cast<const Request&>(request),
                             std::make_shared<TypedSink<Event>>(std::move(sink)));
    };
    Add(std::move(method), true);
  }

  // nullptr when unknown.
  const Method* Find(std::string_view path) const;
  std::vector<const Method*> All() const;     // by path
  std::vector<std::string> Services() const;  // full names, sorted

  // Paths of the rpcs in firebreak/v1/*.proto that nobody registered; for a file whose code is not even linked, its
  // name.
  std::vector<std::string> Missing() const;

 private:
  template <typename Event>
  class TypedSink final : public Sink<Event> {
   public:
    explicit TypedSink(std::shared_ptr<MessageSink> sink) : sink_(std::move(sink)) {}
    bool Send(Event event) override { return sink_->Send(event); }
    void Close(absl::Status status) override { sink_->Close(std::move(status)); }

   private:
    const std::shared_ptr<MessageSink> sink_;
  };

  template <typename Request, typename Response, typename Handler>
  void AddUnary(std::string_view path, Permission permission, MethodLimits limits, Handler handler) {
    Method method = NewMethod(path, permission, limits, Request::default_instance(), Response::default_instance());
    method.unary = [handler](const Caller& caller,
                             const google::protobuf::Message& request) -> absl::StatusOr<MessagePtr> {
      absl::StatusOr<Response> response = handler(caller, static_cast<const Request&>(request));
      if (!response.ok()) return response.status();
      return MessagePtr(std::make_unique<Response>(*std::move(response)));
    };
    Add(std::move(method), false);
  }

  static Method NewMethod(std::string_view path, Permission permission, MethodLimits limits,
                          const google::protobuf::Message& request, const google::protobuf::Message& response);
  void Add(Method method, bool streams);

  std::map<std::string, Method, std::less<>> methods_;
};

}  // namespace firebreak

#endif  // FIREBREAK_DOORS_METHOD_TABLE_H_
