// Tables that test a playbook: cases with an incident, what each action answers, who votes when, and what must come of it.
// Written in the YAML playbooks are written in, with the same positions in findings. How one is run: rehearsal.
#ifndef FIREBREAK_PLAYBOOKS_TEST_TABLE_H_
#define FIREBREAK_PLAYBOOKS_TEST_TABLE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "firebreak/v1/incident.pb.h"
#include "firebreak/v1/playbook.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

inline constexpr size_t kTestCasesMax = 200;

// What an action answers to one attempt: outputs, or a failure code, after `takes` of virtual time.
struct DeclaredOutcome {
  google::protobuf::Struct outputs;
  std::string fail;  // UNAVAILABLE …; empty = it succeeds
  std::string message;
  absl::Duration takes = absl::ZeroDuration();
};

struct DeclaredVote {
  std::string step;  // name or path of the ask
  std::string by;
  std::string as;    // the role they answer in; empty = one that may
  bool approve = true;
  absl::Duration at = absl::ZeroDuration();  // after the question was asked
};

// Empty parts expect nothing. Steps are given by name or path.
struct CaseExpectation {
  std::string state;  // succeeded | failed | cancelled
  std::vector<std::string> reached;
  std::vector<std::string> not_reached;
  std::vector<std::string> failed;
  std::vector<std::string> undone;
  std::optional<std::vector<std::string>> calls;  // every action performed, in order, attempts included
  std::map<std::string, google::protobuf::Value> outputs;  // "plan.eligible" -> value
  std::optional<absl::Duration> within;
};

struct TestCase {
  std::string name;
  std::string about;
  v1::Incident incident;
  google::protobuf::Struct inputs;
  std::string started_by = "trigger";
  // By path, step name or action, looked for in that order. The n-th answers the n-th call; the last one all later calls.
  std::map<std::string, std::vector<DeclaredOutcome>> outcomes;
  std::vector<DeclaredVote> votes;
  std::optional<absl::Duration> cancel_at;
  CaseExpectation expect;
  v1::SourcePosition position;
};

struct TestTable {
  std::string playbook;                 // path of the playbook, relative to the table
  std::vector<std::string> playbooks;   // others that it runs
  bool cover_all = false;               // `coverage: all`: every step must be reached in some case
  std::vector<TestCase> cases;
  std::vector<v1::LintFinding> findings;
  bool ok() const;
};

// Pure. `file` is only used in findings.
TestTable ReadTestTable(std::string_view file, std::string_view yaml);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_TEST_TABLE_H_
