"""What reaches a terminal, a pipe and a script."""
import os
import subprocess

from service import CliCase, at_terminal


class Output(CliCase):
    @classmethod
    def setUpClass(cls):
        made = cls.service.riley.json("incident", "open", "--title", "bad\x1b[2J\x1b]0;owned\x07 \x9b31mtitle", "--kind", "drift", "--model",
                                      "terminal", "--env", "prod")
        cls.incident = made["incident"]["id"]
        cls.service.admin.run("deployment", "create", "colourful", "--env", "prod")
        cls.service.riley.run("deployment", "deploy", "colourful", "model/fraud@1", "--reason", "release")
        cls.service.riley.run("contain", "colourful", "--reason", "for its colour")

    def shown(self, *words, **environment):
        return at_terminal([self.service.bin / "firebreak", *words],
                           {"FIREBREAK_CONFIG": str(self.service.riley.config), "TERM": "xterm-256color", **environment})

    def test_colour_is_for_terminals_only(self):
        self.assertIn(b"\x1b[31mcontained\x1b[0m", self.shown("deployment", "list")[1])
        for written in (self.shown("deployment", "list", NO_COLOR="1")[1], self.shown("deployment", "list", TERM="dumb")[1],
                        self.shown("--no-color", "deployment", "list")[1],
                        self.service.riley.run("deployment", "list").encode()):
            self.assertIn(b"contained", written)
            self.assertNotIn(b"\x1b", written)

    def test_columns_line_up_with_and_without_colour(self):
        plain = self.service.riley.run("deployment", "list").splitlines()
        column = plain[0].index("STATE")
        self.assertTrue(all(line[column - 1] == " " and line[column] != " " for line in plain[1:]), plain)

    def test_text_of_others_cannot_steer_a_terminal(self):
        for words in (["incident", "list"], ["incident", "show", self.incident], ["incident", "timeline", self.incident],
                      ["audit", "list", "--subject", f"incident/{self.incident}"]):
            code, written = self.shown(*words, NO_COLOR="1")
            self.assertEqual(code, 0)
            self.assertIn(b"title", written)
            for control in (b"\x1b", b"\x07", "\x9b".encode()):
                self.assertNotIn(control, written, words)

    def test_messages_are_on_standard_error_and_data_on_standard_output(self):
        done = self.service.riley.raw("approve", "list")
        self.assertEqual((done.stdout, "nothing waits" in done.stderr), ("", True))
        self.assertEqual(self.service.riley.raw("snapshot", "list", "--name", "nothing-of-that-name").stdout, "")

    def test_an_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([self.service.bin / "firebreak", "snapshot", "list"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  env={**os.environ, "FIREBREAK_CONFIG": str(self.service.riley.config)})
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)

    def test_every_command_that_prints_data_prints_one_json_object_when_asked(self):
        for words in (["whoami"], ["version"], ["context", "list"], ["context", "show"], ["snapshot", "list"], ["deployment", "list"],
                      ["deployment", "show", "colourful"], ["deployment", "decisions", "colourful"], ["incident", "list"],
                      ["incident", "list", "--all"], ["incident", "show", self.incident], ["incident", "timeline", self.incident],
                      ["alert", "list"], ["playbook", "list"], ["run", "list"], ["approve", "list"], ["report", "list", self.incident],
                      ["share", "destination", "list"], ["share", "list"], ["audit", "list"], ["audit", "proof", "0"],
                      ["signer", "list"]):
            self.json(self.service.riley, *words)
        self.json(self.service.admin, "token", "list")
