"""Judges STIX bundles by OASIS's own JSON schemas: core objects, both published shapes of the incident extension, TLP 2.0.

    check_stix.py VECTORS/sharing/stix BUNDLE...      exit 0 valid, 1 with what is wrong, 77 without python3-jsonschema
"""
import json
import pathlib
import sys
import warnings

warnings.simplefilter("ignore")
try:
    import jsonschema
except ImportError:
    sys.exit(77)

CORE = {"incident": "sdos/incident.json", "relationship": "sros/relationship.json",
        "marking-definition": "common/marking-definition.json"}
EXTENDED = {"incident": "ef765651-680c-498d-9894-99799f2fa126", "impact": "7cc33dd6-f6a1-489b-98ea-522d351d71b9",
            "task": "2074a052-8be4-4932-849e-f5e7798e0030"}


def load(root):
    """Every schema under the address by which the others refer to it."""
    known = {}
    for path in (root / "schemas-2.1/schemas").rglob("*.json"):
        schema = json.loads(path.read_text())
        known[schema["$id"]] = schema
        known[schema["$id"].replace("http://", "https://")] = schema
    return known


def inline(node, definitions):
    """References within one file, replaced by what they mean: the extension schemas are read by more than one draft's rules."""
    if isinstance(node, list):
        return [inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    local = node.get("$ref", "")
    if isinstance(local, str) and local.startswith("#/definitions/"):
        return inline(definitions[local.rsplit("/", 1)[1]], definitions)
    return {key: inline(value, definitions) for key, value in node.items()}


def main():
    root = pathlib.Path(sys.argv[1])
    known = load(root)
    faults = []

    def judge(schema, item, what):
        resolver = jsonschema.RefResolver(schema.get("$id", ""), schema, store=known)
        kind = jsonschema.validators.validator_for(schema)
        for error in kind(schema, resolver=resolver).iter_errors(item):
            faults.append(f"{what}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")

    core = {path: json.loads((root / "schemas-2.1/schemas" / path).read_text()) for path in CORE.values()}
    for name in sys.argv[2:]:
        bundle = json.loads(pathlib.Path(name).read_text())
        # The bundle schema itself refers to a definition that does not exist: only its own properties are judged.
        shell = json.loads((root / "schemas-2.1/schemas/common/bundle.json").read_text())
        shell["properties"].pop("objects")
        judge(shell, {key: value for key, value in bundle.items() if key != "objects"}, f"{name} bundle")
        for item in bundle["objects"]:
            kind = item["type"]
            if kind in CORE:
                judge(core[CORE[kind]], item, f"{name} {kind}")
            if kind in EXTENDED:
                for shape in ("incident-ext-A-sequences", "incident-ext-B-refs"):
                    schema = json.loads((root / shape / f"extension-definition--{EXTENDED[kind]}.json").read_text())
                    judge(inline(schema, schema.get("definitions", {})), item, f"{name} {kind} {shape}")
    published = {item["id"]: item for item in json.loads((root / "tlp2_markings.json").read_text())["objects"]}
    for name in sys.argv[2:]:
        for item in json.loads(pathlib.Path(name).read_text())["objects"]:
            if item["type"] == "marking-definition" and item != published.get(item["id"]):
                faults.append(f"{name}: {item['id']} is not the published marking")
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


main()
