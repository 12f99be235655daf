"""SIGKILLs a real firebreakd at random moments of playbook runs in flight, then asks its audit log what happened.

    run_kills.py --bin BUILD/bin [--kills 200] [--seed N] [--keep]

Every run must end well, no effect happen twice, no question be asked twice, nobody lift a containment, and the log verify.
"""
import argparse
import collections
import json
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import service as service_module  # noqa: E402  (its folder is only known here)

world = service_module.world

PLAYBOOK = """playbook: drill
title: Every kind of effect, for a service that is killed
inputs:
  deployment: {type: deployment}
  parts: {type: list, of: string, default: [one, two, three]}
run:
  timeout: 1h
  lock: deployment/$deployment
  if_locked: wait
steps:
- contain:
    do: fleet.contain
    with: {deployment: $deployment, reason: drill}
- both:
    parallel:
    - look: {do: fleet.verify, with: {deployment: $deployment}}
    - keep: {do: evidence.capture, with: {deployment: $deployment}}
    - rest: {do: time.sleep, with: {for: 200ms}}
- each:
    for_each: $parts
    as: part
    type: string
    max: 5
    steps:
    - nap: {do: time.sleep, with: {for: 50ms}}
    - kept: {do: evidence.capture, with: {deployment: $deployment}}
- plan: {do: rollback.plan, with: {deployment: $deployment}}
- gate:
    ask: Freeze {$deployment} too?
    who: {roles: [responder], need: 1, not: [trigger]}
    about: $plan.digest
    timeout: 50m
- after:
    if: $gate.approved
    then:
    - freeze: {do: fleet.freeze, with: {deployment: $deployment, reason: drill}}
"""
DEPLOYMENTS = 6
IN_FLIGHT = 6


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


class People:
    """They start drills and answer what is asked, whatever happens to the service meanwhile."""

    def __init__(self, service, seed):
        self.service, self.random = service, random.Random(seed)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.ended.is_set():
            self.once(starts=True)
            time.sleep(0.05)

    def once(self, starts):
        active = self.service.riley.raw("--timeout", "5s", "-o", "json", "run", "list", "--active")
        if active.returncode != 0:
            return None
        runs = json.loads(active.stdout or "{}").get("runs", [])
        if starts and len(runs) < IN_FLIGHT:
            name = f"d{self.random.randrange(DEPLOYMENTS)}-prod"
            self.service.riley.raw("--timeout", "5s", "run", "start", "drill", "--input", f"deployment={name}", "--reason", "drill")
        waiting = self.service.sam.raw("--timeout", "5s", "-o", "json", "approve", "list")
        for each in json.loads(waiting.stdout or "{}").get("approvals", []) if waiting.returncode == 0 else []:
            self.service.sam.raw("--timeout", "5s", "approve", each["run"], each["step"], "--digest", each["subject_digest"])
        return len(runs)


def prepare(service):
    service.make_publisher()
    for number in range(DEPLOYMENTS):
        name = f"d{number}-prod"
        service.admin.run("deployment", "create", name, "--env", "prod")
        service.riley.run("deployment", "deploy", name, "model/fraud@1", "--reason", "release")
    playbook = service.folder / "drill.yaml"
    playbook.write_text(PLAYBOOK)
    service.admin.run("playbook", "put", playbook)


def entries_of(service):
    entries, start = [], 0
    while True:
        page = json.loads(service.vi.run("-o", "json", "audit", "list", "--from", start, "--limit", "1000"))
        entries.extend(page.get("entries", []))
        if not page.get("more"):
            return entries
        start = page["next_index"]


def check(service, entries):
    """What the log says. Answers what is wrong and how much was looked at."""
    wrong, counts = [], collections.Counter()
    by_run = collections.defaultdict(list)
    for entry in entries:
        for subject in entry.get("subjects", []):
            if subject.startswith("run/"):
                by_run[subject[4:]].append(entry)
    drills = {run: log for run, log in by_run.items()
              if any(e["action"] == "run.started" and e.get("facts", {}).get("playbook") == "drill" for e in log)}
    for run, log in drills.items():
        actions = collections.Counter(entry["action"] for entry in log)
        if actions["run.finished"] != 1 or actions["run.started"] != 1:
            wrong.append(f"{run}: started {actions['run.started']}, finished {actions['run.finished']} times")
        steps = collections.defaultdict(collections.Counter)
        effects = collections.defaultdict(set)
        for entry in log:
            step = entry.get("facts", {}).get("step")
            if not step:
                continue
            if entry["action"] == "step.done" and steps[step]["step.started"] == 0:
                wrong.append(f"{run} {step}: done before its intent was recorded")
            steps[step][entry["action"]] += 1
            if entry.get("facts", {}).get("effect"):
                effects[step].add(entry["facts"]["effect"])
        for step, seen in steps.items():
            if seen["step.done"] > 1 or seen["approval.asked"] > 1 or seen["step.failed"] > 0 or len(effects[step]) > 1:
                wrong.append(f"{run} {step}: {dict(seen)}, effects {sorted(effects[step])}")
        # Two decisions (contain, freeze) and four pieces of evidence a run: no more, however often it was resumed.
        for action, most in (("decision.issued", 2), ("evidence.captured", 4)):
            if actions[action] != most:
                wrong.append(f"{run}: {action} {actions[action]} times, not {most}")
        counts["steps"] += len(steps)
    for entry in entries:
        if entry["action"] == "decision.issued" and entry.get("facts", {}).get("kind", "") in ("release", "rollback", "deploy"):
            if not any(s.startswith("run/") for s in entry.get("subjects", [])):
                continue
            wrong.append(f"a run put something back into service: {entry['summary']}")
    counts["runs"] = len(drills)
    return wrong, counts


def kill_often(service, kills, dice):
    began = time.monotonic()
    for number in range(1, kills + 1):
        time.sleep(dice.random() * 0.4)
        service.kill()
        service.server.stopping = False
        service.server.start()
        if number % 20 == 0:
            world.say(f"  {number} kills, {time.monotonic() - began:.0f} s")
        if dice.random() < 0.7:  # else it dies again while it is still starting
            world.wait_for("the service to be back", lambda: service.vi.raw("--timeout", "5s", "whoami").returncode == 0, 60)


def main():
    options = arguments()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    world.say(f"seed {seed}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="firebreak-run-kills-"))
    service = service_module.Service(options.bin.resolve(), folder)
    try:
        prepare(service)
        people = People(service, seed)
        kill_often(service, options.kills, random.Random(seed))
        people.ended.set()
        people.thread.join()
        world.wait_for("the service to be back", lambda: service.vi.raw("whoami").returncode == 0, 60)
        world.wait_for("every run to end", lambda: people.once(starts=False) == 0, 300, every=0.2)
        wrong, counts = check(service, entries_of(service))
        service.vi.run("audit", "export", "--dir", folder / "export", "--vkey-out", folder / "vkey")
        service.vi.run("audit", "verify", folder / "export", "--vkey", (folder / "vkey").read_text().strip())
        for line in wrong[:20]:
            print(line, file=sys.stderr)
        world.say(f"{options.kills} kills, {counts['runs']} runs, {counts['steps']} steps, {len(wrong)} things wrong; the log verifies")
        return 1 if wrong or counts["runs"] < options.kills // 20 else 0
    except Exception as error:  # the logs say more than the error
        world.fail_with_logs(error, service.processes)
        return 1
    finally:
        service.stop()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
