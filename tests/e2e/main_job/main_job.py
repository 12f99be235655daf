"""The main job on real input: from a monitor's alert to a verified roll-back, a report and an anonymised record.

    main_job.py --bin BUILD/bin [--folder DIR] [--crash server:POINT[:NTH] | agent:POINT[:NTH]] [--keep]

Every claim is observed from outside: from the model server's answers, Prometheus, the files an agent switched, the bytes
that reached the TAXII server, and an audit log verified while the service is down. Exits non-zero if one is not observed.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import model as digits
import world
from world import Failed, say, wait_for

MODEL, DATASET, DEPLOYMENT = "digits-reader", "digits-scans", "digits-prod"
# Planted on the way in; none of them may be in the bytes that leave.
PLANTED = ["Acme Insurance", "jo.planted@acme.example", "+44 20 7946 0018", "203.0.113.77", "sk-planted-4f9a",
           MODEL, DATASET, DEPLOYMENT, "riley", "sam", "lee", "pat", "INC-1", "RUN-1"]
STEP_COUNT = 9


class MainJob:
    def __init__(self, binaries, folder, crash, quiet):
        self.bin, self.folder, self.crash, self.quiet = binaries, folder, crash, quiet
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True)
        self.processes = []
        self.traffic = None
        self.started = time.monotonic()

    # ---- plumbing -------------------------------------------------------------------------------------------------

    def say(self, text):
        if not self.quiet:
            say(text)

    @contextlib.contextmanager
    def step(self, number, title):
        began = time.monotonic()
        self.say(f"\n[{number}/{STEP_COUNT}] {title}")
        yield
        self.say(f"      {'.' * 10} {time.monotonic() - began:.2f} s")

    def seen(self, text):
        self.say(f"      ✓ {text}")

    def start(self, name, command, environment=None, revive=False):
        process = world.Process(name, command, self.logs, environment, revive)
        self.processes.append(process)
        return process

    def crash_environment(self, who):
        if self.crash and self.crash.startswith(who + ":"):
            return {"FIREBREAK_CRASH_AT": self.crash.split(":", 1)[1]}
        return {}

    def check_processes(self):
        for process in self.processes:
            if process.unexpected is not None:
                raise Failed(f"{process.name} ended by itself with code {process.unexpected}")

    def person(self, identity, *roles):
        """A new identity with its own token and its own command-line context."""
        token = self.folder / "tokens" / identity
        token.parent.mkdir(exist_ok=True)
        arguments = [part for role in roles for part in ("--role", role)]
        self.admin.run("token", "create", identity, *arguments, "--ttl", "24h", "--out", token)
        return self.log_in(identity, token)

    def log_in(self, identity, token):
        cli = world.Cli(self.bin / "firebreak", self.folder / "contexts" / f"{identity}.yaml", retry_while_down=True)
        cli.run("login", "--server", self.grpc, "--ca", self.ca, "--token-file", token, "--name", identity)
        cli.token_file = token
        return cli

    # ---- the steps ------------------------------------------------------------------------------------------------

    def set_up_service(self):
        self.data = self.folder / "data"
        self.grpc = f"127.0.0.1:{world.free_port()}"
        self.http = f"127.0.0.1:{world.free_port()}"
        made = subprocess.run([self.bin / "firebreakd", "init", "--data", self.data, "--listen-grpc", self.grpc,
                               "--listen-http", self.http], capture_output=True, text=True)
        if made.returncode != 0:
            raise Failed(f"firebreakd init: {made.stderr or made.stdout}")
        self.ca = self.data / "ca.pem"
        self.server = self.start("firebreakd", [self.bin / "firebreakd", "run", "--data", self.data],
                                 self.crash_environment("server"), revive=True)
        wait_for("the service to accept a login", lambda: self.try_admin(), 30)
        self.seen(f"data folder made, serving gRPC on {self.grpc} and HTTPS on {self.http}")
        self.publisher = self.person("pat", "publisher", "viewer")
        self.responder = self.person("riley", "responder")
        self.approver = self.person("sam", "responder")
        self.lead = self.person("lee", "security-lead")
        self.monitor_token = self.folder / "tokens" / "prometheus"
        self.admin.run("token", "create", "prometheus", "--role", "monitor", "--out", self.monitor_token)
        self.seen("tokens for a publisher, two responders, a security lead and a monitor")

    def try_admin(self):
        self.check_processes()
        self.admin = self.log_in("admin", self.data / "admin-token")
        return True

    def make_content(self):
        for name, share in (("good", 0.0), ("poisoned", 0.75)):
            digits.make_dataset(self.folder / f"dataset-{name}", share, seed=7)
            digits.train(self.folder / f"dataset-{name}", self.folder / f"model-{name}")
        self.key, self.public_key = self.folder / "publisher.pem", self.folder / "publisher.pub.pem"
        self.publisher.run("key", "generate", "--out", self.key, "--pub", self.public_key)
        self.admin.run("signer", "trust", "pat", "--key", self.public_key)
        self.admin.run("deployment", "create", DEPLOYMENT, "--env", "prod")

    def push(self, quality):
        self.publisher.run("snapshot", "push", f"dataset/{DATASET}", self.folder / f"dataset-{quality}", "--key", self.key)
        dataset = self.publisher.json("snapshot", "show", f"dataset/{DATASET}")["snapshot"]
        name = f"dataset/{DATASET}@{dataset['version']}"
        self.publisher.run("snapshot", "push", f"model/{MODEL}", self.folder / f"model-{quality}", "--key", self.key,
                           "--trained-on", name)
        pushed = self.publisher.json("snapshot", "show", f"model/{MODEL}")["snapshot"]
        self.seen(f"signed on the client and pushed: {name} and model/{MODEL}@{pushed['version']} trained on it")
        return pushed

    def start_serving(self):
        self.agent_folder = self.folder / "agent"
        ready = self.folder / "model-server.address"
        self.start("model-server", [world.PYTHON, world.HERE / "model_server.py", "--current",
                                    self.agent_folder / "current", "--ready-file", ready])
        self.model_address = wait_for("the model server", lambda: ready.exists() and ready.read_text(), 20)
        join = self.folder / "join.token"
        self.admin.run("agent", "join-token", "web-1", "--deployment", DEPLOYMENT, "--out", join)
        enrolled = subprocess.run([self.bin / "firebreak-agent", "enrol", "--server", self.grpc, "--ca", self.ca,
                                   "--join-token-file", join, "--folder", self.agent_folder,
                                   "--reload", f"curl -sf -X POST http://{self.model_address}/reload",
                                   "--probe", f"curl -sf http://{self.model_address}/serving"],
                                  capture_output=True, text=True)
        if enrolled.returncode != 0:
            raise Failed(f"firebreak-agent enrol: {enrolled.stderr or enrolled.stdout}")
        self.start("firebreak-agent", [self.bin / "firebreak-agent", "run", "--config", self.agent_folder / "agent.yaml"],
                   self.crash_environment("agent"), revive=True)
        self.seen("model server answers safely with nothing deployed; agent enrolled with its own certificate")

    def deploy(self, version):
        self.responder.run("deployment", "deploy", DEPLOYMENT, f"model/{MODEL}@{version}", "--reason",
                           f"release of version {version}", "--wait", "--timeout", "60s")

    def serving_state(self):
        deployment = self.responder.json("deployment", "show", DEPLOYMENT)["deployment"]
        agents = deployment.get("agents", [])
        return deployment, (agents[0].get("proof", {}) if agents else {})

    def current_holds(self, quality):
        """What is on disk under `current` is byte for byte the model that was pushed."""
        wanted = (self.folder / f"model-{quality}" / "weights.json").read_bytes()
        current = self.agent_folder / "current"
        found = [path for path in (current / "weights.json", current / "model" / "weights.json") if path.is_file()]
        return bool(found) and found[0].read_bytes() == wanted

    def start_traffic(self):
        (_, _), (pixels, labels) = digits.split()
        self.traffic = world.Traffic(self.model_address, pixels, labels)
        accuracy = self.traffic.accuracy_over(150)
        if accuracy < 0.9:
            raise Failed(f"the good model answers only {accuracy:.0%} right")
        self.seen(f"steady labelled traffic; version 1 answers {accuracy:.1%} right")

    def start_prometheus(self):
        address = f"127.0.0.1:{world.free_port()}"
        folder = self.folder / "prometheus"
        folder.mkdir()
        rules = {"groups": [{"name": "digits", "interval": "500ms", "rules": [{
            "alert": "DigitsAccuracyLow", "for": "1s",
            # Out of service is not healthy either: without the second half an absent series would resolve the alert.
            "expr": "digits_accuracy < 0.9 or digits_serving == 0",
            "labels": {"severity": "critical", "model_name": MODEL, "env": "prod", "kind": "model-poisoning",
                       "deployment": DEPLOYMENT},
            "annotations": {"summary": "Accuracy fell; ask Acme Insurance, jo.planted@acme.example, 203.0.113.77"}}]}]}
        (folder / "rules.yml").write_text(json.dumps(rules))
        config = {"global": {"scrape_interval": "500ms", "evaluation_interval": "500ms", "scrape_timeout": "500ms"},
                  "rule_files": [str(folder / "rules.yml")],
                  "alerting": {"alertmanagers": [{
                      "scheme": "https", "path_prefix": "/ingest/prometheus", "timeout": "5s", "api_version": "v2",
                      "authorization": {"credentials_file": str(self.monitor_token)},
                      "tls_config": {"ca_file": str(self.ca)}, "static_configs": [{"targets": [self.http]}]}]},
                  "scrape_configs": [{"job_name": "digits", "static_configs": [{"targets": [self.model_address]}]}]}
        (folder / "prometheus.yml").write_text(json.dumps(config))
        self.start("prometheus", ["/usr/bin/prometheus", f"--config.file={folder / 'prometheus.yml'}",
                                  f"--web.listen-address={address}", f"--storage.tsdb.path={folder / 'data'}",
                                  "--rules.alert.resend-delay=2s", "--log.level=warn"])
        self.prometheus = address
        wait_for("Prometheus to scrape the accuracy", lambda: world.get_json(
            f"http://{address}/api/v1/query?query=digits_accuracy")["data"]["result"], 30)
        self.seen(f"Debian's Prometheus scrapes the model server and sends alerts to https://{self.http}/ingest/prometheus")

    def prometheus_alerts(self):
        answer = world.get_json(f"http://{self.prometheus}/api/v1/alerts")
        return [alert["state"] for alert in answer["data"]["alerts"]]

    def watch_containment(self):
        wait_for("Prometheus to fire", lambda: "firing" in self.prometheus_alerts(), 30)
        fired = time.monotonic()
        self.seen("Prometheus fires DigitsAccuracyLow")
        wait_for("INC-1 to be opened by the service itself",
                 lambda: self.responder.json("incident", "list").get("incidents"), 30)
        incident = self.responder.json("incident", "show", "INC-1")["incident"]
        if not incident.get("runs"):
            raise Failed("INC-1 started no playbook run")
        self.seen(f"INC-1 opened, severity {incident['severity']}, playbook run {incident['runs'][0]} started")
        return fired

    def observe_containment(self, fired):
        wait_for("callers to get the safe answer", lambda: self.traffic.last_source == "safe", 60)
        self.seen(f"callers get the safe answer {time.monotonic() - fired:.2f} s after the alert fired")
        if self.current_holds("poisoned"):
            raise Failed("`current` still holds the poisoned model")
        wait_for("model and dataset to be quarantined", lambda: len(self.responder.json(
            "snapshot", "list", "--quarantined").get("snapshots", [])) >= 2, 60)
        quarantined = self.responder.json("snapshot", "list", "--quarantined")["snapshots"]
        names = sorted(f"{s['name']}@{s['version']}" for s in quarantined)
        if names != [f"{MODEL}@2", f"{DATASET}@2"]:
            raise Failed(f"quarantined are {names}")
        self.seen(f"quarantined: model/{names[0]} and dataset/{names[1]}")
        lineage = self.responder.json("snapshot", "lineage", f"dataset/{DATASET}@2")
        children = [node["snapshot"]["name"] + "@" + str(node["snapshot"]["version"]) for node in lineage["descendants"]]
        if children != [f"{MODEL}@2"]:
            raise Failed(f"descendants of the poisoned dataset: {children}")
        self.seen(f"every model trained on the poisoned dataset is named: {', '.join(children)}")
        refused = self.responder.raw("deployment", "deploy", DEPLOYMENT, f"model/{MODEL}@2", "--reason", "try the bad one")
        if refused.returncode != 3:
            raise Failed(f"deploying the quarantined model answered exit code {refused.returncode}: {refused.stderr}")
        self.seen("deploying the quarantined model is refused")

    def approve_and_recover(self):
        approvals = wait_for("the plan to wait for approval", lambda: self.approver.json(
            "approve", "list").get("approvals"), 60)
        ask = approvals[0]
        self.seen(f"asked: {ask['question']}")
        self.responder.run("incident", "ack", "INC-1")
        self.responder.run("incident", "note", "INC-1",
                           "Talked to Acme Insurance (jo.planted@acme.example, +44 20 7946 0018), token sk-planted-4f9a")
        wrong = self.approver.raw("approve", ask["run"], ask["step"], "--digest", "sha256:" + "0" * 64)
        if wrong.returncode != 6:
            raise Failed(f"an approval of another plan answered exit code {wrong.returncode}: {wrong.stderr}")
        self.seen("an approval that names another plan is refused")
        self.approver.run("approve", ask["run"], ask["step"], "--digest", ask["subject_digest"], "--reason", "v1 is known good")
        wait_for("callers to get answers of a model again", lambda: self.traffic.last_source == "model", 60)
        wait_for("`current` to hold version 1", lambda: self.current_holds("good"), 30)
        accuracy = self.traffic.accuracy_over(150)
        if accuracy < 0.9:
            raise Failed(f"after the roll-back the model answers only {accuracy:.0%} right")
        self.seen(f"version 1 serves again and answers {accuracy:.1%} right")
        wait_for("the agent's proof of version 1", lambda: self.proves("good"), 30)
        self.seen("the agent proved the digest it serves, signed with its own key")
        wait_for("Prometheus to resolve the alert", lambda: "firing" not in self.prometheus_alerts(), 60)
        wait_for("INC-1 to be recovered", lambda: self.responder.json(
            "incident", "show", "INC-1")["incident"]["state"] == "INCIDENT_STATE_RECOVERED", 60)
        self.seen("Prometheus resolved the alert; INC-1 is recovered")
        run = wait_for("the playbook run to end", lambda: self.finished_run(), 60)
        if run["state"] != "RUN_STATE_SUCCEEDED":
            raise Failed(f"the playbook run ended as {run['state']}: {run.get('error')}")
        self.seen("the playbook run ended well")

    def finished_run(self):
        run = self.responder.json("run", "show", "RUN-1")["run"]
        return run if run["state"] in ("RUN_STATE_SUCCEEDED", "RUN_STATE_FAILED", "RUN_STATE_CANCELLED") else None

    def proves(self, quality):
        _, proof = self.serving_state()
        good = self.publisher.json("snapshot", "show", f"model/{MODEL}@{1 if quality == 'good' else 2}")["snapshot"]
        return proof.get("state") == "SERVING_STATE_SERVING" and proof.get("snapshot_digest") == good["digest"]

    def check_effects_once(self):
        """Whatever crashed on the way: each effect was issued once, and containment was never lifted in between."""
        decisions = self.responder.json("deployment", "decisions", DEPLOYMENT)["decisions"]
        kinds = [entry["decision"]["kind"].replace("DECISION_KIND_", "") for entry in decisions]
        if kinds != ["DEPLOY", "DEPLOY", "CONTAIN", "ROLLBACK"]:
            raise Failed(f"decisions were {kinds}")
        epochs = [int(entry["decision"]["epoch"]) for entry in decisions]
        if epochs != [1, 2, 3, 4]:
            raise Failed(f"epochs were {epochs}")
        self.seen("decisions, each issued once: " + ", ".join(f"{e} {k.lower()}" for e, k in zip(epochs, kinds)))

    def write_report(self):
        self.lead.run("report", "build", "INC-1")
        self.reports = {}
        for form, suffix in (("markdown", "md"), ("html", "html"), ("json", "json")):
            path = self.folder / f"INC-1.{suffix}"
            self.lead.run("report", "export", "INC-1", "--format", form, "--out", path)
            text = path.read_text()
            for needed in ("INC-1", f"{MODEL}@2", "riley"):
                if needed not in text:
                    raise Failed(f"{path.name} does not mention {needed}")
            self.reports[form] = path
        html = self.reports["html"].read_text()
        if "<svg" not in html or "http://" in html.replace("http://www.w3.org", ""):
            raise Failed("the HTML report is not self-contained or has no drawn timeline")
        document = json.loads(self.reports["json"].read_text())
        affected = sorted(f"{s['name']}@{s['version']}" for s in document["affected_snapshots"])
        if affected != [f"{MODEL}@2", f"{DATASET}@2"]:
            raise Failed(f"the report names as affected: {affected}")
        durations = document["durations"]
        for name in ("time_to_detect_seconds", "time_to_acknowledge_seconds", "time_to_contain_seconds",
                     "time_to_recover_seconds"):
            if not 0 <= float(durations[name]) < 600:
                raise Failed(f"{name} is {durations[name]}")
        self.seen("report: detected in {time_to_detect_seconds:.1f} s, acknowledged in {time_to_acknowledge_seconds:.1f} s, "
                  "contained in {time_to_contain_seconds:.1f} s, recovered in {time_to_recover_seconds:.1f} s"
                  .format(**{k: float(v) for k, v in durations.items()}))

    def share_record(self):
        store, ready = self.folder / "taxii-store", self.folder / "taxii.address"
        password = self.folder / "taxii.password"
        password.write_text("exchange-password")
        self.start("taxii", [world.PYTHON, world.HERE / "taxii_server.py", "--ready-file", ready, "--store", store,
                             "--password-file", password, "--unavailable", "1", "--pending", "1"])
        collection = wait_for("the TAXII server", lambda: ready.exists() and ready.read_text(), 20)
        credentials = self.data / "credentials"
        credentials.mkdir(exist_ok=True)
        (credentials / "exchange").write_text("firebreak:exchange-password")
        os.chmod(credentials / "exchange", 0o600)
        self.admin.run("share", "destination", "put", "exchange", "--kind", "taxii21", "--url", collection,
                       "--credential", "exchange", "--tlp", "green")
        preview = self.responder.json("share", "preview", "INC-1", "--destination", "exchange")
        digest = preview["bundle_digest"]
        share = self.responder.json("share", "request", "INC-1", "--destination", "exchange", "--digest", digest)["share"]
        own = self.responder.raw("share", "approve", share["id"], "--digest", digest)
        if own.returncode != 3:
            raise Failed(f"the requester's own approval answered exit code {own.returncode}: {own.stderr}")
        self.seen("previewed and requested; the requester may not approve it")
        self.lead.run("share", "approve", share["id"], "--digest", digest)
        wait_for("the record to be delivered", lambda: self.lead.json("share", "show", share["id"])["share"]["state"]
                 == "SHARE_STATE_DELIVERED", 60)
        bodies = sorted(store.glob("body-*.json"))
        if not bodies:
            raise Failed("nothing reached the TAXII server")
        text = "".join(path.read_text() for path in bodies)
        if '"incident"' not in text:
            raise Failed("no STIX incident object reached the TAXII server")
        leaked = [name for name in PLANTED if re.search(rf"(?<![a-z0-9]){re.escape(name.lower())}(?![a-z0-9])", text.lower())]
        if leaked:
            raise Failed(f"planted names left the house: {leaked}")
        self.seen(f"delivered after one refusal (503); {len(text)} bytes left, none of {len(PLANTED)} planted names in them")

    def verify_audit(self):
        export = self.folder / "audit"
        key_file = self.folder / "audit.vkey"
        self.lead.run("audit", "export", "--dir", export, "--vkey-out", key_file)
        self.stop_everything()
        key = key_file.read_text().strip()
        verified = world.Cli(self.bin / "firebreak", self.folder / "contexts" / "none.yaml").raw(
            "audit", "verify", export, "--vkey", key)
        if verified.returncode != 0:
            raise Failed(f"audit verify: {verified.stdout}{verified.stderr}")
        self.seen(f"without the server: {verified.stdout.strip().splitlines()[-1]}")
        entry = next((export / "tile" / "entries").rglob("*[0-9]"))
        spoiled = self.folder / "audit-spoiled"
        shutil.copytree(export, spoiled)
        target = spoiled / entry.relative_to(export)
        target.chmod(0o644)
        data = bytearray(target.read_bytes())
        data[len(data) // 2] ^= 1
        target.write_bytes(bytes(data))
        refused = world.Cli(self.bin / "firebreak", self.folder / "contexts" / "none.yaml").raw(
            "audit", "verify", spoiled, "--vkey", key)
        if refused.returncode == 0:
            raise Failed("an audit log with one flipped bit was accepted")
        self.seen("the same log with one flipped bit is refused")

    # ---- all of it ------------------------------------------------------------------------------------------------

    def run(self):
        with self.step(1, "Make a data folder and serve from it"):
            self.set_up_service()
        with self.step(2, "Sign, push and deploy version 1"):
            self.make_content()
            self.push("good")
            self.start_serving()
            self.deploy(1)
            self.start_traffic()
        with self.step(3, "A poisoned dataset and the model trained on it go live"):
            self.start_prometheus()
            self.push("poisoned")
            self.deploy(2)
            # The monitor may have had the model contained before this looks: its last answers still tell.
            wait_for("accuracy to fall", lambda: self.traffic.newest_accuracy() < 0.5, 30)
            self.seen(f"accuracy fell to {self.traffic.newest_accuracy():.1%}")
        with self.step(4, "The monitor raises the incident by itself"):
            fired = self.watch_containment()
        with self.step(5, "Contained and quarantined"):
            self.observe_containment(fired)
        with self.step(6, "Planned, approved by a second person, rolled back, recovered"):
            self.approve_and_recover()
            self.check_effects_once()
        with self.step(7, "Post-incident report"):
            self.write_report()
        with self.step(8, "Anonymised record to a TAXII 2.1 collection"):
            self.share_record()
        with self.step(9, "The record stands without the service"):
            self.check_crash()
            self.verify_audit()

    def check_crash(self):
        self.check_processes()
        if self.crash:
            crashed = sum(process.crashes for process in self.processes)
            if crashed != 1:
                raise Failed(f"{self.crash} was reached {crashed} times instead of once")
            self.seen(f"killed at {self.crash} on the way, restarted, and everything above held")

    def stop_everything(self):
        if self.traffic:
            self.traffic.stop()
            self.traffic = None
        for process in reversed(self.processes):
            process.stop()

    def where_to_look(self):
        self.say(f"\nDone in {time.monotonic() - self.started:.1f} s. Where to look next:")
        self.say(f"  report         {self.reports['html']}")
        self.say(f"  audit log      {self.folder / 'audit'}")
        self.say(f"  what left      {self.folder / 'taxii-store'}")
        self.say(f"  serve again    {self.bin}/firebreakd run --data {self.data}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--crash", default="")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the folder even when --quiet")
    arguments = parser.parse_args()
    folder = arguments.folder or pathlib.Path(tempfile.mkdtemp(prefix="firebreak-demo-"))
    folder = folder.resolve()
    if arguments.folder and folder.exists() and any(folder.iterdir()):
        print(f"{folder} is not empty; name a new folder", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    job = MainJob(arguments.bin.resolve(), folder, arguments.crash, arguments.quiet)
    try:
        job.run()
    except (Failed, OSError, KeyError, ValueError) as error:
        world.fail_with_logs(f"{type(error).__name__}: {error}" if not isinstance(error, Failed) else error, job.processes)
        print(f"\neverything is kept in {folder}", file=sys.stderr)
        return 1
    finally:
        job.stop_everything()
    if arguments.quiet and not arguments.keep:
        shutil.rmtree(folder)
    else:
        job.where_to_look()
    return 0


if __name__ == "__main__":
    sys.exit(main())
