"""incident, alert, playbook, run, approve."""
from service import CliCase, world

BAD_PLAYBOOK = "playbook: broken\ntitle: Broken\nsteps:\n  - out:\n      do: fleet.contan\n      with: {deployment: $nowhere}\n"


class Incidents(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.incident = cls.service.riley.json("incident", "open", "--title", "Odd answers", "--kind", "drift", "--model", "drifter",
                                              "--env", "prod")["incident"]["id"]

    def test_an_incident_is_opened_steered_and_closed(self):
        riley, opened = self.service.riley, self.json(self.service.riley, "incident", "open", "--title", "T", "--kind", "drift",
                                                      "--model", "lifecycle", "--severity", "4")
        incident = opened["incident"]["id"]
        again = self.json(riley, "incident", "open", "--title", "T", "--kind", "drift", "--model", "lifecycle")
        self.assertTrue(again["already_open"])
        for words in (["ack", incident], ["assign", incident, "commander", "sam"], ["note", incident, "looked at it"],
                      ["severity", incident, "2", "--reason", "worse"], ["advance", incident, "triaged", "--reason", "known"]):
            self.assertTrue(self.service.riley.run("incident", *words).strip(), words)
        for words in (["ack", incident], ["note", incident, "again"], ["severity", incident, "1", "--reason", "worse"]):
            self.json(riley, "incident", *words)
        shown = self.service.vi.run("incident", "show", incident)
        for needed in ("triaged, severity 1", "drift, model lifecycle", "commander: sam"):
            self.assertIn(needed, shown)
        timeline = self.service.vi.run("incident", "timeline", incident)
        self.assertIn("looked at it", timeline)
        self.assertGreaterEqual(len(self.json(self.service.vi, "incident", "timeline", incident)["entries"]), 6)
        self.json(riley, "incident", "close", incident, "--reason", "nothing there", "--false-positive")
        self.assertNotIn(incident + " ", self.service.vi.raw("incident", "list").stdout)
        self.assertIn(incident, self.service.vi.run("incident", "list", "--all"))

    def test_closing_over_a_firing_alert_warns(self):
        riley = self.service.riley
        self.service.mo.run("alert", "send", "--label", "alertname=StillFiring", "--label", "model_name=warned", "--label", "kind=drift")
        incident = next(found["id"] for found in self.json(riley, "incident", "list")["incidents"] if found.get("model") == "warned")
        closed = riley.raw("incident", "close", incident, "--reason", "nothing there")
        self.assertEqual(closed.returncode, 0, closed.stderr)
        self.assertIn(f"warning: 1 alert of {incident} still fires", closed.stderr)
        self.assertNotIn("warning", riley.raw("incident", "close", self.json(
            riley, "incident", "open", "--title", "T", "--kind", "drift", "--model", "silent")["incident"]["id"],
            "--reason", "nothing there").stderr)

    def test_wrong_words_about_incidents_are_refused(self):
        for code, says, words in ((5, "INC-999", ["show", "INC-999"]), (2, "INC-42", ["show", "1"]), (5, "INC-999", ["ack", "INC-999"]),
                                  (5, "INC-999", ["timeline", "INC-999"]), (2, "bytes", ["note", self.incident, ""]),
                                  (2, "did you mean triaged", ["advance", self.incident, "trigaed", "--reason", "x"]),
                                  (2, "severity 9", ["open", "--title", "T", "--kind", "drift", "--model", "m", "--severity", "9"])):
            self.refused(self.service.riley, code, says, "incident", *words)
        self.refused(self.service.vi, 3, "needs role responder", "incident", "ack", self.incident)

    def test_alerts_are_raised_explained_and_resolved(self):
        labels = ["--label", "alertname=Low", "--label", "model_name=alerted", "--label", "env=prod", "--label", "kind=drift"]
        self.assertIn("would open", self.service.mo.run("alert", "send", *labels, "--dry-run"))
        self.assertNotIn("alerted", self.service.vi.raw("alert", "list").stdout)
        raised = self.json(self.service.mo, "alert", "send", *labels, "--annotation", "summary=too low")["alerts"][0]
        self.assertTrue(raised["opened_incident"])
        self.assertIn(raised["incident"], self.service.mo.run("alert", "send", *labels))
        shown = self.service.vi.run("alert", "show", raised["fingerprint"])
        for needed in ("firing", "model_name=alerted", "summary=too low", raised["incident"]):
            self.assertIn(needed, shown)
        self.json(self.service.vi, "alert", "show", raised["fingerprint"])
        self.assertIn("resolved", self.service.mo.run("alert", "send", *labels, "--resolve"))
        self.assertEqual(len(self.json(self.service.vi, "alert", "list", "--incident", raised["incident"], "--state", "resolved")["alerts"]), 1)

    def test_wrong_words_about_alerts_are_refused(self):
        for code, says, words in ((2, "name=value", ["send", "--label", "x"]), (2, "given twice", ["send", "--label", "a=1", "--label", "a=2"]),
                                  (2, "invalid name", ["send", "--label", "a b=1"]), (2, "--label is required", ["send"]),
                                  (2, "did you mean firing", ["list", "--state", "firng"]), (2, "hex", ["show", "nope"]),
                                  (5, "0123456789abcdef", ["show", "0123456789abcdef"])):
            self.refused(self.service.riley, code, says, "alert", *words)
        self.refused(self.service.vi, 3, "needs role monitor", "alert", "send", "--label", "a=1")


class Playbooks(CliCase):
    def test_a_playbook_with_errors_is_explained_and_not_stored(self):
        bad = self.service.folder / "bad.yaml"
        bad.write_text(BAD_PLAYBOOK)
        for command in ("lint", "put"):
            done = self.service.lee.raw("playbook", command, bad)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stdout, r"bad\.yaml:5:\d+: error: .*fleet\.contan")
            self.assertIn("fleet.contain", done.stdout)  # the nearest
        self.refused(self.service.vi, 5, "broken", "playbook", "show", "broken")
        done = self.service.lee.raw("-o", "json", "playbook", "lint", bad)
        self.assertEqual(done.returncode, 1)
        self.assertIn('"rule": "unknown-action"', done.stdout)

    def test_a_good_playbook_is_linted_stored_and_shown_as_it_was_written(self):
        shipped = self.service.data / "playbooks" / "poisoned-model.yaml"
        good = self.service.folder / "mine.yaml"
        good.write_text(shipped.read_text().replace("playbook: poisoned-model", "playbook: mine").replace(
            'incident.kind == "model-poisoning"', 'incident.kind == "nothing-real"').replace(
            'incident.kind == "data-poisoning"', 'incident.kind == "nothing-real-either"'))
        self.assertIn("without errors", self.service.lee.run("playbook", "lint", good, shipped))
        self.json(self.service.lee, "playbook", "lint", good, shipped)
        self.assertIn("mine is stored as", self.service.lee.run("playbook", "put", good))
        self.assertEqual(self.service.vi.run("playbook", "show", "mine", "--yaml"), good.read_text())
        self.json(self.service.vi, "playbook", "show", "mine")
        self.assertIn("mine", self.service.vi.run("playbook", "list"))
        self.refused(self.service.riley, 3, "needs role", "playbook", "put", good)
        self.refused(self.service.vi, 5, "did you mean poisoned-model", "playbook", "show", "poisned-model")

    def test_files_that_are_no_playbooks_are_named(self):
        binary = self.service.folder / "binary.yaml"
        binary.write_bytes(b"\xff\xfe\x00" * 100)
        self.refused(self.service.lee, 2, "not UTF-8", "playbook", "lint", binary)
        self.refused(self.service.lee, 2, "directory", "playbook", "lint", self.service.folder)
        self.refused(self.service.lee, 5, "nofile", "playbook", "lint", "nofile")


class Runs(CliCase):
    """A run that stops at a question, because nothing here can be rolled back without a yes."""

    @classmethod
    def setUpClass(cls):
        service = cls.service
        service.admin.run("deployment", "create", "asked-prod", "--env", "prod")
        folder = service.enrol("asked-1", "asked-prod")
        cls.agent = service.start_agent("asked-1", folder)
        service.pat.run("snapshot", "push", "dataset/asked", service.content["claims"], "--key", service.key)
        service.pat.run("snapshot", "push", "model/asked", service.content["first"], "--key", service.key)
        service.pat.run("snapshot", "push", "model/asked", service.content["second"], "--key", service.key, "--trained-on", "dataset/asked@1")
        for version in (1, 2):
            service.riley.run("deployment", "deploy", "asked-prod", f"model/asked@{version}", "--reason", "release", "--wait")

    def test_a_run_asks_a_second_person_and_goes_on(self):
        riley, sam = self.service.riley, self.service.sam
        opened = self.json(riley, "incident", "open", "--title", "Poisoned", "--kind", "model-poisoning", "--model", "asked", "--env",
                           "prod", "--deployment", "asked-prod", "--snapshot", "model/asked@2")
        run = opened["run"]
        would = riley.run("run", "start", "poisoned-model", "--incident", opened["incident"]["id"], "--reason", "x", "--dry-run")
        self.assertTrue(would.startswith("poisoned-model  would start"), would)
        world.wait_for("the question", lambda: sam.json("approve", "list").get("approvals"), 30)
        asked = self.json(sam, "approve", "list")["approvals"][0]
        self.assertIn(f"firebreak approve {run} {asked['step']} --digest {asked['subject_digest']}", sam.run("approve", "list"))
        self.refused(sam, 2, "RUN STEP --digest", "approve", run)
        self.refused(sam, 6, "", "approve", run, asked["step"], "--digest", "sha256:" + "0" * 64)
        self.refused(riley, 3, "", "approve", run, asked["step"], "--digest", asked["subject_digest"])
        self.refused(sam, 3, "not in doubt", "run", "resolve", run, asked["step"], "--happened", "yes", "--reason", "x")
        self.refused(sam, 2, "yes or no", "run", "resolve", run, asked["step"], "--happened", "maybe", "--reason", "x")
        self.assertIn(run, riley.run("run", "list", "--active"))
        self.assertIn("asking", riley.run("run", "show", run))
        self.assertEqual(self.json(sam, "approve", run, asked["step"], "--digest", asked["subject_digest"])["run"]["id"], run)
        watched = riley.run("--timeout", "30s", "run", "watch", run)
        self.assertIn(f"{run} succeeded", watched)
        for line in riley.run("-o", "json", "run", "watch", run).splitlines():
            self.assertTrue(line.startswith("{"))
        self.assertIn("nothing waits", sam.raw("approve", "list").stderr)
        self.assertIn(run, self.json(riley, "run", "show", run)["run"]["id"])

    def test_wrong_words_about_runs_are_refused(self):
        for code, says, words in ((5, "RUN-999", ["show", "RUN-999"]), (5, "RUN-999", ["watch", "RUN-999"]),
                                  (5, "RUN-999", ["cancel", "RUN-999", "--reason", "x"]), (5, "nope", ["start", "nope", "--reason", "x"]),
                                  (2, "deployment", ["start", "poisoned-model", "--reason", "x"]),
                                  (2, "name=value", ["start", "poisoned-model", "--reason", "x", "--input", "y"])):
            self.refused(self.service.riley, code, says, "run", *words)
