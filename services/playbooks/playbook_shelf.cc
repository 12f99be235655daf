#include "firebreak/playbooks/playbook_shelf.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "firebreak/access/role_holders.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/storage/keys/playbooks.h"

namespace firebreak {
namespace {

constexpr size_t kPlaybooksMax = 1000;  // names on the shelf; each may have any number of versions

const v1::LintFinding* FirstError(const LintReport& report) {
  const auto found =
      std::find_if(report.findings.begin(), report.findings.end(), [](const auto& finding) { return finding.error(); });
  return found == report.findings.end() ? nullptr : &*found;
}

absl::Status Refusal(const LintReport& report) {
  return absl::InvalidArgumentError(StrCat(FormatFinding(*FirstError(report)), " (next: firebreak playbook lint)"));
}

absl::StatusOr<std::string> ReadWhole(const std::filesystem::path& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return absl::UnavailableError(StrCat("read ", path.string(), ": ", error.message()));
  if (size > kPlaybookBytesMax)
    return absl::InvalidArgumentError(StrCat(path.string(), ": a playbook has at most ", kPlaybookBytesMax, " bytes"));
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.good() && !in.eof()) return absl::UnavailableError(StrCat("read ", path.string(), ": failed"));
  return text;
}

}  // namespace

PlaybookShelf::PlaybookShelf(Ledger& ledger, const Clock& clock, Log& log, std::vector<const ActionSpec*> actions)
    : ledger_(ledger), clock_(clock), log_(log), actions_(std::move(actions)) {}

std::optional<v1::Playbook> PlaybookShelf::FindPlaybook(const std::string& digest) const {
  const absl::StatusOr<std::optional<v1::StoredPlaybook>> stored = FindRecord(ledger_.store(), keys::Playbook(digest));
  if (!stored.ok() || !stored->has_value()) return std::nullopt;
  return (*stored)->playbook();
}

absl::StatusOr<v1::PutPlaybookResponse> PlaybookShelf::PutPlaybook(const Caller& caller,
                                                                   const v1::PutPlaybookRequest& request) {
  LintSurroundings surroundings;
  surroundings.actions = actions_;
  surroundings.find_playbook = [this](const std::string& digest) { return FindPlaybook(digest); };
  ASSIGN_OR_RETURN(surroundings.people, RoleHolders(ledger_.store(), clock_.Now()));
  LintReport report = LintPlaybook("playbook.yaml", request.yaml(), surroundings);
  v1::PutPlaybookResponse response;
  if (report.ok()) {
    if (!request.validate_only()) {
      RETURN_IF_ERROR(Store(report.playbook, request.yaml(), {.stored_by = caller.identity.text()}));
    }
    *response.mutable_playbook() = report.playbook;
  } else if (!request.validate_only()) {
    return Refusal(report);
  }
  for (v1::LintFinding& finding : report.findings) *response.add_findings() = std::move(finding);
  return response;
}

absl::Status PlaybookShelf::Store(const v1::Playbook& playbook, std::string_view yaml, const PutOptions& options) {
  bool unchanged = false;
  const absl::StatusOr<Receipt> receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    unchanged = false;
    ASSIGN_OR_RETURN(std::optional<store::v1::PlaybookName> name, draft.Find(keys::PlaybookName(playbook.name())));
    if (name && (name->digest() == playbook.digest() ||
                 (options.keep_version_of_people && name->stored_by() != options.stored_by))) {
      unchanged = true;
      return absl::CancelledError("nothing to store");
    }
    store::v1::PlaybookName newest = name.value_or(store::v1::PlaybookName());
    newest.set_name(playbook.name());
    newest.set_digest(playbook.digest());
    newest.set_versions(newest.versions() + 1);
    newest.set_stored_by(options.stored_by);
    draft.Put(keys::PlaybookName(playbook.name()), newest);

    // The same bytes put again after another version: who stored them first stays their author.
    ASSIGN_OR_RETURN(std::optional<v1::StoredPlaybook> stored, draft.Find(keys::Playbook(playbook.digest())));
    if (!stored) {
      stored.emplace();
      *stored->mutable_playbook() = playbook;
      stored->set_yaml(std::string(yaml));
      stored->set_stored_by(options.stored_by);
      *stored->mutable_stored_at() = ToProto(clock_.Now());
      draft.Put(keys::Playbook(playbook.digest()), *stored);
    }
    v1::AuditEntry entry;
    entry.set_actor(options.stored_by);
    entry.set_action("playbook.stored");
    entry.add_subjects(StrCat("playbook/", playbook.name()));
    entry.set_summary(StrCat("playbook ", playbook.name(), " stored as version ", newest.versions()));
    (*entry.mutable_facts())["digest"] = playbook.digest();
    draft.Record(std::move(entry));
    return absl::OkStatus();
  });
  return unchanged ? absl::OkStatus() : receipt.status();
}

absl::StatusOr<v1::GetPlaybookResponse> PlaybookShelf::GetPlaybook(const Caller&,
                                                                   const v1::GetPlaybookRequest& request) const {
  v1::GetPlaybookResponse response;
  ASSIGN_OR_RETURN(*response.mutable_playbook(), Resolve(request.playbook()));
  return response;
}

absl::StatusOr<v1::ListPlaybooksResponse> PlaybookShelf::ListPlaybooks(const Caller&,
                                                                       const v1::ListPlaybooksRequest&) const {
  ASSIGN_OR_RETURN(std::vector<v1::StoredPlaybook> newest, Newest());
  v1::ListPlaybooksResponse response;
  for (v1::StoredPlaybook& stored : newest) {
    stored.clear_yaml();  // a listing stays small; the text comes with GetPlaybook
    *response.add_playbooks() = std::move(stored);
  }
  return response;
}

absl::Status PlaybookShelf::LoadFolder(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".yaml") files.push_back(it->path());
  }
  if (error) return absl::NotFoundError(StrCat("playbook folder ", folder, ": ", error.message()));
  std::sort(files.begin(), files.end());
  // A shipped playbook may run another one of the folder, wherever that stands in the order of names.
  std::map<std::string, v1::Playbook> beside;
  std::vector<std::string> texts;
  for (const std::filesystem::path& file : files) {
    ASSIGN_OR_RETURN(texts.emplace_back(), ReadWhole(file));
    const LintReport report = LintPlaybook(file.filename().string(), texts.back(), actions_);
    beside.emplace(report.playbook.digest(), report.playbook);
  }
  LintSurroundings surroundings;
  surroundings.actions = actions_;
  surroundings.find_playbook = [&](const std::string& digest) {
    const auto found = beside.find(digest);
    return found != beside.end() ? std::optional<v1::Playbook>(found->second) : FindPlaybook(digest);
  };
  for (size_t i = 0; i < files.size(); ++i) {
    const LintReport report = LintPlaybook(files[i].filename().string(), texts[i], surroundings);
    if (!report.ok()) return Refusal(report);
    for (const v1::LintFinding& finding : report.findings)
      log_.Warning("playbook.lint", {{"finding", FormatFinding(finding)}});
    RETURN_IF_ERROR(Annotate(
        Store(report.playbook, texts[i], {.stored_by = ServiceCaller().identity.text(), .keep_version_of_people = true}),
        StrCat("store ", files[i].string())));
  }
  log_.Info("playbooks.loaded", {{"folder", folder}, {"files", StrCat(files.size())}});
  return absl::OkStatus();
}

absl::StatusOr<v1::StoredPlaybook> PlaybookShelf::Resolve(std::string_view name_or_digest) const {
  std::string digest(name_or_digest);
  if (!name_or_digest.starts_with("sha256:")) {
    ASSIGN_OR_RETURN(std::optional<store::v1::PlaybookName> name,
                     FindRecord(ledger_.store(), keys::PlaybookName(name_or_digest)));
    if (!name) {
      ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::PlaybookNames(), "", kPlaybooksMax));
      std::vector<std::string> known;
      for (const auto& [key, record] : page.records) known.push_back(record.name());
      const std::string nearest = NearestName(name_or_digest, known);
      return absl::NotFoundError(
          StrCat("playbook ", name_or_digest, " does not exist (next: ",
                 nearest.empty() ? std::string("firebreak playbook list") : StrCat("did you mean ", nearest), ")"));
    }
    digest = name->digest();
  }
  return LoadRecord(ledger_.store(), keys::Playbook(digest), StrCat("playbook ", name_or_digest));
}

absl::StatusOr<std::vector<v1::StoredPlaybook>> PlaybookShelf::Newest() const {
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::PlaybookNames(), "", kPlaybooksMax));
  std::vector<v1::StoredPlaybook> newest;
  for (const auto& [key, name] : page.records) {
    ASSIGN_OR_RETURN(v1::StoredPlaybook stored,
                     LoadRecord(ledger_.store(), keys::Playbook(name.digest()), StrCat("playbook ", name.name())));
    newest.push_back(std::move(stored));
  }
  return newest;
}

}  // namespace firebreak
