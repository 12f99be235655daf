"""CACAO from outside: export, import under another name and run; the same document in another engine; the action endpoint; signatures.

    cacao_tests.py --bin BUILD/bin [--keep] [NAME…]
"""
import json
import pathlib
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import service as services  # noqa: E402
from service import CliCase, world  # noqa: E402

from foreign_engine import Engine  # noqa: E402


class Cacao(CliCase):
    @classmethod
    def setUpClass(cls):
        service = cls.service
        service.admin.run("deployment", "create", "cacao-prod", "--env", "prod")
        cls.agent = service.start_agent("cacao-1", service.enrol("cacao-1", "cacao-prod"))
        content = {}   # of its own: equal bytes are the same snapshot, with the lineage of both names
        for name in ("data", "first", "second"):
            content[name] = service.folder / "told" / name
            content[name].mkdir(parents=True)
            (content[name] / "content.bin").write_bytes(f"told {name}\n".encode() * 1000)
        service.pat.run("snapshot", "push", "dataset/told", content["data"], "--key", service.key)
        service.pat.run("snapshot", "push", "model/told", content["first"], "--key", service.key)
        service.pat.run("snapshot", "push", "model/told", content["second"], "--key", service.key, "--trained-on", "dataset/told@1")
        cls.context = ssl.create_default_context(cafile=str(service.ca))
        cls.context.check_hostname = False
        cls.base = f"https://{service.http}"

    def setUp(self):
        for version in (1, 2):
            self.service.riley.run("deployment", "deploy", "cacao-prod", f"model/told@{version}", "--reason", "set up", "--wait")

    def tearDown(self):
        # Whatever the case did: the deployment serves and nothing is in quarantine.
        deployment = self.json(self.service.vi, "deployment", "show", "cacao-prod")["deployment"]
        if deployment.get("contained") or deployment.get("frozen"):
            for snapshot in ("dataset/told@1", "model/told@2"):
                self.service.lee.raw("snapshot", "lift", snapshot, "--reason", "tidy up")
            self.service.riley.raw("release", "cacao-prod", "--reason", "tidy up", "--wait")
        for snapshot in ("dataset/told@1", "model/told@2"):
            self.service.lee.raw("snapshot", "lift", snapshot, "--reason", "tidy up")

    def incident(self, title):
        return self.json(self.service.riley, "incident", "open", "--title", title, "--kind", "other", "--model", "told", "--env", "prod",
                         "--deployment", "cacao-prod", "--snapshot", "model/told@2")["incident"]["id"]

    def export(self, name, *more):
        out = self.service.folder / f"{name}.cacao.json"
        self.service.lee.run("playbook", "export", name, "--gateway", self.service.http, "--out", out, *more)
        return out

    def serves(self):
        return self.json(self.service.vi, "deployment", "show", "cacao-prod")["deployment"]

    def approve(self, run):
        asked = world.wait_for("the question", lambda: [one for one in self.json(self.service.sam, "approve", "list").get("approvals", []) if one["run"] == run], 60)[0]
        self.service.sam.run("approve", run, asked["step"], "--digest", asked["subject_digest"])

    def test_an_export_comes_back_under_another_name_and_runs(self):
        document = self.export("poisoned-model")
        original = self.service.vi.run("playbook", "show", "poisoned-model", "--yaml")
        self.assertEqual(self.service.lee.run("playbook", "import", document), original)
        self.service.lee.run("playbook", "import", document, "--name", "poisoned-again", "--put")
        again = self.service.vi.run("playbook", "show", "poisoned-again", "--yaml")
        self.assertEqual(again, original.replace("playbook: poisoned-model", "playbook: poisoned-again", 1))
        started = self.json(self.service.riley, "run", "start", "poisoned-again", "--incident", self.incident("Imported"), "--reason", "drill")
        self.approve(started["run"]["id"])
        self.assertIn("succeeded", self.service.riley.run("--timeout", "60s", "run", "watch", started["run"]["id"]))
        self.assertEqual(self.serves()["wanted"]["model_name"], "model/told@1")

    def test_another_engine_runs_the_same_document_through_our_actions(self):
        document = json.loads(self.export("poisoned-model").read_text())
        questions = []

        def answer(question):
            questions.append(question)
            return True

        engine = Engine(document, self.base, self.service.tokens["riley"].read_text().strip(), self.context,
                        {"__run_id__": "foreign-1", "__incident_id__": self.incident("Foreign"), "__deployment__": "cacao-prod", "__suspect__": "model/told@2"}, answer)
        self.assertTrue(engine.run(), engine.calls)
        self.assertEqual(engine.variables["__plan_eligible__"], "true", engine.variables)
        self.assertEqual([target for target, status in engine.calls if status == 200],
                         [f"/v1/actions/{name}:run" for name in ("evidence.capture", "fleet.contain", "snapshot.quarantine", "incident.advance", "rollback.plan",
                                                                 "snapshot.verify", "rollback.apply", "rollback.confirm", "report.build")])
        self.assertEqual(questions, ["Roll cacao-prod back to model/told@1? Its bytes and signature: intact."])
        self.assertEqual(self.serves()["wanted"]["model_name"], "model/told@1")
        epoch = self.serves()["epoch"]
        self.assertTrue(Engine(document, self.base, engine.token, self.context, dict(engine.variables), answer).run())
        self.assertEqual(self.serves()["epoch"], epoch, "the same run id again has no second effect")

    def test_another_engine_that_is_told_no_leaves_it_contained(self):
        document = json.loads(self.export("poisoned-model").read_text())
        engine = Engine(document, self.base, self.service.tokens["riley"].read_text().strip(), self.context,
                        {"__run_id__": "foreign-2", "__incident_id__": self.incident("Refused"), "__deployment__": "cacao-prod", "__suspect__": "model/told@2"}, lambda question: False)
        self.assertTrue(engine.run(), engine.calls)
        self.assertTrue(self.serves()["contained"])

    def post(self, action, body, key="k-1", who="riley", headers=None, verb="POST"):
        sent = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {}), **(headers or {})}
        if who:
            sent["Authorization"] = f"Bearer {self.service.tokens[who].read_text().strip()}"
        request = urllib.request.Request(f"{self.base}/v1/actions/{action}:run", data=json.dumps(body).encode() if verb == "POST" else None, method=verb, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=60, context=self.context) as answer:
                return answer.status, json.loads(answer.read() or b"{}"), answer.headers
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else text, error.headers

    def test_the_endpoint_keeps_its_promises(self):
        incident = self.incident("Endpoint")
        note = {"incident": incident, "text": "from outside"}
        first = self.post("incident.note", note, "n-1")
        self.assertEqual(first[0], 200, first)
        self.assertEqual(self.post("incident.note", note, "n-1")[2]["Idempotent-Effect"], first[2]["Idempotent-Effect"])
        status, answer, _ = self.post("incident.note", {**note, "text": "other"}, "n-1")
        self.assertEqual((status, answer["code"]), (409, "already_exists"))
        timeline = self.service.vi.run("incident", "timeline", incident)
        self.assertEqual(timeline.count("from outside"), 1, timeline)
        for status, arguments in ((400, {"key": ""}), (401, {"who": None}), (403, {"who": "vi"}), (403, {"who": "mo"}), (405, {"verb": "GET"}),
                                  (415, {"headers": {"Content-Type": "text/plain"}}), (400, {"key": "with blank"})):
            self.assertEqual(self.post("incident.note", note, **{"key": "n-2", **arguments})[0], status, arguments)
        self.assertEqual(self.post("incident.nte", note, "n-3")[0], 404)
        self.assertEqual(self.post("incident.note", {**note, "txt": "x"}, "n-4")[0], 400)
        self.assertEqual(self.post("snapshot.lift", {"snapshot": "model/told@2", "reason": "x"}, "l-1")[0], 403, "a responder may not")
        self.assertEqual(self.post("signer.revoke", {"signer": "pat", "reason": "x"}, "s-1", who="lee")[0], 403, "nor may a security lead")

    def test_an_effect_under_way_is_accepted_and_then_answered(self):
        body = {"deployment": "cacao-prod", "reason": "by hand"}
        self.agent.child.send_signal(19)   # SIGSTOP: the proof does not come
        try:
            status, answer, headers = self.post("fleet.contain", body, "c-1", headers={"Prefer": "wait=0"})
            self.assertEqual(status, 202)
            self.assertIn("cacao-1", answer["waiting_for"])
            self.assertEqual(headers["Location"], "/v1/actions/fleet.contain:run")
            self.assertGreaterEqual(int(headers["Retry-After"]), 1)
        finally:
            self.agent.child.send_signal(18)
        status, answer, _ = self.post("fleet.contain", body, "c-1")
        self.assertEqual((status, answer["proven"]), (200, ["cacao-1"]))
        self.assertEqual(self.serves()["epoch"], str(answer["epoch"]))

    def test_signatures_are_made_checked_and_noticed(self):
        folder = self.service.folder
        keys = {}
        for name, kind in (("one", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]), ("two", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])):
            keys[name] = folder / f"sign-{name}.pem"
            subprocess.run(["openssl", "genpkey", *kind, "-out", keys[name]], check=True, capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", keys[name], "-pubout", "-out", folder / f"sign-{name}.pub"], check=True, capture_output=True)
        public = folder / "sign-one.pub"
        signed = self.export("bad-deploy", "--sign", keys["one"], "--signee", "Lee")
        self.assertIn("good", self.service.lee.run("playbook", "verify", signed, "--key", public))
        self.assertNotEqual(self.service.lee.raw("playbook", "verify", signed).returncode, 0, "nobody's key is trusted unless it is given")
        document = json.loads(signed.read_text())
        twice = folder / "twice.json"
        self.service.lee.run("playbook", "countersign", signed, "--signature", document["signatures"][0]["id"], "--key", keys["two"], "--signee", "Sam", "--out", twice)
        self.assertEqual(self.service.lee.run("playbook", "verify", twice, "--key", public, "--key", folder / "sign-two.pub").count("good"), 2)
        document["name"] = "Something else"
        tampered = folder / "tampered.json"
        tampered.write_text(json.dumps(document))
        self.assertNotEqual(self.service.lee.raw("playbook", "verify", tampered, "--key", public).returncode, 0)
        self.assertIn("changed-export", self.service.lee.raw("playbook", "import", tampered).stderr)
        self.assertEqual(self.service.lee.run("playbook", "import", signed), self.service.vi.run("playbook", "show", "bad-deploy", "--yaml"))
        unsigned = self.export("bad-deploy")
        self.refused(self.service.lee, 3, "is not signed", "playbook", "verify", unsigned)

    def test_a_foreign_playbook_is_put_and_run_and_bad_stock_is_explained(self):
        ids = {name: f"{name.split('.')[0]}--{digit * 8}-aaaa-4aaa-8aaa-aaaaaaaaaaaa" for name, digit in (("playbook", "1"), ("identity", "2"), ("start", "3"), ("action", "4"),
                                                                                                         ("action.b", "5"), ("end", "6"), ("group", "7"))}
        document = {"type": "playbook", "spec_version": "cacao-2.0", "id": ids["playbook"], "name": "Foreign one", "created_by": ids["identity"],
                    "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "workflow_start": ids["start"],
                    "agent_definitions": {ids["group"]: {"type": "group", "name": "desk"}},
                    "workflow": {ids["start"]: {"type": "start", "on_completion": ids["action"]},
                                 ids["action"]: {"type": "action", "name": "Call them", "agent": ids["group"], "commands": [{"type": "manual", "command": "Call the owner"}],
                                                 "on_completion": ids["action.b"]},
                                 ids["action.b"]: {"type": "action", "name": "Clean up", "agent": ids["group"], "commands": [{"type": "ssh", "command": "rm -f /tmp/x"}],
                                                   "on_completion": ids["end"]},
                                 ids["end"]: {"type": "end"}}}
        path = self.service.folder / "foreign.json"
        path.write_text(json.dumps(document))
        said = self.service.lee.raw("playbook", "import", path, "--put")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("disabled-command", said.stderr)
        run = self.json(self.service.riley, "run", "start", "foreign-one", "--reason", "try")["run"]["id"]
        self.approve(run)
        self.approve(run)
        self.assertIn("succeeded", self.service.riley.run("--timeout", "30s", "run", "watch", run))
        del document["spec_version"]
        document["workflow"][ids["action"]]["next_step"] = document["workflow"][ids["action"]].pop("on_completion")
        path.write_text(json.dumps(document))
        self.refused(self.service.lee, 2, ["/spec_version: error", "[unreachable-step]"], "playbook", "import", path)


def prepare(folder, binaries):
    made = services.Service(binaries, folder)
    made.make_publisher()
    return made


if __name__ == "__main__":
    sys.exit(services.main([sys.modules[__name__]], prepare))
