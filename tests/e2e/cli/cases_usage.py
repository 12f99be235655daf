"""What the command line says to somebody who types something wrong, and its help."""
import pathlib
import re
import subprocess

from service import CliCase


class Usage(CliCase):
    def test_a_command_line_without_a_command_shows_the_help(self):
        for words in ([], ["snapshot"], ["share", "destination"]):
            self.refused(self.service.vi, 2, ["Usage: firebreak", "Subcommands:"], *words)

    def test_an_unknown_command_names_the_nearest(self):
        for words, near in ((["depoyment"], "firebreak deployment"), (["depoy"], "firebreak deployment"),
                            (["snapshot", "psh"], "firebreak snapshot push"), (["push"], "firebreak snapshot push"),
                            (["incident", "acknowlege"], "next: firebreak incident --help"),
                            (["--server", "snapshot", "lst"], "unknown command lst")):
            self.refused(self.service.vi, 2, near, *words)

    def test_an_unknown_option_names_the_nearest(self):
        self.refused(self.service.vi, 2, ["unknown option --reson", "did you mean --reason?", "firebreak contain --help"],
                     "contain", "fraud-prod", "--reson", "x")
        self.refused(self.service.vi, 2, ["unknown option --quarantind", "--quarantined"], "snapshot", "list", "--quarantind")

    def test_a_missing_argument_is_named_with_where_help_is(self):
        for words, missing in ((["contain"], "deployment is required"), (["contain", "x"], "--reason is required"),
                               (["rollback", "x"], "--reason is required"), (["release", "x"], "--reason is required"),
                               (["deployment", "deploy", "x", "model/y@1"], "--reason is required"),
                               (["deployment", "freeze", "x"], "--reason is required"),
                               (["snapshot", "quarantine", "model/x@1"], "--reason is required"),
                               (["run", "cancel", "RUN-1"], "--reason is required"),
                               (["incident", "close", "INC-1"], "--reason is required"),
                               (["token", "create", "x"], "--role is required"), (["login"], "login needs --server")):
            self.refused(self.service.vi, 2, missing, *words)

    def test_wrong_values_are_usage_errors(self):
        for words, says in ((["-o", "xml", "version"], "table and json"), (["--timeout", "abc", "whoami"], "30s"),
                            (["--timeout", "0", "whoami"], "30s"), (["audit", "proof", "x"], "index"),
                            (["audit", "list", "--limit", "100000"], "1000"),
                            (["incident", "severity", "INC-1", "7", "--reason", "x"], "1 to 5"),
                            (["--server", "127.0.0.1", "whoami"], "HOST:PORT"),
                            (["--server", "https://127.0.0.1:1", "whoami"], "HOST:PORT")):
            self.refused(self.service.riley, 2, says, *words)

    def test_an_argument_that_is_not_utf8_is_refused_before_anything_is_sent(self):
        done = subprocess.run([self.service.riley.binary, "incident", "note", "INC-1", b"\xff\xfe"], capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (2, b"firebreak: an argument is not UTF-8 text\n"))

    def test_every_program_tells_its_version_and_its_usage(self):
        for name in ("firebreak", "firebreakd", "firebreak-agent"):
            program = pathlib.Path(self.service.riley.binary).parent / name
            for word in ("version", "--version"):
                done = subprocess.run([program, word], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), (name, word))
                self.assertRegex(done.stdout, rf"^{name} \d+\.\d+\.\d+\n$")
            done = subprocess.run([program, "--help"], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertIn(name, done.stdout)
            done = subprocess.run([program, "no-such-thing"], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (2, ""), name)
            self.assertRegex(done.stderr, "next: .*help", name)

    def test_every_command_has_help_that_explains_every_option(self):
        seen = []

        def visit(words):
            done = self.service.vi.raw(*words, "--help")
            self.assertEqual(done.returncode, 0, words)
            seen.append(" ".join(words))
            lines = done.stdout.splitlines()
            for line, following in zip(lines, lines[1:]):
                if re.match(r"  (-|[a-z]+ [A-Z])", line):  # an option or argument; a long one has its explanation below
                    explained = len(line.rstrip()) > 30 or following.startswith(" " * 20)
                    self.assertTrue(explained, f"{words}: no explanation in {line!r}")
            part = done.stdout.split("Subcommands:\n", 1)
            for line in part[1].splitlines() if len(part) == 2 else []:
                if line.strip():
                    visit([*words, line.split()[0]])

        visit([])
        self.assertGreater(len(seen), 75)

    def test_completion_knows_commands_and_options(self):
        script = self.service.vi.run("completion", "bash")

        def complete(*words):
            asked = (f"{script}\nCOMP_WORDS=({' '.join(words)}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); _firebreak; "
                     "echo \"${COMPREPLY[@]}\"")
            return subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout.split()

        self.assertEqual(complete("firebreak", "snap"), ["snapshot"])
        self.assertEqual(complete("firebreak", "snapshot", "qu"), ["quarantine"])
        self.assertEqual(complete("firebreak", "contain", "fraud-prod", "--re"), ["--reason"])
        self.assertEqual(complete("firebreak", "-o", "json", "share", "destination", "l"), ["list"])
        self.assertEqual(complete("firebreak", "run", "list", "--ti"), ["--timeout"])
        self.assertIn("bashcompinit", self.service.vi.run("completion", "zsh"))
        self.assertIn("complete -c firebreak", self.service.vi.run("completion", "fish"))
        self.refused(self.service.vi, 2, "bash", "completion", "tcsh")
