#include "tests/sim/runs/shelf_content.h"

#include <algorithm>
#include <filesystem>

#include "firebreak/playbooks/playbook_shelf.h"
#include "gtest/gtest.h"
#include "tests/sim/runs/builtin_specs.h"
#include "tests/sim/runs/simulation.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak::testing {
namespace {

std::map<std::string, v1::StoredPlaybook> ReadAll() {
  LedgerFixture fixture;
  PlaybookShelf shelf(*fixture.ledger, fixture.clock, *fixture.log, BuiltinSpecPointers());
  const std::filesystem::path root(FIREBREAK_SOURCE_DIR);
  for (const char* folder : {"runbooks/playbooks", "tests/sim/runs/playbooks"}) {
    const absl::Status loaded = shelf.LoadFolder((root / folder).string());
    if (!loaded.ok()) ADD_FAILURE() << folder << ": " << loaded;
  }
  std::map<std::string, v1::StoredPlaybook> all;
  auto newest = shelf.Newest();
  if (!newest.ok()) ADD_FAILURE() << newest.status();
  for (v1::StoredPlaybook& stored : *newest) {
    stored.set_stored_by("alice");
    const std::string name = stored.playbook().name();
    all[name] = std::move(stored);
  }
  return all;
}

}  // namespace

const std::map<std::string, v1::StoredPlaybook>& SimulatedPlaybooks() {
  static const auto& all = *new std::map<std::string, v1::StoredPlaybook>(ReadAll());
  return all;
}

std::vector<std::string> PlaybookNames() {
  std::vector<std::string> names;   // a playbook's file is called as it is
  for (const char* folder : {"runbooks/playbooks", "tests/sim/runs/playbooks"}) {
    for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(FIREBREAK_SOURCE_DIR) / folder)) {
      if (file.path().extension() == ".yaml") names.push_back(file.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace firebreak::testing
