// snapshot diff: files, and inside formats we can read tensors and columns.
#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/v1/diff.grpc.pb.h"

namespace firebreak::cli {
namespace diff_commands {
namespace {

struct DiffOptions {
  std::string before;
  std::string after;
  bool files_only = false;
};

std::string_view Sign(v1::ChangeKind change) {
  switch (change) {
    case v1::CHANGE_KIND_ADDED: return "+";
    case v1::CHANGE_KIND_REMOVED: return "-";
    case v1::CHANGE_KIND_CHANGED:
    case v1::CHANGE_KIND_UNSPECIFIED:
    case v1::ChangeKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::ChangeKind_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return "~";
}

Tone ToneOf(v1::ChangeKind change) {
  if (change == v1::CHANGE_KIND_ADDED) return Tone::kGood;
  return change == v1::CHANGE_KIND_REMOVED ? Tone::kBad : Tone::kWarning;
}

std::string Shape(const v1::TensorFacts& tensor) {
  std::string text = StrCat(tensor.type(), "[");
  for (int i = 0; i < tensor.shape_size(); ++i) StrAppend(&text, i == 0 ? "" : "×", tensor.shape(i));
  return text + "]";
}

void PrintTensors(const Output& out, const v1::FileChange& file) {
  for (const v1::TensorChange& tensor : file.tensors()) {
    std::string what = tensor.has_after() ? Shape(tensor.after()) : Shape(tensor.before());
    if (tensor.has_before() && tensor.has_after() && Shape(tensor.before()) != what) what = StrCat(Shape(tensor.before()), " -> ", what);
    const bool unknown = tensor.content() == v1::CONTENT_COMPARISON_NOT_COMPARED;
    out.Print(out.Paint(StrCat("    ", Sign(tensor.change()), " tensor ", tensor.name(), "  ", what, unknown ? "  (bytes not compared)" : ""),
                        ToneOf(tensor.change())));
  }
  const uint64_t changed = file.tensors_added() + file.tensors_removed() + file.tensors_changed();
  if (changed + file.tensors_unchanged() == 0) return;
  out.Print(StrCat("    tensors: ", file.tensors_added(), " added, ", file.tensors_removed(), " removed, ", file.tensors_changed(), " changed, ",
                   file.tensors_unchanged(), " unchanged"));
}

void PrintTable(const Output& out, const v1::TableChange& table) {
  for (const v1::ColumnChange& column : table.columns()) {
    std::string what = column.has_after() ? column.after().type() : column.before().type();
    if (column.change() == v1::CHANGE_KIND_CHANGED) {
      what = StrCat(column.before().type(), " at ", column.before().position(), " -> ", column.after().type(), " at ", column.after().position());
    }
    out.Print(out.Paint(StrCat("    ", Sign(column.change()), " column ", column.name(), "  ", what), ToneOf(column.change())));
  }
  out.Print(StrCat("    rows: ", table.rows_before(), " -> ", table.rows_after(), table.rows_complete() ? "" : " (of the first part of each)"));
}

void PrintFile(const Output& out, const v1::FileChange& file) {
  std::string sizes = file.change() == v1::CHANGE_KIND_REMOVED ? SizeText(file.size_before()) : SizeText(file.size_after());
  if (file.change() == v1::CHANGE_KIND_CHANGED) sizes = StrCat(SizeText(file.size_before()), " -> ", sizes);
  out.Print(out.Paint(StrCat("  ", Sign(file.change()), " ", file.path(), "  ", sizes), ToneOf(file.change())));
  PrintTensors(out, file);
  if (file.has_table()) PrintTable(out, file.table());
  for (const std::string& finding : file.findings()) out.Print(out.Paint(StrCat("    note: ", finding), Tone::kFaint));
}

absl::Status Diff(Session& session, const DiffOptions& options) {
  v1::DiffSnapshotsRequest request;
  request.set_before(options.before);
  request.set_after(options.after);
  request.set_files_only(options.files_only);
  const Output& out = session.out();
  v1::DiffSnapshotsResponse all;
  uint64_t changed = 0;
  uint64_t unchanged = 0;
  do {
    ASSIGN_OR_RETURN(v1::DiffSnapshotsResponse page, session.Call<v1::Diffs>(&v1::Diffs::Stub::DiffSnapshots, request));
    if (request.page_token().empty() && out.format() == Format::kTable) {
      out.Print(StrCat(SnapshotName(page.before()), " -> ", SnapshotName(page.after())));
    }
    // The newest version may move while pages are read: the next ones are of what the first one was of.
    request.set_before(page.before().digest());
    request.set_after(page.after().digest());
    request.set_page_token(page.next_page_token());
    changed += static_cast<uint64_t>(page.files_size());
    unchanged += page.files_unchanged();
    for (v1::FileChange& file : *page.mutable_files()) {
      if (out.format() == Format::kTable) PrintFile(out, file);
      if (out.format() == Format::kJson) *all.add_files() = std::move(file);
    }
    all.set_bytes_read(all.bytes_read() + page.bytes_read());
    *all.mutable_before() = std::move(*page.mutable_before());
    *all.mutable_after() = std::move(*page.mutable_after());
  } while (!request.page_token().empty());
  all.set_files_unchanged(unchanged);
  if (out.format() == Format::kJson) {
    out.PrintMessage(all);
  } else {
    out.Print(StrCat(Count(changed, "file"), " differ, ", unchanged, " the same"));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace diff_commands

void AddDiffCommand(CLI::App& snapshot, Chosen& chosen, Session& session) {
  using namespace diff_commands;
  AddCommand<DiffOptions>(snapshot, chosen, "diff", "What changed from one snapshot to another: files, tensors, columns",
                          [](CLI::App& command, DiffOptions& options) {
                            command.add_option("before", options.before, "model/fraud@6 or sha256:…")->required();
                            command.add_option("after", options.after, "model/fraud@7 or sha256:…")->required();
                            command.add_flag("--files-only", options.files_only, "Do not look into files");
                          },
                          Diff, session);
}

}  // namespace firebreak::cli
