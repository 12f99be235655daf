"""Judges CACAO documents by the OASIS schemas, read as draft-07, and by what the schemas cannot say.

    check_oasis.py SCHEMAS DOCUMENT...      exit 0 valid, 1 with what is wrong, 77 without python3-jsonschema
"""
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)


def known_schemas(folder):
    known = {}
    for path in folder.rglob("*.json"):
        schema = json.loads(path.read_text())
        known[path.resolve().as_uri()] = schema
        if "$id" in schema:
            known[schema["$id"]] = schema
    return known


def ids_in(value):
    """Every identifier-like text inside a step, by the member it stands under."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "step_extensions":
                yield from ids_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from ids_in(inner)
    elif isinstance(value, str) and "--" in value and " " not in value:
        yield value


def graph_faults(document):
    workflow = document["workflow"]
    known = set(workflow) | set(document.get("agent_definitions", {})) | set(document.get("target_definitions", {})) | {document["workflow_start"]}
    seen, left = set(), [document["workflow_start"], document.get("workflow_exception")]
    while left:
        step = left.pop()
        if step is None or step in seen or step not in workflow:
            continue
        seen.add(step)
        left += [one for one in ids_in(workflow[step]) if one in workflow]
    for step in set(workflow) - seen:
        yield f"{step} cannot be reached"
    for name, step in workflow.items():
        for one in ids_in({key: value for key, value in step.items() if key != "playbook_id"}):
            if one not in known:
                yield f"{name} names {one}, which is nowhere"
        if step["type"] != "end" and not any(key in step for key in ("on_completion", "on_success")):
            yield f"{name} leads nowhere"


def main(schemas, documents):
    folder = pathlib.Path(schemas)
    known = known_schemas(folder)
    root = json.loads((folder / "playbook.json").read_text())
    base = root.get("$id") or (folder / "playbook.json").resolve().as_uri()
    resolver = jsonschema.RefResolver(base, root, store=known)
    validator = jsonschema.Draft7Validator(root, resolver=resolver)
    bad = 0
    for path in documents:
        document = json.loads(pathlib.Path(path).read_text())
        faults = [f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(document)]
        faults += list(graph_faults(document))
        for fault in faults:
            print(f"{path}: {fault}")
        bad += bool(faults)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
