#include "firebreak/bom/envelope_json.h"

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr JsonLimits kLimits{.size_bytes_max = size_t{64} << 20, .depth_max = 8, .values_max = 1000};

absl::Status Wrong(std::string_view what) { return absl::InvalidArgumentError(StrCat("DSSE envelope: ", what)); }

absl::StatusOr<std::string> TextOf(const Struct& object, const std::string& name) {
  const auto found = object.fields().find(name);
  if (found == object.fields().end() || found->second.kind_case() != Value::kStringValue) {
    return Wrong(StrCat(name, " is missing or no text"));
  }
  return found->second.string_value();
}

absl::StatusOr<std::string> BytesOf(const Struct& object, const std::string& name) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(object, name));
  absl::StatusOr<std::string> bytes = FromBase64(text);
  if (!bytes.ok()) return Wrong(StrCat(name, " is not base64"));
  return bytes;
}

}  // namespace

std::string EnvelopeToJson(const v1::Envelope& envelope) {
  std::string signatures;
  for (const v1::Signature& signature : envelope.signatures()) {
    StrAppend(&signatures, signatures.empty() ? "" : ",", "{\"keyid\":", QuoteJson(signature.key_id()), ",\"sig\":\"",
              ToBase64(signature.sig()), "\"}");
  }
  return StrCat("{\"payload\":\"", ToBase64(envelope.payload()), "\",\"payloadType\":", QuoteJson(envelope.payload_type()),
                ",\"signatures\":[", signatures, "]}\n");
}

absl::StatusOr<v1::Envelope> EnvelopeFromJson(std::string_view text) {
  ASSIGN_OR_RETURN(const Value json, ParseJson(text, kLimits));
  if (json.kind_case() != Value::kStructValue) return Wrong("it is no object");
  const Struct& top = json.struct_value();
  v1::Envelope envelope;
  ASSIGN_OR_RETURN(*envelope.mutable_payload(), BytesOf(top, "payload"));
  ASSIGN_OR_RETURN(*envelope.mutable_payload_type(), TextOf(top, "payloadType"));
  const auto signatures = top.fields().find("signatures");
  if (signatures == top.fields().end() || signatures->second.kind_case() != Value::kListValue || top.fields().size() != 3) {
    return Wrong("it is not exactly payload, payloadType and signatures");
  }
  for (const Value& value : signatures->second.list_value().values()) {
    if (value.kind_case() != Value::kStructValue || value.struct_value().fields().size() > 2) return Wrong("a signature is not keyid and sig");
    v1::Signature& signature = *envelope.add_signatures();
    ASSIGN_OR_RETURN(*signature.mutable_sig(), BytesOf(value.struct_value(), "sig"));
    if (value.struct_value().fields().contains("keyid")) {
      ASSIGN_OR_RETURN(*signature.mutable_key_id(), TextOf(value.struct_value(), "keyid"));
    }
  }
  return envelope;
}

}  // namespace firebreak
