// ONNX (onnx/onnx.proto3): the protobuf wire format read field by field, by ranges: ModelProto.graph (7), GraphProto.initializer (5),
// TensorProto dims (1), data_type (2), typed data (4-7, 10, 11), name (8), raw_data (9), external_data (13), data_location (14).
// Nodes and what they hold (subgraphs' own constants) are passed over.
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/diff/tensor_list.h"

namespace firebreak {
namespace {

constexpr size_t kDimensionsMax = 64;
constexpr uint64_t kNameBytesMax = 4096;
constexpr uint64_t kFieldsMax = 20'000'000;   // looked at in one file

absl::Status Wrong(std::string_view what) { return absl::InvalidArgumentError(StrCat("onnx: ", what)); }

std::string TypeName(uint64_t type) {
  static const char* const kNames[] = {"UNDEFINED",  "FLOAT",      "UINT8",        "INT8",       "UINT16",         "INT16",
                                       "INT32",      "INT64",      "STRING",       "BOOL",       "FLOAT16",        "DOUBLE",
                                       "UINT32",     "UINT64",     "COMPLEX64",    "COMPLEX128", "BFLOAT16",       "FLOAT8E4M3FN",
                                       "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4",  "INT4",           "FLOAT4E2M1"};
  return type < std::size(kNames) ? kNames[type] : StrCat("type ", type);
}

struct Field {
  uint32_t number = 0;
  uint32_t wire = 0;
  uint64_t value = 0;    // of a varint
  uint64_t start = 0;    // of what is length-delimited
  uint64_t length = 0;
};

class WireReader {
 public:
  explicit WireReader(RangedFile& file) : file_(file) {}

  // Moves `at` behind the field. Everything lies before `end`, which lies in the file.
  absl::StatusOr<Field> Next(uint64_t& at, uint64_t end) {
    if (++fields_ > kFieldsMax) return absl::ResourceExhaustedError("onnx: more fields than are looked at");
    Field field;
    ASSIGN_OR_RETURN(const uint64_t tag, Varint(at, end));
    if (tag >> 3 == 0 || tag >> 32 != 0) return Wrong(StrCat("a field number that does not exist, at byte ", at));
    field.number = static_cast<uint32_t>(tag >> 3);
    field.wire = static_cast<uint32_t>(tag & 7);
    switch (field.wire) {
      case 0: {
        ASSIGN_OR_RETURN(field.value, Varint(at, end));
        return field;
      }
      case 1: field.length = 8; break;
      case 5: field.length = 4; break;
      case 2: {
        ASSIGN_OR_RETURN(field.length, Varint(at, end));
        break;
      }
      default: return Wrong(StrCat("wire type ", field.wire, " at byte ", at));
    }
    if (field.length > end - at) return Wrong(StrCat("a field of ", field.length, " bytes reaches past its end, at byte ", at));
    field.start = at;
    at += field.length;
    return field;
  }

  absl::StatusOr<uint64_t> Varint(uint64_t& at, uint64_t end) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at >= end) return Wrong(StrCat("a number is cut off at byte ", at));
      ASSIGN_OR_RETURN(const unsigned char byte, Byte(at));
      ++at;
      if (shift == 63 && (byte & 0xFE) != 0) return Wrong(StrCat("a number longer than 64 bits at byte ", at));
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return Wrong(StrCat("a number longer than 64 bits at byte ", at));
  }

  absl::StatusOr<std::string> Text(const Field& field, uint64_t bytes_max) {
    if (field.wire != 2 || field.length > bytes_max) return Wrong(StrCat("a text at byte ", field.start, " is too long or no text"));
    return file_.Read(field.start, field.length);
  }

  RangedFile& file() { return file_; }

 private:
  absl::StatusOr<unsigned char> Byte(uint64_t at) {
    if (at < view_start_ || at - view_start_ >= view_.size()) {
      ASSIGN_OR_RETURN(const std::string_view view, file_.View(at));
      if (view.empty()) return Wrong("the file ends early");
      view_.assign(view.substr(0, 4096));   // a copy: other reads replace what the file holds in memory
      view_start_ = at;
    }
    return static_cast<unsigned char>(view_[static_cast<size_t>(at - view_start_)]);
  }

  RangedFile& file_;
  uint64_t fields_ = 0;
  std::string view_;
  uint64_t view_start_ = 0;
};

absl::Status ReadDims(WireReader& reader, const Field& field, std::vector<uint64_t>& shape) {
  uint64_t at = field.start;
  const uint64_t end = field.start + field.length;
  if (field.wire == 0) shape.push_back(field.value);
  while (field.wire == 2 && at < end) {
    ASSIGN_OR_RETURN(const uint64_t dimension, reader.Varint(at, end));
    shape.push_back(dimension);
    if (shape.size() > kDimensionsMax) return Wrong("a tensor with more than 64 dimensions");
  }
  if (shape.size() > kDimensionsMax) return Wrong("a tensor with more than 64 dimensions");
  return absl::OkStatus();
}

// One key and value of external_data.
absl::Status ReadExternal(WireReader& reader, const Field& entry, Tensor& tensor) {
  std::string key, value;
  uint64_t at = entry.start;
  while (at < entry.start + entry.length) {
    ASSIGN_OR_RETURN(const Field field, reader.Next(at, entry.start + entry.length));
    if (field.number != 1 && field.number != 2) continue;
    ASSIGN_OR_RETURN((field.number == 1 ? key : value), reader.Text(field, kNameBytesMax));
  }
  if (key == "location") tensor.external = value;
  return absl::OkStatus();
}

void TakeData(const Field& field, std::string_view representation, Tensor& tensor) {
  // Several pieces of one tensor are legal and never seen; the last one counts for the place, all for the size.
  tensor.offset = field.start;
  tensor.size_bytes += field.length;
  tensor.representation = tensor.representation.empty() ? std::string(representation) : "pieces";
}

absl::Status ReadInitializer(WireReader& reader, const Field& initializer, const DiffLimits& limits, TensorList& list) {
  Tensor tensor;
  std::string name;
  bool outside = false;
  uint64_t at = initializer.start;
  const uint64_t end = initializer.start + initializer.length;
  while (at < end) {
    ASSIGN_OR_RETURN(const Field field, reader.Next(at, end));
    switch (field.number) {
      case 1: RETURN_IF_ERROR(ReadDims(reader, field, tensor.shape)); break;
      case 2: tensor.type = TypeName(field.value); break;
      case 4: case 5: case 6: case 7: case 10: case 11:
        if (field.wire == 2) TakeData(field, StrCat("field ", field.number), tensor);
        break;
      case 8: {
        ASSIGN_OR_RETURN(name, reader.Text(field, kNameBytesMax));
        break;
      }
      case 9:
        if (field.wire == 2) TakeData(field, "raw", tensor);
        break;
      case 13:
        if (field.wire == 2) RETURN_IF_ERROR(ReadExternal(reader, field, tensor));
        break;
      case 14: outside = field.value == 1; break;
      default: break;
    }
  }
  if (!outside) tensor.external.clear();
  if (outside && tensor.external.empty()) tensor.external = "(not said)";
  if (!IsValidUtf8(name) || !IsValidUtf8(tensor.external)) return Wrong(StrCat("a name at byte ", initializer.start, " is not UTF-8"));
  if (list.tensors.size() >= limits.tensors_max) {
    return absl::ResourceExhaustedError(StrCat("onnx: more than ", limits.tensors_max, " tensors"));
  }
  if (!list.tensors.emplace(name, std::move(tensor)).second) list.Note(StrCat("two tensors are called ", QuoteJson(CutText(name, 100))));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TensorList> ReadOnnx(RangedFile& file, const DiffLimits& limits) {
  TensorList list;
  WireReader reader(file);
  bool graph_seen = false;
  uint64_t at = 0;
  while (at < file.size()) {
    ASSIGN_OR_RETURN(const Field top, reader.Next(at, file.size()));
    if (top.number != 7 || top.wire != 2) continue;
    graph_seen = true;
    uint64_t inside = top.start;
    while (inside < top.start + top.length) {
      ASSIGN_OR_RETURN(const Field field, reader.Next(inside, top.start + top.length));
      if (field.number == 5 && field.wire == 2) RETURN_IF_ERROR(ReadInitializer(reader, field, limits, list));
    }
  }
  if (!graph_seen) return Wrong("there is no graph in it");
  return list;
}

}  // namespace firebreak
