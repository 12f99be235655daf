// POST /v1/actions/{name}:run: one action with JSON inputs as the body, for engines that know HTTP and nothing of ours. The call goes
// through the method table as Actions.RunAction, so permission, limits, metrics and logs are those of every other call.
//
//   Idempotency-Key: <1 .. 200 printable characters>   required; the same key with the same body gives the same answer, for seven
//                                                      days after the outcome: then it is forgotten and the key is free
//   Prefer: wait=N                                     seconds to wait for an effect under way (default 20, at most 30)
//
//   200 the outputs as JSON
//   202 {"waiting_for": …}, Retry-After and Location: ask again with the same key and body
//   409 this key came with another action or body before
//   400, 401, 403, 404, 413, 429, 503 … {"code": …, "message": …} as the Connect protocol words errors
#ifndef FIREBREAK_SERVICES_DOORS_HTTP_ACTION_ROUTE_H_
#define FIREBREAK_SERVICES_DOORS_HTTP_ACTION_ROUTE_H_

#include <cstddef>
#include <memory>
#include <string_view>

#include "firebreak/doors/front_desk.h"
#include "services/doors/http/exchange.h"

namespace firebreak {

inline constexpr size_t kActionBodyBytesMax = size_t{256} << 10;

bool IsActionPath(std::string_view path);

// nullptr when this server has no actions.
const Method* FindActionMethod(const MethodTable& table);

void ServeAction(FrontDesk& desk, const Method& method, HttpCall call, std::shared_ptr<HttpResponder> responder);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_HTTP_ACTION_ROUTE_H_
