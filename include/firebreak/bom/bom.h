// CycloneDX ML-BOMs from facts: what a snapshot or deployment is made of, in a form other people's tools read. Pure and
// repeatable: the same facts give the same bytes, serial number included.
#ifndef FIREBREAK_BOM_BOM_H_
#define FIREBREAK_BOM_BOM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/v1/bom.pb.h"
#include "firebreak/v1/fleet.pb.h"
#include "firebreak/v1/lineage.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// How many files a BOM lists, in path order; what is left out is counted in a property, and the composition is then called
// incomplete. Ancestors are there to be known, not to be rebuilt.
inline constexpr size_t kBomFilesOfSubject = 1000;
inline constexpr size_t kBomFilesOfAncestor = 20;
inline constexpr size_t kBomAncestorsMax = 500;   // nearest first

struct BomFile {
  std::string path;
  uint64_t size_bytes = 0;
  std::string sha256_hex;
};

// One snapshot: the subject, a part of a release, or an ancestor.
struct BomSnapshot {
  v1::Snapshot snapshot;                          // with quarantine filled in
  std::vector<BomFile> files;                     // the first of them
  std::vector<v1::SignatureSummary> signatures;
  std::vector<v1::LineageStatement> statements;   // about its own edges
  std::optional<uint64_t> log_index;              // of the entry that recorded its push
  absl::Time proven_at = absl::InfinitePast();    // InfinitePast: never
  bool proven_intact = false;
};

struct BomFacts {
  v1::BomSpec spec = v1::BOM_SPEC_1_6;
  std::vector<BomSnapshot> subjects;      // one; or the parts of a deployment's release, the model first
  std::vector<BomSnapshot> ancestors;     // of all subjects, each once, none of them a subject
  uint64_t ancestors_left_out = 0;
  std::optional<v1::Deployment> deployment;
  std::string service_version;
  std::string log_origin;                 // first line of the log's checkpoints
  std::string checkpoint;                 // signed note that covers every log index above; may be empty
};

struct Bom {
  std::string json;            // with a line end
  std::string serial_number;   // urn:uuid:…, made from the content
  std::string spec_version;    // 1.6
};

// Labels become model card and governance where they say so; docs: include/firebreak/bom/README.md.
Bom ComposeBom(const BomFacts& facts);

// The in-toto statement whose predicate is exactly `bom`: subjects are the snapshots and the files listed.
std::string BomStatement(const BomFacts& facts, const Bom& bom);

}  // namespace firebreak

#endif  // FIREBREAK_BOM_BOM_H_
