"""Rules about every text file: whitespace, markers, machine words, dead links; and about protos and Python."""
import ast
import os
import re

FUNCTION_LINES_MAX = 70

# Put together from pieces, so that these rules do not find themselves.
MARKERS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
MACHINE = re.compile("|".join((
    r"(?<![\w.}])/" + r"work/", r"/tmp/" + r"(bash_jobs|fb)\b", r"(?<![\w.}])/" + r"root/", r"(?<![\w.}])/" + r"home/\w+",
    r"\b(py" + r"pi\.org|npm" + r"js\.(com|org)|crates" + r"\.io|docker" + r"\.io|gh" + r"cr\.io|proxy\.gol" + r"ang\.org)",
    r"(?i:\b(clau" + r"de|anthro" + r"pic|sub" + r"agent|chat" + r"gpt|arti" + r"factory)\b)")))


def check_whitespace(tree):
    for file in tree.files.values():
        if not file.is_text or not file.text:
            continue
        if not file.text.endswith("\n"):
            yield file.path, len(file.lines), "whitespace", "no newline at the end of the file"
        elif file.text.endswith("\n\n"):
            yield file.path, len(file.lines) - 1, "whitespace", "empty lines at the end of the file"
        if "\r" in file.text:
            yield file.path, 1, "whitespace", "carriage returns"
        for number, line in enumerate(file.lines, 1):
            if line != line.rstrip():
                yield file.path, number, "whitespace", "space at the end of the line"
            if "\t" in line and (file.is_cpp or file.suffix in (".proto", ".py", ".yaml")):
                yield file.path, number, "whitespace", "tab"


def check_words(tree):
    for file in tree.files.values():
        for number, line in enumerate(file.lines, 1):
            if match := MARKERS.search(line):
                yield file.path, number, "marker", f"{match.group(0)}: do it, or file it"
            if match := MACHINE.search(line):
                yield file.path, number, "machine-words", f"{match.group(0)}: the project speaks of itself alone"


def check_links(tree):
    """A relative link in Markdown leads somewhere in the tree."""
    for file in tree.files.values():
        if file.suffix != ".md":
            continue
        for number, line in enumerate(file.lines, 1):
            for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", line):
                if re.match(r"[a-z]+:", target):
                    continue
                if not os.path.exists(os.path.join(tree.root, file.folder, target)):
                    yield file.path, number, "dead-link", f"{target} does not exist"


def paragraph(lines, index):
    """The lines above `index` back to the last empty one."""
    start = index
    while start > 0 and lines[start - 1].strip():
        start -= 1
    return lines[start:index]


def documented(lines, index):
    """A comment at the line's end, or one above it in the same paragraph: a row of small things shares its comment."""
    return "//" in lines[index] or any(line.strip().startswith("//") for line in paragraph(lines, index))


def message_body(lines, index):
    """The lines of the message that opens at `index`, its own and those of what is nested in it."""
    depth = 0
    for at in range(index, len(lines)):
        code = lines[at].split("//")[0]
        depth += code.count("{") - code.count("}")
        if depth <= 0:
            return lines[index:at + 1]
    return lines[index:]


RPC = re.compile(r"\brpc\s+\w+\s*\(\s*(?:stream\s+)?([\w.]+)\s*\)\s*returns\s*\(\s*(?:stream\s+)?([\w.]+)")


def check_protos(tree):
    """A file says what it is; a service and an rpc what they do; a message what it means, above it or at a field. What an
    rpc takes and answers is documented with the rpc, a part of another message with that."""
    protos = [file for file in tree.files.values() if file.suffix == ".proto"]
    of_rpcs = {name.split(".")[-1] for file in protos for pair in RPC.findall(file.text) for name in pair}
    for file in protos:
        if not file.lines[0].startswith("// "):
            yield file.path, 1, "proto-comment", "the file opens with a // comment that says what it is for"
        for index, line in enumerate(file.lines):
            match = re.match(r"\s*(service|rpc|message)\s+(\w+)", line)
            if not match or documented(file.lines, index):
                continue
            kind, name = match.groups()
            if kind == "message" and (name in of_rpcs or re.search(rf"\b{name}>?\s+\w+\s*=\s*\d", file.text)
                                      or any("//" in part for part in message_body(file.lines, index))):
                continue
            if kind == "rpc" and any(above.startswith("service ") for above in paragraph(file.lines, index)):
                continue   # of the service's own paragraph, which was reported
            yield file.path, index + 1, "proto-comment", f"{kind} {name} has no comment"


def unused_imports(module, text):
    imported = {}
    for node in ast.walk(module):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                imported[(alias.asname or alias.name).split(".")[0]] = node.lineno
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    listed = set(re.findall(r"__all__.*", text))
    return [(line, name) for name, line in imported.items()
            if name not in used and name != "annotations" and not any(name in part for part in listed)]


def own_lines(function):
    """Its lines without those of functions and classes inside it, which are counted for themselves."""
    count = function.end_lineno - function.lineno + 1
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            count -= node.end_lineno - node.lineno + 1
        else:
            waiting += ast.iter_child_nodes(node)
    return count


def check_python(tree):
    for file in tree.files.values():
        if file.suffix != ".py":
            continue
        try:
            module = ast.parse(file.text)
        except SyntaxError as error:
            yield file.path, error.lineno or 1, "python", f"does not parse: {error.msg}"
            continue
        if not ast.get_docstring(module):
            yield file.path, 1, "python", "the file opens with a docstring that says what it is for"
        for line, name in unused_imports(module, file.text):
            yield file.path, line, "unused-import", name
        for node in ast.walk(module):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                count = own_lines(node)
                if count >= FUNCTION_LINES_MAX:
                    yield (file.path, node.lineno, "function-length",
                           f"{node.name}: {count} lines, fewer than {FUNCTION_LINES_MAX}")


RULES = (check_whitespace, check_words, check_links, check_protos, check_python)
