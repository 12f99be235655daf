"""`firebreak playbook lint --online` against one real service: what only the service knows, above all who holds which role now.

    online_tests.py --bin BUILD/bin [--keep] [NAME…]
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import service as services  # noqa: E402
from service import CliCase  # noqa: E402


class Online(CliCase):
    def setUp(self):
        self.folder = self.service.folder / "playbooks"
        self.folder.mkdir(exist_ok=True)
        self.file = self.folder / "drill.yaml"
        if not self.file.exists():
            self.service.admin.run("playbook", "new", "drill", "--folder", self.folder)
        self.text = self.file.read_text()

    def lint(self, text, *more, cli=None, code=0):
        """Findings by rule, as the service sees them now."""
        self.file.write_text(text)
        self.addCleanup(self.file.write_text, self.text)
        done = (cli or self.service.admin).raw("-o", "json", "playbook", "lint", *more, self.file)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        found = {}
        for finding in json.loads(done.stdout).get("findings", []):
            found.setdefault(finding["rule"], []).append(finding)
        return found

    def line_of(self, text, words):
        return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)

    def test_a_role_nobody_holds_is_named_with_its_place_and_what_to_do(self):
        text = self.text.replace("roles: [responder, security-lead]", "roles: [security-lead, responder]")
        self.assertNotEqual(text, self.text)
        self.assertEqual(self.lint(text, "--online"), {})
        # Whoever held it is gone: the same file, the same service, another answer.
        tokens = self.json(self.service.admin, "token", "list")["tokens"]
        lee = next(token["id"] for token in tokens if token["identity"] == "lee")
        self.service.admin.run("token", "revoke", lee, "--reason", "left")
        found = self.lint(text, "--online")
        self.assertEqual(sorted(found), ["role-nobody-holds", "too-few-people"])   # the other two may be the trigger and the author
        finding = found["role-nobody-holds"][0]
        self.assertIn("nobody holds role security-lead now", finding["message"])
        self.assertIn("firebreak token create --role security-lead", finding["hint"])
        self.assertFalse(finding.get("error", False))
        self.assertEqual(finding["position"]["line"], self.line_of(text, "roles: [security-lead, responder]"))
        self.assertIn("[role-nobody-holds]", self.service.admin.run("playbook", "lint", "--online", self.file))
        self.lint(text, "--online", "--strict", code=1)
        # Without the service nobody knows.
        self.assertEqual(self.lint(text), {})

    def test_an_approval_that_too_few_people_can_give_is_a_warning(self):
        found = self.lint(self.text.replace("need: 1", "need: 9"), "--online")
        self.assertIn("needs 9 people", found["too-few-people"][0]["message"])

    def test_errors_are_errors_online_too_and_nothing_is_stored(self):
        found = self.lint(self.text.replace("do: fleet.contain\n    with", "do: fleet.contian\n    with", 1), "--online", code=1)
        self.assertIn("did you mean fleet.contain", found["unknown-action"][0]["hint"])
        self.assertNotIn("drill", self.service.vi.run("playbook", "list"))

    def test_who_may_not_put_a_playbook_may_not_ask_who_holds_which_role(self):
        self.file.write_text(self.text)
        refused = self.service.mo.raw("playbook", "lint", "--online", self.file)
        self.assertEqual(refused.returncode, 3, refused.stdout + refused.stderr)
        self.assertIn("manage-playbooks", refused.stderr)


if __name__ == "__main__":
    sys.exit(services.main([sys.modules["__main__"]], lambda folder, binaries: services.Service(binaries, folder)))
