// http.call, notify.webhook, notify.page: what leaves the house during a response, to configured hooks and nowhere else.
#include <algorithm>
#include <memory>
#include <utility>

#include "firebreak/actions/specs.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/playbooks/value_type.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

constexpr size_t kBodyBytesMax = size_t{64} << 10;
constexpr size_t kPathBytesMax = 2048;
constexpr size_t kAnswerBytesMax = 4096;   // kept in the run; more is cut

struct Outgoing {
  Hook hook;
  HttpRequest request;
};

// A path can choose what is called behind the hook's url, never another host or another part of the same one.
absl::Status CheckPath(std::string_view path) {
  if (path.empty()) return absl::OkStatus();
  const bool printable = std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c <= '~' && c != '\\' && c != '#'; });
  if (path.front() != '/' || path.size() > kPathBytesMax || !printable || path.starts_with("//")) {
    return absl::InvalidArgumentError("path must begin with one '/' and hold printable ASCII only");
  }
  const std::string_view bare = path.substr(0, path.find('?'));
  // Encoded dots and slashes are read differently by different servers: none of them is needed.
  for (const std::string_view bad : {"..", "%2e", "%2E", "%2f", "%2F", "%5c", "%5C"}) {
    if (bare.find(bad) != std::string_view::npos) return absl::InvalidArgumentError(StrCat("path must not hold ", bad));
  }
  return absl::OkStatus();
}

// A value that is "." or ".." would be taken for a step in the path by whoever reads the URL.
absl::Status CheckFilledPath(std::string_view path) {
  std::string_view rest = path.substr(0, path.find('?'));
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    if (part == "." || part == "..") return absl::InvalidArgumentError("a value must not make '.' or '..' a part of the path");
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  return absl::OkStatus();
}

// Everything but letters, digits and -._~ as %XX (RFC 3986), so a value never becomes a part of the path or query of its own.
std::string PercentEncoded(std::string_view value) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '~';
    if (plain || c == '.') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kDigits[c & 15]);
    }
  }
  return out;
}

// As the inside of a JSON string.
std::string JsonEscaped(std::string_view value) {
  const std::string quoted = QuoteJson(value);
  return quoted.substr(1, quoted.size() - 2);
}

// "{{value1}}" in one pass: what a value holds is never looked at again.
absl::StatusOr<std::string> Filled(const ActionCall& call, std::string_view text, std::string (*escape)(std::string_view)) {
  std::string out;
  while (!text.empty()) {
    const size_t at = text.find("{{value");
    const size_t end = at == std::string_view::npos ? at : text.find("}}", at);
    out.append(text.substr(0, end == std::string_view::npos ? text.size() : at));
    if (end == std::string_view::npos) break;
    const std::string name(text.substr(at + 2, end - at - 2));
    if (!call.inputs.fields().contains(name)) return absl::InvalidArgumentError(StrCat("{{", name.substr(0, 40), "}} has no value"));
    out.append(escape(TextField(call.inputs, name)));
    text.remove_prefix(end + 2);
  }
  return out;
}

google::protobuf::Struct Facts(const ActionCall& call) {
  Outputs facts;
  facts.Text("incident", call.incident.text()).Text("deployment", DeploymentOf(call).text()).Text("run", call.run.text());
  facts.Text("effect", call.effect.text()).Text("started_by", call.started_by.text());
  return facts.fields();
}

HttpMethod MethodNamed(std::string_view name) {
  if (name == "GET") return HttpMethod::kGet;
  if (name == "PUT") return HttpMethod::kPut;
  if (name == "PATCH") return HttpMethod::kPatch;
  if (name == "DELETE") return HttpMethod::kDelete;
  return HttpMethod::kPost;
}

// Everything but the secret, which is read only when the request leaves.
absl::StatusOr<Outgoing> Compose(const ActionParts& parts, const ActionCall& call, const std::string& action) {
  if (parts.http == nullptr || parts.hooks == nullptr) return absl::FailedPreconditionError(StrCat(action, ": no hooks are set up here"));
  Outgoing outgoing;
  ASSIGN_OR_RETURN(outgoing.hook, parts.hooks->Find(TextField(call.inputs, "hook")));
  const std::string given = TextField(call.inputs, "method");
  const std::string method = given.empty() ? "POST" : given;
  const std::vector<std::string>& allowed = outgoing.hook.methods;
  if (std::find(allowed.begin(), allowed.end(), method) == allowed.end()) {
    return absl::FailedPreconditionError(StrCat("hook ", outgoing.hook.name, " does not allow ", method));
  }
  RETURN_IF_ERROR(CheckPath(TextField(call.inputs, "path")));
  ASSIGN_OR_RETURN(const std::string path, Filled(call, TextField(call.inputs, "path"), &PercentEncoded));
  RETURN_IF_ERROR(CheckFilledPath(path));
  google::protobuf::Struct message = Facts(call);
  ASSIGN_OR_RETURN(std::string body, Filled(call, TextField(call.inputs, "body"), &JsonEscaped));
  if (action != specs::Call().name) {
    const std::string text = TextField(call.inputs, "text");
    if (text.empty() || text.size() > 2048) return absl::InvalidArgumentError("text must be 1 to 2048 bytes");
    (*message.mutable_fields())["text"].set_string_value(text);
    const std::string role = TextField(call.inputs, "role");
    if (!role.empty()) (*message.mutable_fields())["role"].set_string_value(role);
  }
  if (body.empty()) body = PrintJson(message);
  if (body.size() > kBodyBytesMax) return absl::InvalidArgumentError(StrCat("body is ", body.size(), " bytes, at most ", kBodyBytesMax));
  outgoing.request.method = MethodNamed(method);
  outgoing.request.url = outgoing.hook.url + path;
  outgoing.request.body = outgoing.request.method == HttpMethod::kGet ? std::string() : std::move(body);
  outgoing.request.headers = {{"Content-Type", "application/json"}, {"Idempotency-Key", call.effect.text()}, {"User-Agent", "firebreak"}};
  outgoing.request.ca_file = outgoing.hook.ca_file;
  outgoing.request.timeout = outgoing.hook.timeout;
  RETURN_IF_ERROR(CheckOutgoingUrl(outgoing.request.url));
  return outgoing;
}

// What the answer says about trying again. 409 to a keyed call: the peer has it already under other content.
absl::Status Judge(const Hook& hook, const HttpResponse& response) {
  if (response.status >= 200 && response.status < 300) return absl::OkStatus();
  const std::string what = StrCat("hook ", hook.name, " answered ", response.status);
  if (response.status == 429) return absl::ResourceExhaustedError(what);
  if (response.status >= 500) return absl::UnavailableError(what);
  if (response.status == 401 || response.status == 403) return absl::PermissionDeniedError(what);
  if (response.status == 404) return absl::NotFoundError(what);
  return absl::FailedPreconditionError(what);
}

absl::StatusOr<ActionResult> Require(const ActionCall& call) {
  if (FlagField(call.inputs, "that")) return Outputs().Done();
  return absl::FailedPreconditionError(TextField(call.inputs, "reason"));
}

std::string CutText(std::string_view text, size_t bytes_max) {
  std::string cut(text.substr(0, bytes_max));
  while (!cut.empty() && !IsValidUtf8(cut)) cut.pop_back();
  return cut;
}

absl::StatusOr<ActionResult> SendOut(const ActionParts& parts, const ActionCall& call, const ActionSpec& spec) {
  ASSIGN_OR_RETURN(auto answered, FindAnswer(parts.ledger, call.effect));
  if (answered) return ActionResult(ActionDone{*std::move(answered)});
  ASSIGN_OR_RETURN(Outgoing outgoing, Compose(parts, call, spec.name));
  ASSIGN_OR_RETURN(const std::string secret, parts.hooks->Secret(outgoing.hook));
  const std::string body_digest = Sha256(outgoing.request.body).text();
  if (!secret.empty()) outgoing.request.headers.emplace_back(outgoing.hook.header, outgoing.hook.prefix + secret);
  ASSIGN_OR_RETURN(const HttpResponse response, parts.http->Send(outgoing.request));
  RETURN_IF_ERROR(Judge(outgoing.hook, response));
  Outputs outputs;
  outputs.Number("status", static_cast<uint64_t>(response.status));
  if (spec.name == specs::Call().name) outputs.Text("body", CutText(response.body, kAnswerBytesMax));
  RETURN_IF_ERROR(Write(parts.ledger, [&](Draft& draft) -> absl::Status {
    PutAnswer(draft, call, spec.name, outputs.fields());
    v1::AuditEntry entry = EntryOf(call, "hook.called", StrCat(spec.name, " to hook ", outgoing.hook.name, " answered ", response.status));
    auto& facts = *entry.mutable_facts();
    facts["hook"] = outgoing.hook.name;
    facts["url"] = std::string(CutText(outgoing.request.url, 512));
    facts["status"] = StrCat(response.status);
    facts["body_digest"] = body_digest;
    draft.Record(std::move(entry));
    return absl::OkStatus();
  }));
  return outputs.Done();
}

absl::StatusOr<ActionPreview> PreviewSend(const ActionParts& parts, const ActionCall& call, const ActionSpec& spec) {
  ActionCall preview_call = call;
  ASSIGN_OR_RETURN(const Outgoing outgoing, Compose(parts, preview_call, spec.name));
  ActionPreview preview;
  preview.now = "nothing is sent";
  preview.then = StrCat("hook ", outgoing.hook.name, " is called");
  preview.blast_radius = StrCat("outside: ", outgoing.request.url);
  preview.expected = spec.typical;
  return preview;
}

absl::StatusOr<ActionResult> Sleep(const ActionParts& parts, const ActionCall& call) {
  if (parts.clock == nullptr) return absl::FailedPreconditionError("time.sleep: no clock is set up here");
  const std::string given = TextField(call.inputs, "for");
  const std::optional<absl::Duration> span = ParseSpan(given);
  if (!span || *span > absl::Hours(24)) return absl::InvalidArgumentError(StrCat("for ", given, " is not a duration up to 24h"));
  ASSIGN_OR_RETURN(auto answered, FindAnswer(parts.ledger, call.effect));
  const absl::Time now = parts.clock->Now();
  absl::Time until = now + *span;
  if (answered) {
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, TextField(*answered, "until"), &until, &error)) {
      return absl::DataLossError(StrCat("time.sleep: its record cannot be read: ", error));
    }
  } else {
    Outputs outputs;
    outputs.Text("until", FormatRfc3339(until));
    RETURN_IF_ERROR(Write(parts.ledger, [&](Draft& draft) -> absl::Status {
      PutAnswer(draft, call, specs::Sleep().name, outputs.fields());
      draft.Record(EntryOf(call, "timer.set", StrCat(Cause(call), " waits until ", FormatRfc3339(until))));
      return absl::OkStatus();
    }));
  }
  if (now < until) return ActionResult(ActionPending{until - now, StrCat("the timer, until ", FormatRfc3339(until))});
  return Outputs().Text("until", FormatRfc3339(until)).Done();
}

}  // namespace

void AddOutsideActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  for (const ActionSpec* spec : {&specs::Call(), &specs::Webhook(), &specs::Page()}) {
    catalogue.Add(std::make_unique<FunctionAction>(
        *spec, [parts, spec](const ActionCall& call) { return SendOut(parts, call, *spec); },
        [parts, spec](const ActionCall& call) { return PreviewSend(parts, call, *spec); }));
  }
  catalogue.Add(std::make_unique<FunctionAction>(specs::Require(), &Require));
  catalogue.Add(std::make_unique<FunctionAction>(specs::Sleep(), [parts](const ActionCall& call) { return Sleep(parts, call); }));
}

}  // namespace firebreak
