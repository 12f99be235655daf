"""The checked-in JSON Schema judged by a published validator: every shipped playbook fits, and wrong ones do not."""
import copy
import json
import pathlib
import sys

import jsonschema

try:
    import yaml
except ImportError:
    print("skipped: python3-yaml is not installed")
    sys.exit(0)

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "runbooks/playbooks/playbook.schema.json").read_text())
jsonschema.Draft7Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

GOOD = yaml.safe_load((ROOT / "runbooks/playbooks/poisoned-model.yaml").read_text())


def step(body):
    return {"steps": GOOD["steps"] + [{"extra": body}]}


# What each changes in a good playbook; none of these may fit.
WRONG = {
    "a key that does not exist": {"titel": "x"},
    "no title": {"title": None},
    "severity beyond the scale": {"severity": 101},
    "no steps": {"steps": []},
    "an unknown action": step({"do": "fleet.contian", "with": {"deployment": "$deployment"}}),
    "an argument that does not exist": step({"do": "fleet.contain", "with": {"deploymnt": "$deployment"}}),
    "a missing argument": step({"do": "fleet.contain", "with": {"reason": "x"}}),
    "no arguments at all": step({"do": "fleet.contain"}),
    "a number for a text": step({"do": "incident.note", "with": {"text": 3}}),
    "a state that does not exist": step({"do": "incident.advance", "with": {"state": "containd"}}),
    "two kinds at once": step({"do": "incident.note", "with": {"text": "x"}, "ask": "Why?"}),
    "no kind": step({"timeout": "5m"}),
    "a bad duration": step({"do": "incident.note", "with": {"text": "x"}, "timeout": "5 minutes"}),
    "a number for a duration": step({"do": "incident.note", "with": {"text": "x"}, "timeout": 300}),
    "a while without max": step({"while": "$plan.eligible", "steps": [{"n": {"do": "report.build"}}]}),
    "too many rounds": step({"while": "$plan.eligible", "max": 1001, "steps": [{"n": {"do": "report.build"}}]}),
    "a parallel of one": step({"parallel": [{"n": {"do": "report.build"}}]}),
    "a run without digest": step({"run": "bad-deploy"}),
    "a role that may not answer": step({"ask": "x", "who": {"roles": ["viewer"]}}),
    "nobody to ask": step({"ask": "x", "who": {"roles": []}}),
    "a name with capitals": {"steps": [{"Loud": {"do": "report.build"}}]},
    "an unknown code": step({"do": "report.build", "retry": {"times": 1, "unless": ["NOTFOUND"]}}),
    "a lock of another form": {"run": {"lock": "$deployment"}},
    "an unknown lock rule": {"run": {"lock": "deployment/$deployment", "if_locked": "queue"}},
    "an unknown trigger": {"trigger": {"event": "incident.closed"}},
    "a binding from elsewhere": {"inputs": {"deployment": {"type": "deployment", "from": "$x"}}},
}
FITS = {
    "every kind": step({"steps": [
        {"w": {"while": "not $p.ok", "max": 3, "steps": [{"p": {"do": "report.build", "delay": "5s", "on_failure": "continue"}}]}},
        {"s": {"switch": "incident.kind", "cases": [{"is": "drift", "steps": [{"d": {"do": "report.build"}}]}],
               "default": [{"e": {"do": "report.build"}}]}},
        {"f": {"for_each": "$quarantine.deployments", "as": "one", "type": "deployment", "max": 5,
               "steps": [{"g": {"do": "fleet.contain", "with": {"deployment": "$one"}}}]}},
        {"x": {"parallel": [{"a": {"do": "report.build"}}, {"b": {"do": "report.build"}}], "join": 1}},
        {"r": {"run": "bad-deploy@sha256:" + "0" * 64, "with": {"deployment": "$deployment"}}},
    ]}),
}


def changed(change):
    playbook = copy.deepcopy(GOOD)
    for key, value in change.items():
        if value is None:
            del playbook[key]
        else:
            playbook[key] = value
    return playbook


def main():
    failures = []
    files = sorted((ROOT / "runbooks/playbooks").glob("*.yaml"))
    for file in files:
        playbook = yaml.safe_load(file.read_text())
        for error in VALIDATOR.iter_errors(playbook):
            failures.append(f"{file.name}: {error.json_path}: {error.message[:200]}")
    for name, change in FITS.items():
        failures += [f"{name} should fit: {error.message[:200]}" for error in VALIDATOR.iter_errors(changed(change))]
    failures += [f"{name} should not fit" for name, change in WRONG.items() if VALIDATOR.is_valid(changed(change))]
    print("\n".join(failures))
    print(f"{len(files)} playbooks, {len(WRONG)} wrong ones, {len(failures)} failures")
    return 1 if failures or len(files) < 3 else 0


sys.exit(main())
