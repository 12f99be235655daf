#include "services/diff/file_diff.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/diff/table.h"
#include "services/diff/tensor_list.h"

namespace firebreak {
namespace {

constexpr int kFindingsMax = 20;
constexpr size_t kNameBytesShown = 512;

void Note(v1::FileChange& change, std::string finding) {
  if (change.findings_size() < kFindingsMax) change.add_findings(std::move(finding));
}

template <typename Facts>
std::optional<Facts> Keep(absl::StatusOr<Facts> facts, std::string_view side, v1::FileChange& change) {
  if (facts.ok()) return *std::move(facts);
  Note(change, StrCat(side, ": ", MessageOf(facts.status())));
  return std::nullopt;
}

v1::TensorFacts Describe(const Tensor& tensor) {
  v1::TensorFacts facts;
  facts.set_type(tensor.type);
  for (const uint64_t dimension : tensor.shape) facts.add_shape(dimension);
  facts.set_size_bytes(tensor.size_bytes);
  return facts;
}

class TensorComparison {
 public:
  TensorComparison(RangedFile* before, RangedFile* after, const DiffLimits& limits, v1::FileChange& change)
      : before_(before), after_(after), limits_(limits), change_(change) {}

  void Run(const TensorList& old_list, const TensorList& new_list) {
    auto a = old_list.tensors.begin();
    auto b = new_list.tensors.begin();
    while (a != old_list.tensors.end() || b != new_list.tensors.end()) {
      if (b == new_list.tensors.end() || (a != old_list.tensors.end() && a->first < b->first)) {
        change_.set_tensors_removed(change_.tensors_removed() + 1);
        Add(v1::CHANGE_KIND_REMOVED, a->first, &a->second, nullptr, v1::CONTENT_COMPARISON_UNSPECIFIED);
        ++a;
      } else if (a == old_list.tensors.end() || b->first < a->first) {
        change_.set_tensors_added(change_.tensors_added() + 1);
        Add(v1::CHANGE_KIND_ADDED, b->first, nullptr, &b->second, v1::CONTENT_COMPARISON_UNSPECIFIED);
        ++b;
      } else {
        Compare(a->first, a->second, b->second);
        ++a;
        ++b;
      }
    }
  }

 private:
  void Compare(const std::string& name, const Tensor& old_one, const Tensor& new_one) {
    const bool described_alike = old_one.type == new_one.type && old_one.shape == new_one.shape;
    const v1::ContentComparison content = described_alike ? Content(name, old_one, new_one) : v1::CONTENT_COMPARISON_DIFFERENT;
    if (content == v1::CONTENT_COMPARISON_SAME) {
      change_.set_tensors_unchanged(change_.tensors_unchanged() + 1);
      return;
    }
    change_.set_tensors_changed(change_.tensors_changed() + 1);
    Add(v1::CHANGE_KIND_CHANGED, name, &old_one, &new_one, content);
  }

  v1::ContentComparison Content(const std::string& name, const Tensor& old_one, const Tensor& new_one) {
    if (!old_one.external.empty() || !new_one.external.empty()) {
      Note(change_, StrCat("the bytes of ", QuoteJson(CutText(name, 100)), " are in file ",
                           QuoteJson(CutText((old_one.external.empty() ? new_one : old_one).external, 200)), ", see there"));
      return v1::CONTENT_COMPARISON_NOT_COMPARED;
    }
    if (old_one.representation != new_one.representation || old_one.representation == "pieces") {
      Note(change_, StrCat(QuoteJson(CutText(name, 100)), " is stored in two ways that are not compared"));
      return v1::CONTENT_COMPARISON_NOT_COMPARED;
    }
    if (old_one.size_bytes != new_one.size_bytes) return v1::CONTENT_COMPARISON_DIFFERENT;
    const absl::StatusOr<bool> same = SameBytes(*before_, old_one.offset, *after_, new_one.offset, old_one.size_bytes);
    if (same.ok()) return *same ? v1::CONTENT_COMPARISON_SAME : v1::CONTENT_COMPARISON_DIFFERENT;
    Note(change_, StrCat(QuoteJson(CutText(name, 100)), ": ", MessageOf(same.status())));
    return v1::CONTENT_COMPARISON_NOT_COMPARED;
  }

  void Add(v1::ChangeKind kind, const std::string& name, const Tensor* old_one, const Tensor* new_one, v1::ContentComparison content) {
    if (static_cast<size_t>(change_.tensors_size()) >= limits_.tensors_listed) return;
    v1::TensorChange& entry = *change_.add_tensors();
    entry.set_change(kind);
    entry.set_name(std::string(CutText(name, kNameBytesShown)));
    if (old_one != nullptr) *entry.mutable_before() = Describe(*old_one);
    if (new_one != nullptr) *entry.mutable_after() = Describe(*new_one);
    entry.set_content(content);
  }

  RangedFile* before_;
  RangedFile* after_;
  const DiffLimits& limits_;
  v1::FileChange& change_;
};

void CompareTensors(RangedFile* before, RangedFile* after, const DiffLimits& limits, v1::FileChange& change) {
  const auto read = [&](RangedFile* file, std::string_view side) -> std::optional<TensorList> {
    if (file == nullptr) return TensorList();
    std::optional<TensorList> list =
        Keep(change.format() == "onnx" ? ReadOnnx(*file, limits) : ReadSafetensors(*file, limits), side, change);
    if (list) {
      for (const std::string& finding : list->findings) Note(change, StrCat(side, ": ", finding));
    }
    return list;
  };
  const std::optional<TensorList> old_list = read(before, "before");
  const std::optional<TensorList> new_list = read(after, "after");
  if (old_list && new_list) TensorComparison(before, after, limits, change).Run(*old_list, *new_list);
}

// By name and, where names repeat, by which of them it is.
std::map<std::pair<std::string, int>, v1::ColumnFacts> ColumnsOf(const TableFacts& table) {
  std::map<std::pair<std::string, int>, v1::ColumnFacts> columns;
  std::map<std::string, int> seen;
  uint32_t position = 0;
  for (const TableFacts::Column& column : table.columns) {
    v1::ColumnFacts facts;
    facts.set_type(column.type);
    facts.set_position(++position);
    columns[{column.name, seen[column.name]++}] = facts;
  }
  return columns;
}

// Answers how many columns differ; past `listed_max` they are counted and not named.
size_t CompareColumns(const TableFacts& old_table, const TableFacts& new_table, size_t listed_max, v1::TableChange& change) {
  size_t changed = 0;
  const auto old_columns = ColumnsOf(old_table);
  const auto new_columns = ColumnsOf(new_table);
  const auto add = [&](v1::ChangeKind kind, const std::string& name, const v1::ColumnFacts* old_one, const v1::ColumnFacts* new_one) {
    if (++changed > listed_max) return;
    v1::ColumnChange& entry = *change.add_columns();
    entry.set_change(kind);
    entry.set_name(std::string(CutText(name, kNameBytesShown)));
    if (old_one != nullptr) *entry.mutable_before() = *old_one;
    if (new_one != nullptr) *entry.mutable_after() = *new_one;
  };
  for (const auto& [key, column] : old_columns) {
    const auto found = new_columns.find(key);
    if (found == new_columns.end()) {
      add(v1::CHANGE_KIND_REMOVED, key.first, &column, nullptr);
    } else if (found->second.type() != column.type() || found->second.position() != column.position()) {
      add(v1::CHANGE_KIND_CHANGED, key.first, &column, &found->second);
    } else {
      change.set_columns_unchanged(change.columns_unchanged() + 1);
    }
  }
  for (const auto& [key, column] : new_columns) {
    if (!old_columns.contains(key)) add(v1::CHANGE_KIND_ADDED, key.first, nullptr, &column);
  }
  return changed;
}

void CompareTables(RangedFile* before, RangedFile* after, const DiffLimits& limits, v1::FileChange& change) {
  const char separator = change.format() == "tsv" ? '\t' : ',';
  const auto read = [&](RangedFile* file, std::string_view side) -> std::optional<TableFacts> {
    if (file == nullptr) return TableFacts();
    return Keep(ReadTable(*file, separator, limits), side, change);
  };
  const std::optional<TableFacts> old_table = read(before, "before");
  const std::optional<TableFacts> new_table = read(after, "after");
  if (!old_table || !new_table) return;
  v1::TableChange& table = *change.mutable_table();
  table.set_rows_before(old_table->rows);
  table.set_rows_after(new_table->rows);
  table.set_rows_complete(old_table->complete && new_table->complete);
  const size_t changed = CompareColumns(*old_table, *new_table, limits.columns_listed, table);
  if (changed > limits.columns_listed) {
    Note(change, StrCat("of ", changed, " columns that differ the first ", limits.columns_listed, " are named"));
  }
}

}  // namespace

std::string FormatOf(std::string_view path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return "";
  const std::string extension = absl::AsciiStrToLower(ToAbsl(path.substr(dot + 1)));
  for (const char* known : {"safetensors", "onnx", "csv", "tsv"}) {
    if (extension == known) return extension;
  }
  return extension == "tab" ? "tsv" : "";
}

void LookInside(RangedFile* before, RangedFile* after, const DiffLimits& limits, v1::FileChange& change) {
  change.set_format(FormatOf(change.path()));
  if (change.format() == "safetensors" || change.format() == "onnx") {
    CompareTensors(before, after, limits, change);
  } else if (!change.format().empty()) {
    CompareTables(before, after, limits, change);
  }
}

}  // namespace firebreak
