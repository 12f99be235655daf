// TAXII 2.1, the client's half: post an envelope, ask after its status.
#ifndef FIREBREAK_SERVICES_SHARING_TAXII_H_
#define FIREBREAK_SERVICES_SHARING_TAXII_H_

#include <string>

#include "absl/status/statusor.h"
#include "firebreak/exchange/http_client.h"
#include "firebreak/v1/sharing.pb.h"

namespace firebreak {

struct TaxiiOutcome {
  bool complete = false;          // false: the server is still at it; ask again at status_url
  std::string status_url;
  uint32_t accepted = 0;
  uint32_t refused = 0;
  std::string first_failure;      // what the server said about the first object it refused
};

// kUnavailable: try again later. Other errors are final: the message says what the server answered.
absl::StatusOr<TaxiiOutcome> PostToTaxii(HttpClient& http, const v1::Destination& destination, std::string_view credential,
                                         std::string_view envelope);
absl::StatusOr<TaxiiOutcome> AskTaxiiStatus(HttpClient& http, const v1::Destination& destination, std::string_view credential,
                                            std::string_view status_url);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SHARING_TAXII_H_
