"""From nothing to a tested playbook with `firebreak playbook new, lint, test, graph, actions, schema`; no service runs."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

ROOT = pathlib.Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "runbooks/playbooks"
BIN = None


class Author(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="firebreak-author-")
        self.addCleanup(self.folder.cleanup)

    def run_cli(self, *words, code=0):
        # No context, no server: these commands must not need one.
        environment = {"PATH": os.environ["PATH"], "HOME": self.folder.name}
        done = subprocess.run([BIN, *map(str, words)], capture_output=True, text=True, cwd=self.folder.name, env=environment,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def write(self, name, text):
        path = pathlib.Path(self.folder.name) / name
        path.write_text(text)
        return path

    def test_every_template_lints_clean_and_passes_its_table(self):
        for template in ("contain", "notify"):
            name = f"my-{template}"
            self.run_cli("playbook", "new", name, "--from", template)
            self.run_cli("playbook", "lint", "--strict", f"{name}.yaml")
            told = self.run_cli("playbook", "test", f"{name}.yaml")
            self.assertIn(", 0 failed", told)
            self.assertNotIn("no case reaches", told)
            self.run_cli("playbook", "new", name, code=6)  # nothing is overwritten
        self.run_cli("playbook", "new", "x", "--from", "nothing", code=2)
        self.run_cli("playbook", "new", "Not A Name", code=2)

    def test_every_shipped_playbook_lints_clean_and_does_what_its_table_says(self):
        files = sorted(SHIPPED.glob("*.yaml"))
        self.assertGreaterEqual(len(files), 2)
        self.run_cli("playbook", "lint", "--strict", *files)
        for file in files:
            self.run_cli("playbook", "test", file)

    def test_findings_come_in_four_forms_with_one_exit_code(self):
        self.run_cli("playbook", "new", "good")
        text = (pathlib.Path(self.folder.name) / "good.yaml").read_text()
        bad = self.write("bad.yaml", text.replace("do: fleet.contain\n    with", "do: fleet.contian\n    with", 1))
        place = "bad.yaml:19:9: error: step contain: unknown action 'fleet.contian' [unknown-action] (did you mean fleet.contain)"
        self.assertIn(place, self.run_cli("playbook", "lint", bad.name, code=1))
        self.assertIn("::error file=bad.yaml,line=19,col=9,title=unknown-action::step contain",
                      self.run_cli("playbook", "lint", "--format", "github", bad.name, code=1))
        report = json.loads(self.run_cli("playbook", "lint", "--format", "gitlab", bad.name, code=1))
        self.assertEqual(report[0]["location"], {"path": "bad.yaml", "lines": {"begin": 19}})
        self.assertEqual(report[0]["severity"], "major")
        for words in (["-o", "json", "playbook", "lint"], ["playbook", "lint", "--format", "json"]):
            found = json.loads(self.run_cli(*words, bad.name, code=1))["findings"]
            self.assertEqual((found[0]["rule"], found[0]["position"]["line"]), ("unknown-action", 19))
        self.assertEqual(json.loads(self.run_cli("playbook", "lint", "--format", "gitlab", "good.yaml")), [])
        warned = self.write("warned.yaml", text.replace("about: $plan.digest\n        ", ""))
        self.run_cli("playbook", "lint", warned.name)
        self.run_cli("playbook", "lint", "--strict", warned.name, code=1)

    def test_a_case_that_does_not_hold_fails_and_says_what_happened(self):
        self.run_cli("playbook", "new", "mine")
        table = pathlib.Path(self.folder.name) / "mine.test.yaml"
        other = self.write("other.test.yaml", table.read_text().replace("expect: {state: succeeded, reached: [stuck]",
                                                                       "expect: {state: failed, reached: [stuck]"))
        told = self.run_cli("playbook", "test", "mine.yaml", "--table", other.name, code=1)
        self.assertIn("ended as succeeded, not as failed", told)
        self.assertIn("contain: will try again: no agent answers", told)
        self.assertIn("3 passed, 1 failed", told)
        report = json.loads(self.run_cli("-o", "json", "playbook", "test", "mine.yaml", "--table", other.name, code=1))
        self.assertEqual([case["ok"] for case in report["cases"]], [True, True, False, True])
        first_only = self.write("first.test.yaml", table.read_text().split("- nobody_answers:")[0])
        self.assertIn("no case reaches", self.run_cli("playbook", "test", "mine.yaml", "--table", first_only.name, code=1))
        self.run_cli("playbook", "test", "mine.yaml", "--table", "nowhere.yaml", code=5)
        self.run_cli("playbook", "lint", "nowhere.yaml", code=5)

    def test_runs_of_files_given_together_are_checked(self):
        self.run_cli("playbook", "new", "inner", "--from", "notify")
        text = (pathlib.Path(self.folder.name) / "inner.yaml").read_bytes()
        import hashlib
        digest = hashlib.sha256(text).hexdigest()
        outer = self.write("outer.yaml", f"playbook: outer\ntitle: Outer\nsteps:\n- go: {{run: inner@sha256:{digest}, with: {{destinaton: x}}}}\n")
        self.assertIn("[unresolved-run]", self.run_cli("playbook", "lint", outer.name))
        self.assertIn("did you mean destination", self.run_cli("playbook", "lint", outer.name, "inner.yaml", code=1))

    def test_drawings_name_every_step(self):
        for file in sorted(SHIPPED.glob("*.yaml")):
            svg = self.run_cli("playbook", "graph", file, "--format", "svg")
            xml.dom.minidom.parseString(svg)
            self.assertIn('class="name">', svg)
            dot = self.run_cli("playbook", "graph", file, "--format", "dot")
            self.assertEqual(dot.count("{"), dot.count("}"))
            self.assertIn("└─", self.run_cli("playbook", "graph", file))
        self.run_cli("playbook", "graph", SHIPPED / "poisoned-model.yaml", "--format", "svg", "--out", "x.svg")
        self.assertTrue((pathlib.Path(self.folder.name) / "x.svg").read_text().startswith("<svg "))

    def test_the_schema_in_the_repository_is_this_program_s(self):
        self.assertEqual(self.run_cli("playbook", "schema"), (SHIPPED / "playbook.schema.json").read_text())
        names = [action["name"] for action in json.loads(self.run_cli("-o", "json", "playbook", "actions"))]
        self.assertIn("rollback.apply", names)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    arguments, rest = parser.parse_known_args()
    BIN = str(pathlib.Path(arguments.bin).resolve() / "firebreak")
    unittest.main(argv=[sys.argv[0], *rest])
