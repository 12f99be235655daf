// safetensors (huggingface/safetensors, format 0.4): 8 bytes little-endian length, that much JSON, then the tensors' bytes.
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/diff/tensor_list.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kDimensionsMax = 64;
constexpr double kExactMax = 9007199254740992.0;   // 2^53: larger numbers are not exact in JSON

absl::Status Wrong(std::string_view what) { return absl::InvalidArgumentError(StrCat("safetensors: ", what)); }

std::optional<uint64_t> WholeNumber(const Value& value) {
  if (value.kind_case() != Value::kNumberValue) return std::nullopt;
  const double number = value.number_value();
  if (!(number >= 0) || number > kExactMax || std::floor(number) != number) return std::nullopt;
  return static_cast<uint64_t>(number);
}

// Bits of one element; 0 = a type this version does not know.
uint64_t BitsOf(const std::string& type) {
  static const std::map<std::string, uint64_t> kBits = {
      {"BOOL", 8},    {"U8", 8},   {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16}, {"U16", 16},
      {"F16", 16},    {"BF16", 16}, {"I32", 32}, {"U32", 32},    {"F32", 32},    {"I64", 64},    {"U64", 64}, {"F64", 64},
      {"C64", 64},    {"F4", 4}};
  const auto found = kBits.find(type);
  return found == kBits.end() ? 0 : found->second;
}

// nullopt when the product does not fit.
std::optional<uint64_t> BytesOf(const std::vector<uint64_t>& shape, uint64_t bits) {
  uint64_t product = bits;
  for (const uint64_t dimension : shape) {
    if (dimension == 0) return 0;
  }
  for (const uint64_t dimension : shape) {
    if (product > std::numeric_limits<uint64_t>::max() / dimension) return std::nullopt;
    product *= dimension;
  }
  return product / 8 + (product % 8 == 0 ? 0 : 1);
}

absl::StatusOr<Tensor> ReadTensor(const std::string& name, const Value& value, uint64_t data_start, uint64_t data_bytes) {
  const auto wrong = [&](std::string_view what) { return Wrong(StrCat("tensor ", QuoteJson(CutText(name, 100)), ": ", what)); };
  if (value.kind_case() != Value::kStructValue) return wrong("it is no object");
  const auto& fields = value.struct_value().fields();
  const auto type = fields.find("dtype");
  const auto shape = fields.find("shape");
  const auto offsets = fields.find("data_offsets");
  if (type == fields.end() || type->second.kind_case() != Value::kStringValue || type->second.string_value().size() > 32) {
    return wrong("dtype is missing or no short text");
  }
  if (shape == fields.end() || shape->second.kind_case() != Value::kListValue) return wrong("shape is missing or no list");
  if (offsets == fields.end() || offsets->second.kind_case() != Value::kListValue ||
      offsets->second.list_value().values_size() != 2) {
    return wrong("data_offsets is missing or not two numbers");
  }
  Tensor tensor;
  tensor.type = type->second.string_value();
  if (static_cast<size_t>(shape->second.list_value().values_size()) > kDimensionsMax) return wrong("more than 64 dimensions");
  for (const Value& dimension : shape->second.list_value().values()) {
    const std::optional<uint64_t> number = WholeNumber(dimension);
    if (!number) return wrong("shape holds something that is no whole number");
    tensor.shape.push_back(*number);
  }
  const std::optional<uint64_t> begin = WholeNumber(offsets->second.list_value().values(0));
  const std::optional<uint64_t> end = WholeNumber(offsets->second.list_value().values(1));
  if (!begin || !end || *begin > *end || *end > data_bytes) return wrong("data_offsets are not inside the file");
  tensor.offset = data_start + *begin;
  tensor.size_bytes = *end - *begin;
  return tensor;
}

}  // namespace

absl::StatusOr<TensorList> ReadSafetensors(RangedFile& file, const DiffLimits& limits) {
  ASSIGN_OR_RETURN(const std::string prefix, file.Read(0, 8));
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(prefix[static_cast<size_t>(i)]);
  if (length > file.size() - 8) return Wrong(StrCat("the header is said to have ", length, " bytes, more than the file"));
  if (length > limits.header_bytes_max) {
    return absl::ResourceExhaustedError(StrCat("safetensors: a header of ", length, " bytes, at most ", limits.header_bytes_max));
  }
  ASSIGN_OR_RETURN(const std::string header, file.Read(8, length));
  const JsonLimits json_limits{.size_bytes_max = limits.header_bytes_max, .depth_max = 6, .values_max = limits.tensors_max * 12};
  absl::StatusOr<Value> json = ParseJson(header, json_limits);
  if (!json.ok()) return Wrong(StrCat("header: ", MessageOf(json.status())));
  if (json->kind_case() != Value::kStructValue) return Wrong("header is no object");
  TensorList list;
  for (const auto& [name, value] : json->struct_value().fields()) {
    if (name == "__metadata__") continue;
    if (list.tensors.size() >= limits.tensors_max) {
      return absl::ResourceExhaustedError(StrCat("safetensors: more than ", limits.tensors_max, " tensors"));
    }
    ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(name, value, 8 + length, file.size() - 8 - length));
    const uint64_t bits = BitsOf(tensor.type);
    if (bits == 0) {
      list.Note(StrCat("tensor ", QuoteJson(CutText(name, 100)), " has the unknown type ", QuoteJson(tensor.type)));
    } else if (BytesOf(tensor.shape, bits) != std::optional(tensor.size_bytes)) {
      list.Note(StrCat("tensor ", QuoteJson(CutText(name, 100)), ": its shape does not make ", tensor.size_bytes, " bytes"));
    }
    list.tensors.emplace(name, std::move(tensor));
  }
  return list;
}

}  // namespace firebreak
