// Tally: counts every call under the names that go-grpc-prometheus uses, so that existing dashboards read them, and
// writes one log line for each call that failed.
#ifndef FIREBREAK_SERVICES_DOORS_METHODS_TALLY_H_
#define FIREBREAK_SERVICES_DOORS_METHODS_TALLY_H_

#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "firebreak/doors/code_names.h"
#include "firebreak/doors/front_desk.h"

namespace firebreak {

// Thread-safe.
class FrontDesk::Tally {
 public:
  Tally(Metrics& metrics, Log& log)
      : log_(log),
        started_(metrics.Counters("grpc_server_started_total", "Calls started, through either door.", kLabels)),
        handled_(metrics.Counters("grpc_server_handled_total", "Calls ended, by code.",
                                  {"grpc_type", "grpc_service", "grpc_method", "grpc_code"})),
        received_(metrics.Counters("grpc_server_msg_received_total", "Messages received.", kLabels)),
        sent_(metrics.Counters("grpc_server_msg_sent_total", "Messages sent.", kLabels)),
        seconds_(metrics.Histograms("grpc_server_handling_seconds",
                                    "Seconds from the request's last byte to the answer.", kLabels)) {}

  void Started(const Method& method) {
    started_.With(Labels(method)).Add();
    received_.With(Labels(method)).Add();
  }
  void Sent(const Method& method) { sent_.With(Labels(method)).Add(); }

  struct Ended {
    std::string_view door;
    std::string identity;  // empty when it was not established
    std::string_view peer;
    absl::Duration took;
  };
  void Handled(const Method& method, const absl::Status& status, const Ended& ended) {
    std::vector<std::string> labels = Labels(method);
    seconds_.With(labels).Observe(absl::ToDoubleSeconds(ended.took));
    labels.emplace_back(CodeName(status.code()));
    handled_.With(std::move(labels)).Add();
    if (status.ok() || absl::IsCancelled(status)) return;
    LogLevel level = IsOurFault(status.code()) ? LogLevel::kError : LogLevel::kInfo;
    log_.Write(level, "call.failed",
               {{"method", method.path},
                {"code", std::string(CodeName(status.code()))},
                {"error", std::string(status.message())},
                {"identity", ended.identity.empty() ? "-" : ended.identity},
                {"peer", std::string(ended.peer)},
                {"door", std::string(ended.door)},
                {"seconds", absl::StrFormat("%.4f", absl::ToDoubleSeconds(ended.took))}});
  }

 private:
  static std::vector<std::string> Labels(const Method& method) {
    return {method.stream ? "server_stream" : "unary", method.service, method.name};
  }
  inline static const std::vector<std::string> kLabels = {"grpc_type", "grpc_service", "grpc_method"};

  Log& log_;
  Family<Counter>& started_;
  Family<Counter>& handled_;
  Family<Counter>& received_;
  Family<Counter>& sent_;
  Family<Histogram>& seconds_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_METHODS_TALLY_H_
