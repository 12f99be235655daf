"""The API and the stored records change by addition only.

    schema.py --root DIR      compares proto/ with tests/golden/schema.txt

Every field, enum value and rpc is one line: full name, number, type. A line of the golden file that is no longer true is an
error; a new line must be added to it, which FIREBREAK_BLESS=1 does (it never removes one).
"""
import argparse
import os
import pathlib
import re
import sys

FIELD = re.compile(r"^(repeated |optional )?(map<[^>]+>|[\w.]+) (\w+) = (\d+)\s*(?:\[[^\]]*\])?;")
VALUE = re.compile(r"^(\w+) = (\d+);")
OPEN = re.compile(r"^(message|enum|oneof|service) (\w+) \{")
RPC = re.compile(r"^rpc (\w+)\((\w+)\) returns \((stream )?(\w+)\);")


def statements(text):
    """Lines without comments; a block that opens and closes on one line is taken apart."""
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"([{;}])", r"\1\n", text)
    for line in text.splitlines():
        if line.strip():
            yield line.strip()


def describe(path):
    scope = []
    package = ""
    for line in statements(path.read_text(encoding="utf-8")):
        if line.startswith("package "):
            package = line.split()[1].rstrip(";")
        elif match := OPEN.match(line):
            scope.append((match.group(1), match.group(2)))
        elif line == "}":
            scope.pop()
        else:
            name = ".".join([package] + [part for kind, part in scope if kind != "oneof"])
            if scope and scope[-1][0] == "enum" and (match := VALUE.match(line)):
                yield f"{name}.{match.group(1)} = {match.group(2)}"
            elif scope and scope[-1][0] == "service" and (match := RPC.match(line)):
                yield f"{name}.{match.group(1)}: {match.group(2)} -> {match.group(3) or ''}{match.group(4)}"
            elif scope and (match := FIELD.match(line)):
                yield f"{name}.{match.group(3)} = {match.group(4)}: {match.group(1) or ''}{match.group(2)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    root = parser.parse_args().root
    golden_path = root / "tests" / "golden" / "schema.txt"
    now = {line for path in sorted((root / "proto").rglob("*.proto")) for line in describe(path)}
    golden = set(golden_path.read_text(encoding="utf-8").splitlines()) if golden_path.exists() else set()
    missing, added = sorted(golden - now), sorted(now - golden)
    for line in missing:
        print(f"changed or gone: {line}")
    if os.environ.get("FIREBREAK_BLESS"):
        golden_path.write_text("".join(f"{line}\n" for line in sorted(golden | now)), encoding="utf-8")
        added = []
    for line in added:
        print(f"new, not in tests/golden/schema.txt (FIREBREAK_BLESS=1 adds it): {line}")
    print(f"{len(now)} fields, values and methods")
    return 1 if missing or added or not now else 0


if __name__ == "__main__":
    sys.exit(main())
