// The boxes a playbook is drawn with, whatever draws them: names, short texts and lanes of boxes inside boxes.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_SKETCH_BOXES_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_SKETCH_BOXES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "firebreak/playbooks/sketch.h"

namespace firebreak {

struct SketchBox;

struct SketchLane {
  std::string label;  // then, else, "warn" …
  std::vector<SketchBox> boxes;
};

struct SketchBox {
  enum class Kind { kDo, kAsk, kChoice, kParallel, kLoop, kGroup, kRun };
  enum class Tone { kPlain, kReads, kContains, kChanges, kAsks };
  Kind kind = Kind::kDo;
  Tone tone = Tone::kPlain;
  std::string name;
  std::string summary;              // what it does, in one line for the terminal
  std::vector<std::string> lines;   // the same in a few short lines
  std::vector<std::string> badges;  // always, retry 3, undo fleet.contain …
  std::vector<SketchLane> lanes;    // kChoice and kParallel: side by side; kLoop and kGroup: one
};

std::vector<SketchBox> SketchBoxes(const google::protobuf::RepeatedPtrField<v1::Step>& steps,
                                   absl::Span<const ActionSpec* const> actions);

// At most `most` characters (not bytes), the last one an ellipsis when some are missing.
std::string ShortLabel(std::string_view text, size_t most);
// Lines of at most `width` characters, broken between words where that is possible; the last of `most` lines is shortened.
std::vector<std::string> Wrap(std::string_view text, size_t width, size_t most);
size_t CountCharacters(std::string_view text);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_SKETCH_BOXES_H_
