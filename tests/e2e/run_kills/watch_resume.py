"""Somebody follows a playbook run in the terminal while its firebreakd is killed and started again, three times.

    watch_resume.py --bin BUILD/bin [--keep]

The view goes on by itself until the run is over, and has shown every change exactly once and in order: what one who begins to watch
afterwards is shown.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import service as service_module  # noqa: E402  (its folder is only known here)

world = service_module.world

NAPS = 6
PLAYBOOK = """playbook: naps
title: Takes a while
steps:
""" + "".join(f"- nap{number}: {{do: time.sleep, with: {{for: 300ms}}}}\n" for number in range(NAPS)) + """- gate:
    ask: May it end?
    who: {roles: [responder], need: 1, not: [trigger]}
    timeout: 50m
- last: {if: $gate.approved, then: [{end: {do: time.sleep, with: {for: 10ms}}}]}
"""


def changes_of(text):
    """(sequence, action, step) of every change that the lines of a JSON view tell; a line that is being written is left out."""
    changes = []
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            changes += [(int(each["sequence"]), each["action"], each.get("step", "")) for each in json.loads(line).get("changes", [])]
    return changes


def follow(service, run, to):
    """`firebreak run watch` as sam has it, its lines in the file `to`."""
    return subprocess.Popen([service.sam.binary, "-o", "json", "run", "watch", run], stdout=to.open("w"), stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL, env={**os.environ, "FIREBREAK_CONFIG": str(service.sam.config)})


def check(service, folder):
    playbook = folder / "naps.yaml"
    playbook.write_text(PLAYBOOK)
    service.admin.run("playbook", "put", playbook)
    run = json.loads(service.riley.run("-o", "json", "run", "start", "naps", "--reason", "drill"))["run"]["id"]
    seen = folder / "view.jsonl"
    view = follow(service, run, seen)
    try:
        for kill in range(1, 4):
            world.wait_for(f"nap {kill} to be told as done", lambda: (kill, "step.done") in told_naps(seen), 60)
            service.kill()
            service.revive()
        waiting = world.wait_for("the question", lambda: json.loads(service.sam.run("-o", "json", "approve", "list")).get("approvals"), 60)
        service.kill()   # once more while nothing moves
        service.revive()
        service.sam.run("approve", run, waiting[0]["step"], "--digest", waiting[0]["subject_digest"])
        if view.wait(timeout=60) != 0:
            raise world.Failed(f"the view ended with {view.returncode}:\n{seen.read_text()[-2000:]}")
    finally:
        if view.poll() is None:
            view.kill()
            view.wait()
    shown = changes_of(seen.read_text())
    afterwards = folder / "afterwards.jsonl"
    if follow(service, run, afterwards).wait(timeout=60) != 0:
        raise world.Failed("the run cannot be watched afterwards")
    expected = changes_of(afterwards.read_text())
    if shown != expected:
        missing = [each for each in expected if each not in shown]
        twice = [each for each in shown if shown.count(each) > expected.count(each)]
        raise world.Failed(f"missing {missing}, too often {twice}, of {len(expected)} changes")
    ends = [step for _, action, step in shown if action == "step.done"]
    if len(ends) != NAPS + 1:
        raise world.Failed(f"the run ended {len(ends)} steps, not {NAPS + 1}: {ends}")
    world.say(f"{len(shown)} changes shown over 4 restarts, each once and in order")


def told_naps(seen):
    """(number of the nap, what was told of it); naps are counted from 1."""
    return {(int(step[3:]) + 1, action) for _, action, step in changes_of(seen.read_text()) if step.startswith("nap")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="firebreak-watch-"))
    service = service_module.Service(options.bin.resolve(), folder)
    try:
        check(service, folder)
        return 0
    except Exception as error:  # the logs say more than the error
        world.fail_with_logs(error, service.processes)
        return 1
    finally:
        service.stop()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
