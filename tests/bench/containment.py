"""Alert posted -> the agent has taken the model out and proved it, seen by a watcher of the audit log outside.

One agent is the real firebreak-agent with trivial hooks; the others are simulated by bench_fleet: own keys, certificates,
connections and proofs. The floor is the commits on the path times the disk's own append + fdatasync, plus three round trips.
"""
import http.client
import json
import queue
import subprocess
import threading
import time

import ground
from ground import median, percentile, run as shell

DEPLOYMENT = "bench-prod"
PLAYBOOK = """playbook: bench-contain
title: Take the model out
types: [mitigation]
severity: 50
trigger:
  event: incident.opened
  when: incident.kind == "bench"
inputs:
  deployment: {type: deployment, about: where the suspect is served, from: incident.deployment}
run:
  timeout: 1h
  lock: deployment/$deployment
  if_locked: attach
steps:
- contain:
    do: fleet.contain
    with: {deployment: $deployment, reason: a benchmark}
    timeout: 5m
"""


class Watch:
    """Service Audit's WatchAudit over Connect: (arrival, entry) for each commit from now on, taken up again after a cut."""

    def __init__(self, server):
        self.server, self.arrivals = server, queue.Queue()
        self.next_index = int(server.call("Audit/ListAudit", {"page_size": 1}).get("next_index", 0))
        while True:
            page = server.call("Audit/ListAudit", {"from_index": str(self.next_index), "page_size": 1000})
            self.next_index = int(page.get("next_index", self.next_index))
            if not page.get("more"):
                break
        self.ended = False
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while not self.ended:
            try:
                self.read_stream()
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)

    def read_stream(self):
        request = json.dumps({"from_index": str(self.next_index)}).encode()
        connection = self.server.connection()
        connection.sock.settimeout(None)
        connection.request("POST", "/firebreak.v1.Audit/WatchAudit", b"\0" + len(request).to_bytes(4, "big") + request,
                           {"Content-Type": "application/connect+json", "Authorization": f"Bearer {self.server.admin}"})
        answer = connection.getresponse()
        while len(head := answer.read(5)) == 5:
            body = answer.read(int.from_bytes(head[1:], "big"))
            arrived = time.monotonic()
            if head[0] & 2:
                break
            entry = json.loads(body)["entry"]
            self.next_index = int(entry.get("index", 0)) + 1
            self.arrivals.put((arrived, entry))
        connection.close()

    def until(self, what, done, seconds=60):
        """All arrivals up to the one with which `done` answers true."""
        seen, end = [], time.monotonic() + seconds
        while True:
            try:
                seen.append(self.arrivals.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                raise ground.Failed(f"not observed within {seconds} s: {what}") from None
            if done(seen[-1][1]):
                return seen


class House:
    """A service, a deployed model, the real agent and `others` simulated ones."""

    def __init__(self, options, folder, others):
        self.folder, self.others = folder, others
        playbooks = folder / "playbooks"
        playbooks.mkdir()
        (playbooks / "bench.yaml").write_text(PLAYBOOK)
        self.processes, self.watch = [], None
        self.server = ground.Firebreak(options.bin, folder / "server", playbooks)
        try:
            self.deploy_model(options)
            self.start_agents(options)
            self.watch = Watch(self.server)
            self.connection = self.server.connection()
        except BaseException:
            self.stop()
            raise

    def deploy_model(self, options):
        cli, key = self.server.cli, self.folder / "key.pem"
        (self.folder / "model").mkdir()
        (self.folder / "model" / "weights.json").write_text(json.dumps(list(range(5000))))
        cli("key", "generate", "--out", key, "--pub", self.folder / "key.pub")
        cli("signer", "trust", "bench", "--key", self.folder / "key.pub")
        cli("deployment", "create", DEPLOYMENT, "--env", "prod")
        cli("snapshot", "push", "model/bench", self.folder / "model", "--key", key)
        cli("agent", "join-token", "real", "--deployment", DEPLOYMENT, "--out", self.folder / "join")
        agent = self.folder / "agent"
        shell([options.bin / "firebreak-agent", "enrol", "--server", self.server.grpc, "--ca", self.server.ca,
               "--join-token-file", self.folder / "join", "--folder", agent, "--reload", "true", "--probe", "true",
               "--probe-contained", "true"])
        self.processes.append(ground.Process([options.bin / "firebreak-agent", "run", "--config", agent / "agent.yaml"],
                                             self.folder / "agent.log"))
        cli("deployment", "deploy", DEPLOYMENT, "model/bench", "--reason", "benchmark", "--wait")

    def start_agents(self, options):
        if self.others == 0:
            return
        tokens = [self.server.call("Fleet/CreateJoinToken", {"agent": f"sim-{n}", "deployment": DEPLOYMENT})["join_token"]
                  for n in range(self.others)]
        with open(self.folder / "fleet.out", "wb") as out:
            fleet = ground.Process([options.bin / "bench_fleet", self.server.grpc, self.server.ca, DEPLOYMENT],
                                   self.folder / "fleet.log", subprocess.PIPE, out)
        self.processes.append(fleet)
        fleet.child.stdin.write(("\n".join(tokens) + "\n").encode())
        fleet.child.stdin.close()
        ground.wait_for("every simulated agent to follow", lambda: fleet.alive() and
                        b"ready" in (self.folder / "fleet.out").read_bytes(), 180)

    def stop(self):
        if self.watch:
            self.watch.ended = True
        for process in self.processes:
            process.stop()
        self.server.stop()

    def contain_once(self, number):
        """Milliseconds from the post to: its answer, the decision, the real agent's proof, the last agent's proof; and how
        many commits the real agent's proof had to wait for."""
        body = json.dumps([{"labels": {"alertname": "Bench", "model_name": "bench", "kind": "bench", "env": f"env-{number}",
                                       "deployment": DEPLOYMENT, "severity": "critical"}, "startsAt": ground.utc()}])
        began = time.monotonic()
        self.server.post_alerts(body, self.connection)
        answered = time.monotonic()
        left = {"all": self.others + 1, "run": 1}
        found = {}

        def done(entry):
            if entry["action"] == "agent.proved" and entry["facts"]["state"] == "SERVING_STATE_CONTAINED":
                left["all"] -= 1
            if entry["action"] == "run.finished":
                left["run"] -= 1
            return left["all"] <= 0 and left["run"] <= 0

        commits = set()
        for arrived, entry in self.watch.until("containment", done):
            of_others = any(subject.startswith("agent/sim-") for subject in entry["subjects"])
            if "proof" not in found and not of_others:
                commits.add(entry["time"])
            if entry["action"] == "decision.issued":
                found["decision"] = arrived
            if entry["action"] == "agent.proved":
                if "agent/real" in entry["subjects"]:
                    found["proof"] = arrived
                found["last"] = arrived
        self.restore()
        times = {name: (at - began) * 1000 for name, at in {"answer": answered, **found}.items()}
        return {**times, "commits": len(commits)}

    def restore(self):
        self.server.call("Fleet/ReleaseContainment", {"deployment": DEPLOYMENT, "reason": "next repetition"})
        left = [self.others + 1]

        def served(entry):
            left[0] -= entry["action"] == "agent.proved" and entry["facts"]["state"] == "SERVING_STATE_SERVING"
            return left[0] <= 0

        self.watch.until("the model to be served again", served)

    def round_trip_ms(self):
        times = []
        for _ in range(300):
            began = time.perf_counter()
            self.connection.request("GET", "/-/healthy")
            self.connection.getresponse().read()
            times.append((time.perf_counter() - began) * 1000)
        return median(times)


def measure(options, others):
    with ground.scratch(options.where) as folder:
        fsync_ms = ground.ledger_round(options.bin, options.where, 1)[0]["raw"]["p50_us"] / 1000
        house = House(options, folder, others)
        try:
            trip_ms = house.round_trip_ms()
            house.contain_once("warm")
            found = [house.contain_once(number) for number in range(options.repetitions)]
        finally:
            house.stop()
        fsync_ms = (fsync_ms + ground.ledger_round(options.bin, options.where, 1)[0]["raw"]["p50_us"] / 1000) / 2
    commits = median([each["commits"] for each in found])
    floor = commits * fsync_ms + 3 * trip_ms
    options.note(f"{others + 1} agents: p50 of answer {median([e['answer'] for e in found]):.1f} ms, decision "
                 f"{median([e['decision'] for e in found]):.1f} ms, proof {median([e['proof'] for e in found]):.1f} ms, last "
                 f"{median([e['last'] for e in found]):.1f} ms; {commits:.0f} commits × {fsync_ms:.2f} ms + 3 × {trip_ms:.2f} ms")
    return found, floor, commits, fsync_ms, trip_ms


def run(options):
    for others in (0, 199):
        found, floor, commits, fsync_ms, trip_ms = measure(options, others)
        beside = f"floor {floor:.2f} ms ({commits:.0f} commits × {fsync_ms:.2f} ms + 3 round trips × {trip_ms:.2f} ms)"
        which = [("the real agent", "proof")] + ([("the last agent", "last")] if others else [])
        for who, name in which:
            times = [each[name] for each in found]
            yield {"figure": f"alert posted → contained and proved by {who}, {others + 1} connected",
                   "firebreak": f"p50 {median(times):.1f} ms, p99 {percentile(times, 0.99):.1f} ms (decision out p50 "
                                f"{median([e['decision'] for e in found]):.1f} ms)",
                   "beside": beside, "ratio": median(times) / floor, "target": None}
