"""Rules about C++ text: lengths, header openings, guards, bans, names."""
import re

FUNCTION_LINES_MAX = 70   # a function is shorter than this
FILE_LINES_MAX = 500      # a hand-written file is at most this long

# rule, pattern, message, whether mains may
BANS = (
    ("no-sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor)\s*\(|(?<![\w.>:])(::)?sleep\s*\(",
     "sleeping to wait: wait for the thing itself, or let the test move the clock", False),
    ("injected-time", r"\b(system_clock|high_resolution_clock)::now\b|\babsl::Now\s*\(|\bgettimeofday\s*\("
                      r"|(?<![\w.>])time\s*\(\s*(nullptr|NULL|0)\s*\)",
     "real time below a main: take a Clock", True),
    ("injected-random", r"\brandom_device\b|(?<![\w.>])s?rand\s*\(", "real randomness below a main: take a Random", True),
    ("no-environment", r"\b(secure_)?getenv\s*\(", "the environment is read by mains only: take an option", True),
    ("no-std-regex", r"\bstd::(w?regex|w?smatch|w?cmatch|regex_\w+)\b", "std::regex backtracks: RE2", False),
    ("no-stdout", r"\bstd::(cout|cerr|clog)\b", "a library does not print: take a Log or answer a value", True),
)
BAD_NAME = re.compile(r"\b(?:class|struct)\s+(?:\w+::)*(\w*(?:Manager|Helpers?|Utils?|Processor)|\w+(?:Impl|Info|Context))\b(?=[^;(]*\{)")
BAD_FILE = re.compile(r"(^|_)(utils?|helpers?|manager|misc|common|processor|impl)(_|$)")
CODE_IN_COMMENT = re.compile(
    r"^\s*//+\s*(return\b.*;|(if|for|while|switch)\s*\(.*\)\s*\{?|#include\b.*|else\s*\{?|\}|[\w:.>\-\[\]]+\([^()]*\);|"
    r"[\w:<>*& ]+\s=\s[^.]*;)\s*$")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_length(tree):
    for file in tree.files.values():
        if file.suffix in (".cc", ".h", ".py"):
            count = len(file.lines) - (1 if file.text.endswith("\n") else 0)
            if count > FILE_LINES_MAX:
                yield file.path, FILE_LINES_MAX + 1, "file-length", f"{count} lines, at most {FILE_LINES_MAX}"


def without_directives(code):
    """Preprocessor lines blanked, with what they continue on."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), code, flags=re.M)


def scope_kind(head):
    """What a `{` opens, from the text since the last `;`, `{` or `}`."""
    if re.match(r"(inline\s+)?namespace\b|extern\b\s*\"", head):
        return "scope"
    if re.match(r"(template\s*<.*>\s*)?(typedef\s+)?(class|struct|union|enum)\b", head, re.S) and not re.search(r"\)\s*(const|noexcept|override|final)*\s*$", head):
        return "scope"
    flat = head
    while (shorter := re.sub(r"\([^()]*\)", "", flat)) != flat:
        flat = shorter
    if "(" in head and not re.search(r"(?<!operator)(?<![=!<>])=(?!=)", re.sub(r"operator\W*", "", flat)):
        return "function"
    return "other"


def functions(code):
    """(first line, last line, head) of every function body at namespace or class level."""
    text = without_directives(code)
    stack, start = [], 0
    for match in re.finditer(r"[;{}]", text):
        here, mark = match.start(), match.group(0)
        inside = bool(stack) and stack[-1][0] != "scope"
        if mark == "{":
            head = text[start:here]
            stack.append(("inner" if inside else scope_kind(head.strip()), start + len(head) - len(head.lstrip()), head.strip()))
        elif mark == "}" and stack:
            kind, begun, head = stack.pop()
            if kind == "function":
                rest = text[here + 1:].lstrip()
                if rest[:1] in (",", "{"):   # `member_{value}, other_{value} {`: still the constructor's head
                    start = begun
                    continue
                yield line_of(text, begun), line_of(text, here), head
            if not any(kind != "scope" for kind, _, _ in stack):
                start = here + 1
            continue
        if not inside and not any(kind != "scope" for kind, _, _ in stack):
            start = here + 1


def check_functions(tree):
    for file in tree.cpp():
        for first, last, head in functions(file.code):
            if last - first + 1 >= FUNCTION_LINES_MAX:
                name = re.search(r"([\w:~]+)\s*\(([^()]*)", head)
                said = f"{name.group(1)}({name.group(2)})" if name and name.group(1).startswith("TEST") else (
                    name.group(1) if name else "function")
                yield file.path, first, "function-length", f"{said}: {last - first + 1} lines, fewer than {FUNCTION_LINES_MAX}"


def check_headers(tree):
    for file in tree.cpp():
        if not file.is_header:
            continue
        if not re.match(r"// \S", file.lines[0]):
            yield file.path, 1, "header-opening", "a header opens with a // comment that says what it is for"
        place = file.path.removeprefix("include/firebreak/") if file.is_public_header else file.path
        guard = "FIREBREAK_" + re.sub(r"\W", "_", place).upper() + "_"
        found = re.search(r"^#ifndef (\w+)\n#define (\w+)$", file.text, re.M)
        if not found or found.groups() != (guard, guard):
            yield file.path, 1, "include-guard", f"the guard is named after the path: {guard}"
        for match in re.finditer(r"\busing\s+namespace\b", file.code):
            yield file.path, line_of(file.code, match.start()), "using-namespace", "not in a header"


def check_bans(tree):
    for file in tree.cpp():
        for rule, pattern, message, mains_may in BANS:
            if mains_may and file.is_main:
                continue
            for match in re.finditer(pattern, file.code):
                yield file.path, line_of(file.code, match.start()), rule, message


def check_names(tree):
    for file in tree.files.values():
        if file.suffix in (".cc", ".h", ".py") and BAD_FILE.search(file.stem.lower()):
            yield file.path, 1, "names", f"{file.name}: name it for what it is"
        if file.is_cpp:
            for match in BAD_NAME.finditer(file.code):
                yield file.path, line_of(file.code, match.start()), "names", f"{match.group(1)}: name it for what it is"


def check_comments(tree):
    for file in tree.cpp():
        for line, text in file.comments:
            if CODE_IN_COMMENT.match(text):
                yield file.path, line, "commented-out-code", text.strip()


RULES = (check_length, check_functions, check_headers, check_bans, check_names, check_comments)
