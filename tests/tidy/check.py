"""Checks the house rules a machine can check, over the whole tree. No file is exempt: a rule that is wrong is changed.

    check.py --root DIR [--summary]

Prints `path:line: rule: message` for each finding and exits 1 when there is one. `--summary` counts them by folder.
"""
import argparse
import collections
import sys

import cpp_rules
import graph_rules
import text_rules
from tree import Tree

RULES = graph_rules.RULES + cpp_rules.RULES + text_rules.RULES


def findings(root):
    tree = Tree(root)
    return sorted({finding for rule in RULES for finding in rule(tree)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True)
    parser.add_argument("--summary", action="store_true")
    arguments = parser.parse_args()
    found = findings(arguments.root)
    for path, line, rule, message in found:
        print(f"{path}:{line}: {rule}: {message}")
    if arguments.summary:
        counts = collections.Counter(("/".join(path.split("/")[:-1][:3]), rule) for path, _, rule, _ in found)
        for (folder, rule), count in sorted(counts.items()):
            print(f"{count:5}  {folder or '.'}  {rule}", file=sys.stderr)
    print(f"{len(found)} findings", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
