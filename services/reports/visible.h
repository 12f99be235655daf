// Text from outside as it may stand in a report: nothing in it moves a cursor, ends a line or turns the reading direction.
#ifndef FIREBREAK_SERVICES_REPORTS_VISIBLE_H_
#define FIREBREAK_SERVICES_REPORTS_VISIBLE_H_

#include <string>
#include <string_view>

namespace firebreak {

enum class LineBreaks { kAsBlanks, kKept };

// Line ends (CR, LF, CRLF, and U+2028, U+2029) become one blank or one LF; tabs a blank; other control characters and the bidirectional
// controls (U+202A..U+202E, U+2066..U+2069) U+FFFD.
std::string Visible(std::string_view text, LineBreaks breaks = LineBreaks::kAsBlanks);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_REPORTS_VISIBLE_H_
