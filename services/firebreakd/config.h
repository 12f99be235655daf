// Config: what an operator may decide, read from config.yaml in the data folder; flags of `firebreakd run` come on top.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_CONFIG_H_
#define FIREBREAK_SERVICES_FIREBREAKD_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/base/log.h"

namespace firebreak {

struct Config {
  std::string name = "localhost";  // of this installation; part of the audit log's origin
  std::string listen_grpc = "127.0.0.1:9443";
  std::string listen_http = "127.0.0.1:9480";
  bool http_tls = true;   // false: loopback only
  std::string playbooks;  // folder; empty: the data folder's own
  LogFormat log_format = LogFormat::kHuman;
  LogLevel log_level = LogLevel::kInfo;
  std::string backup_folder;                           // empty: this service makes no backups
  std::string witness;                                 // one more file that keeps the newest checkpoint; empty: none
  absl::Duration gc_every = absl::ZeroDuration();      // 0: garbage is collected when asked
  uint64_t scrub_rate = uint64_t{16} << 20;            // bytes a second; 0: no scrub
  absl::Duration scrub_every = absl::Hours(24);
};

// kInvalidArgument names the line and the key that is wrong or not known.
absl::StatusOr<Config> ParseConfig(std::string_view yaml);

// With comments, for init.
std::string PrintConfig(const Config& config);

absl::StatusOr<bool> ParseOnOff(std::string_view what, std::string_view text);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_CONFIG_H_
