#include "services/sharing/taxii.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/sharing/plain_text.h"

namespace firebreak {
namespace {

constexpr char kMediaType[] = "application/taxii+json;version=2.1";

HttpRequest MakeRequest(const v1::Destination& destination, std::string_view credential, HttpMethod method, std::string url) {
  HttpRequest request;
  request.method = method;
  request.url = std::move(url);
  request.headers = {{"Accept", kMediaType}};
  request.user_and_password = std::string(credential);
  request.ca_file = destination.ca_file();
  return request;
}

// {root}/collections/{id}/ -> {root}/
absl::StatusOr<std::string> RootOf(const v1::Destination& destination) {
  const size_t collections = destination.url().rfind("/collections/");
  if (collections == std::string::npos) {
    return absl::InvalidArgumentError(StrCat("destination ", destination.name(), ": ", destination.url(), " is not a TAXII collection (…/collections/ID/)"));
  }
  return destination.url().substr(0, collections + 1);
}

// TAXII errors carry a title (2.1, section 3.6.1).
std::string TitleOf(const HttpResponse& response) {
  const auto body = ParseJson(response.body);
  if (!body.ok() || !body->has_struct_value()) return "";
  const auto title = body->struct_value().fields().find("title");
  if (title == body->struct_value().fields().end() || title->second.string_value().empty()) return "";
  return StrCat(" (it says: ", PlainText(title->second.string_value(), 120), ")");
}

absl::Status Refusal(const v1::Destination& destination, const HttpResponse& response) {
  const std::string said = StrCat("destination ", destination.name(), " answered HTTP ", response.status, TitleOf(response));
  // Too many requests and server trouble pass; everything else stays as it is however often it is asked.
  if (response.status >= 500 || response.status == 429 || response.status == 408) return absl::UnavailableError(said);
  switch (response.status) {
    case 401: return absl::UnauthenticatedError(StrCat(said, ": the credential is not accepted"));
    case 403: return absl::PermissionDeniedError(StrCat(said, ": the collection cannot be written with this credential"));
    case 404: return absl::NotFoundError(StrCat(said, ": no such collection"));
    case 413: return absl::OutOfRangeError(StrCat(said, ": the record is too large for it"));
    default: return absl::FailedPreconditionError(said);
  }
}

uint32_t Count(const google::protobuf::Struct& status, const std::string& name) {
  const auto found = status.fields().find(name);
  const double count = found == status.fields().end() ? 0 : found->second.number_value();
  return count >= 0 && count <= 1e6 ? static_cast<uint32_t>(count) : 0;
}

// It becomes part of an address that our credential is sent to.
bool IsStatusId(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-'; });
}

// A certificate that is not trusted today may be tomorrow; the record stays here meanwhile.
absl::StatusOr<HttpResponse> SendToTaxii(HttpClient& http, const HttpRequest& request) {
  auto response = http.Send(request);
  if (absl::IsFailedPrecondition(response.status())) return absl::UnavailableError(response.status().message());
  return response;
}

absl::StatusOr<TaxiiOutcome> ReadStatus(const v1::Destination& destination, const HttpResponse& response) {
  auto value = ParseJson(response.body);
  if (!value.ok() || !value->has_struct_value()) {
    return absl::UnavailableError(StrCat("destination ", destination.name(), " answered a status that is not JSON"));
  }
  const google::protobuf::Struct& status = value->struct_value();
  TaxiiOutcome outcome;
  const auto state = status.fields().find("status");
  outcome.complete = state != status.fields().end() && state->second.string_value() == "complete";
  outcome.accepted = Count(status, "success_count");
  outcome.refused = Count(status, "failure_count");
  const auto failures = status.fields().find("failures");
  if (failures != status.fields().end() && failures->second.list_value().values_size() > 0) {
    const auto& first = failures->second.list_value().values(0).struct_value().fields();
    if (const auto message = first.find("message"); message != first.end()) {
      outcome.first_failure = PlainText(message->second.string_value(), 200);
    }
  }
  const auto id = status.fields().find("id");
  if (id != status.fields().end() && IsStatusId(id->second.string_value())) {
    ASSIGN_OR_RETURN(std::string root, RootOf(destination));
    outcome.status_url = StrCat(root, "status/", id->second.string_value(), "/");
  }
  if (!outcome.complete && outcome.status_url.empty()) {
    return absl::UnavailableError(StrCat("destination ", destination.name(), " is still at it but gave no status to ask after"));
  }
  return outcome;
}

}  // namespace

absl::StatusOr<TaxiiOutcome> PostToTaxii(HttpClient& http, const v1::Destination& destination, std::string_view credential,
                                         std::string_view envelope) {
  RETURN_IF_ERROR(RootOf(destination).status());
  const std::string slash = destination.url().back() == '/' ? "" : "/";
  HttpRequest request = MakeRequest(destination, credential, HttpMethod::kPost, StrCat(destination.url(), slash, "objects/"));
  request.headers.emplace_back("Content-Type", kMediaType);
  request.body = std::string(envelope);
  ASSIGN_OR_RETURN(HttpResponse response, SendToTaxii(http, request));
  if (response.status != 202 && response.status != 200) return Refusal(destination, response);
  return ReadStatus(destination, response);
}

absl::StatusOr<TaxiiOutcome> AskTaxiiStatus(HttpClient& http, const v1::Destination& destination, std::string_view credential,
                                            std::string_view status_url) {
  ASSIGN_OR_RETURN(HttpResponse response, SendToTaxii(http, MakeRequest(destination, credential, HttpMethod::kGet, std::string(status_url))));
  if (response.status != 200) return Refusal(destination, response);
  return ReadStatus(destination, response);
}

}  // namespace firebreak
