"""Commands that change production: deployment, contain, release, rollback, agent."""
import os

from service import CliCase, at_terminal, world


class Production(CliCase):
    """One deployment with a real agent, in order: the later cases rely on nothing but the set-up."""

    @classmethod
    def setUpClass(cls):
        admin = cls.service.admin
        admin.run("deployment", "create", "fraud-prod", "--env", "prod")
        cls.agent_folder = cls.service.enrol("web-1", "fraud-prod")
        cls.agent = cls.service.start_agent("web-1", cls.agent_folder)
        for version in (1, 2):
            cls.service.riley.run("deployment", "deploy", "fraud-prod", f"model/fraud@{version}", "--reason", "release", "--wait")

    def epoch(self):
        return int(self.json(self.service.vi, "deployment", "show", "fraud-prod")["deployment"]["epoch"])

    def serves(self, version):
        self.service.riley.run("deployment", "deploy", "fraud-prod", f"model/fraud@{version}", "--reason", "set up", "--wait")

    def test_a_dry_run_changes_nothing(self):
        before, entries = self.epoch(), self.json(self.service.vi, "audit", "list", "--limit", "1000")
        for words in (["contain", "fraud-prod"], ["deployment", "deploy", "fraud-prod", "model/fraud@1"],
                      ["deployment", "freeze", "fraud-prod"], ["rollback", "fraud-prod"]):
            for form in ([], ["-o", "json"]):
                self.assertTrue(self.service.riley.run(*form, *words, "--reason", "try", "--dry-run").strip())
        self.assertIn("would decide: contain fraud-prod", self.service.riley.run("contain", "fraud-prod", "--reason", "x", "--dry-run"))
        self.assertEqual(self.epoch(), before)
        self.assertEqual(self.json(self.service.vi, "audit", "list", "--limit", "1000"), entries)

    def test_contain_and_release_wait_for_the_agents_proof(self):
        answer = self.json(self.service.riley, "contain", "fraud-prod", "--reason", "odd answers", "--wait")
        self.assertEqual(answer["decision"]["decision"]["kind"], "DECISION_KIND_CONTAIN")
        self.assertIn("contained", self.service.vi.run("deployment", "show", "fraud-prod"))
        proof = self.json(self.service.vi, "deployment", "show", "fraud-prod")["deployment"]["agents"][0]["proof"]
        self.assertEqual((proof["state"], proof["epoch"]), ("SERVING_STATE_CONTAINED", answer["decision"]["decision"]["epoch"]))
        self.assertIn("release", self.service.riley.run("release", "fraud-prod", "--reason", "false alarm", "--dry-run"))
        self.service.riley.run("release", "fraud-prod", "--reason", "false alarm", "--wait")
        self.refused(self.service.riley, 3, "nothing to lift", "release", "fraud-prod", "--reason", "again")

    def test_a_frozen_deployment_refuses_deploys_until_released(self):
        self.service.riley.run("deployment", "freeze", "fraud-prod", "--reason", "audit", "--wait")
        self.refused(self.service.riley, 3, "frozen", "deployment", "deploy", "fraud-prod", "model/fraud@1", "--reason", "x")
        self.service.riley.run("release", "fraud-prod", "--reason", "audit over", "--wait")

    def test_a_rollback_needs_the_deployment_named_twice(self):
        self.serves(1)
        self.serves(2)
        before = self.epoch()
        shown = self.service.riley.raw("rollback", "fraud-prod", "--reason", "worse")
        self.assertEqual(shown.returncode, 3)
        self.assertIn("--confirm fraud-prod", shown.stderr)
        self.assertIn("would serve: model/fraud@1", shown.stdout)
        self.refused(self.service.riley, 2, "not the name", "rollback", "fraud-prod", "--reason", "worse", "--confirm", "fraud-prd")
        command = [self.service.bin / "firebreak", "rollback", "fraud-prod", "--reason", "worse", "--wait"]
        environment = {"FIREBREAK_CONFIG": str(self.service.riley.config), "TERM": "xterm"}
        code, said = at_terminal(command, environment, b"something else\n")
        self.assertEqual(code, 3, said)
        self.assertIn(b"nothing was changed", said)
        self.assertEqual(self.epoch(), before)
        code, said = at_terminal(command, environment, b"fraud-prod\n")
        self.assertEqual(code, 0, said)
        self.assertEqual(self.epoch(), before + 1)

    def test_a_rollback_follows_the_plan_that_was_shown_or_nothing(self):
        self.serves(1)
        self.serves(2)
        plan = self.json(self.service.riley, "rollback", "fraud-prod", "--reason", "worse", "--dry-run")["plan"]
        self.assertEqual(plan["target"]["model_name"], "model/fraud@1")
        self.service.riley.run("contain", "fraud-prod", "--reason", "meanwhile")
        self.refused(self.service.riley, 6, "no longer holds", "rollback", "fraud-prod", "--plan", plan["digest"], "--reason", "worse",
                     "--confirm", "fraud-prod")
        plan = self.json(self.service.riley, "rollback", "fraud-prod", "--reason", "worse", "--dry-run")["plan"]
        answer = self.json(self.service.riley, "rollback", "fraud-prod", "--plan", plan["digest"], "--reason", "worse", "--confirm",
                           "fraud-prod", "--wait")
        self.assertEqual(answer["decision"]["decision"]["release"]["model_name"], "model/fraud@1")
        self.refused(self.service.riley, 5, "never served here", "rollback", "fraud-prod", "--to", "model/fraud@9", "--reason", "x",
                     "--confirm", "fraud-prod")

    def test_unknown_names_are_refused_with_the_nearest(self):
        for words in (["deployment", "show", "frad-prod"], ["deployment", "deploy", "frad-prod", "model/fraud@1", "--reason", "x"]):
            self.refused(self.service.riley, 5, "did you mean fraud-prod", *words)
        for words in (["contain", "frad-prod"], ["release", "frad-prod"], ["rollback", "frad-prod"], ["deployment", "freeze", "frad-prod"]):
            self.refused(self.service.riley, 5, "frad-prod", *words, "--reason", "x")
        self.json(self.service.riley, "incident", "open", "--title", "T", "--kind", "drift", "--model", "nearest")
        self.refused(self.service.riley, 5, ["INC-99999", "did you mean INC-"], "contain", "fraud-prod", "--incident", "INC-99999",
                     "--reason", "x")
        self.refused(self.service.riley, 5, "did you mean model/fraud", "deployment", "deploy", "fraud-prod", "model/frad@1", "--reason", "x")
        self.refused(self.service.riley, 2, "is a dataset", "deployment", "deploy", "fraud-prod", "dataset/claims@1", "--reason", "x")

    def test_deployments_are_created_once_and_listed(self):
        self.json(self.service.admin, "deployment", "create", "spare", "--env", "staging")
        self.json(self.service.admin, "deployment", "create", "spare", "--env", "staging")
        self.refused(self.service.admin, 6, "already exists", "deployment", "create", "spare", "--env", "prod")
        self.refused(self.service.admin, 2, "not allowed", "deployment", "create", "Bad Name", "--env", "prod")
        listed = self.service.vi.run("deployment", "list")
        self.assertIn("spare", listed)
        self.assertIn("fraud-prod", listed)
        self.assertIn("release", self.service.vi.run("deployment", "decisions", "fraud-prod"))
        self.assertGreaterEqual(len(self.json(self.service.vi, "deployment", "decisions", "fraud-prod")["decisions"]), 2)
        self.assertIn("no agent has joined", self.service.vi.raw("deployment", "show", "spare").stderr)

    def test_waiting_for_a_deployment_without_agents_ends_at_once(self):
        self.service.admin.run("deployment", "create", "nobody", "--env", "prod")
        self.refused_with_output(7, "no agent is enrolled", "deployment", "deploy", "nobody", "model/fraud@1", "--reason", "x", "--wait")

    def refused_with_output(self, code, words, *arguments):
        done = self.service.riley.raw(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(words, done.stderr)

    def test_join_tokens_and_removed_agents(self):
        path = self.service.folder / "join-2"
        answer = self.json(self.service.admin, "agent", "join-token", "web-9", "--deployment", "fraud-prod", "--out", path)
        self.assertNotIn("join_token", answer)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.refused(self.service.admin, 6, "exists", "agent", "join-token", "web-9", "--deployment", "fraud-prod", "--out", path)
        self.refused(self.service.admin, 5, "did you mean fraud-prod", "agent", "join-token", "web-9", "--deployment", "fraud-prd", "--out",
                     self.service.folder / "join-3")
        self.refused(self.service.admin, 5, "nope", "agent", "remove", "nope", "--reason", "x")
        self.service.admin.run("deployment", "create", "short-lived", "--env", "prod")
        self.service.enrol("web-8", "short-lived")
        self.json(self.service.admin, "agent", "remove", "web-8", "--reason", "host gone")
        world.wait_for("the agent to be gone", lambda: not self.json(
            self.service.vi, "deployment", "show", "short-lived")["deployment"].get("agents"), 5)
