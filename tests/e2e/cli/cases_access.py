"""Who may do what, with which file, and what is said when the service cannot be used."""
import os
import signal
import socket
import stat
import subprocess
import threading
import time

from service import CliCase, world


class Tokens(CliCase):
    def test_a_token_file_is_written_once_with_mode_0600(self):
        path = self.service.folder / "once"
        self.service.admin.run("token", "create", "once", "--role", "viewer", "--ttl", "1h", "--out", path)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        before = path.read_text()
        self.refused(self.service.admin, 6, "exists", "token", "create", "twice", "--role", "viewer", "--out", path)
        self.assertEqual(path.read_text(), before)
        self.refused(self.service.admin, 3, "No such file", "token", "create", "x", "--role", "viewer", "--out", "/nonexistent/t")
        identities = [token["identity"] for token in self.json(self.service.admin, "token", "list")["tokens"]]
        self.assertNotIn("twice", identities)

    def test_a_lifetime_never_rounds_to_no_end(self):
        for ttl in ("500ms", "-1h", "inf", "abc", "0"):
            self.refused(self.service.admin, 2, "--ttl", "token", "create", "x", "--role", "viewer", "--show", f"--ttl={ttl}")

    def test_an_option_that_repeats_does_not_swallow_the_argument_behind_it(self):
        made = self.json(self.service.admin, "token", "create", "--role", "viewer", "--role", "monitor", "both", "--show")
        self.assertEqual((made["token"]["identity"], len(made["token"]["roles"])), ("both", 2))
        self.assertTrue(made["secret"].startswith("fbt_"))

    def test_a_wrong_role_is_refused_by_name_of_the_role(self):
        for cli, words in ((self.service.vi, ["contain", "x", "--reason", "y"]), (self.service.vi, ["token", "list"]),
                           (self.service.mo, ["alert", "list"]), (self.service.riley, ["playbook", "put", __file__]),
                           (self.service.pat, ["deployment", "deploy", "x", "model/fraud@1", "--reason", "y"])):
            if words[0] == "playbook":
                continue  # refused only after the file was looked at; covered by the incident cases
            self.refused(cli, 3, ["may not", "needs role"], *words)
        self.refused(self.service.admin, 2, ["did you mean responder"], "token", "create", "x", "--role", "respnder", "--show")

    def test_tokens_that_no_longer_count_answer_4(self):
        short = self.service.folder / "short"
        self.service.admin.run("token", "create", "short", "--role", "viewer", "--ttl", "1s", "--out", short)
        world.wait_for("the token to expire", lambda: self.service.vi.raw("--token-file", short, "whoami").returncode != 0, 10)
        self.refused(self.service.vi, 4, "expired", "--token-file", short, "whoami")
        gone = self.service.folder / "gone"
        made = self.json(self.service.admin, "token", "create", "gone", "--role", "viewer", "--out", gone)
        self.assertNotIn("secret", made)
        self.json(self.service.admin, "token", "revoke", made["token"]["id"], "--reason", "over")
        self.refused(self.service.vi, 4, "revoked", "--token-file", gone, "whoami")
        garbage = self.service.folder / "garbage"
        for text in ("garbage", "fbt_0011_zz", "", "a\nb\x01", "\xff" * 10, "fbt_" + "0" * 16 + "_" + "A" * 43):
            garbage.write_text(text)
            garbage.chmod(0o600)
            self.refused(self.service.vi, 4, "token", "--token-file", garbage, "whoami")

    def test_files_that_cannot_be_used_are_named(self):
        readable = self.service.folder / "readable"
        readable.write_text("x")
        readable.chmod(0o644)
        self.refused(self.service.vi, 3, f"chmod 600 {readable}", "--token-file", readable, "whoami")
        self.refused(self.service.vi, 5, "/nonexistent/token", "--token-file", "/nonexistent/token", "whoami")
        self.refused(self.service.vi, 5, "/nonexistent/ca", "--ca", "/nonexistent/ca", "whoami")
        self.refused(self.service.vi, 2, "directory", "--token-file", "/tmp", "whoami")
        self.refused(self.service.vi, 2, "directory", "--ca", "/tmp", "whoami")
        self.refused(self.service.vi, 2, "not a certificate", "--ca", self.service.public_key, "whoami")


class Keys(CliCase):
    def test_a_key_is_never_overwritten(self):
        private, public = self.service.folder / "k1.pem", self.service.folder / "k1.pub.pem"
        self.json(self.service.vi, "key", "generate", "--out", private, "--pub", public)
        self.assertEqual(stat.S_IMODE(private.stat().st_mode), 0o600)
        before = private.read_text()
        self.refused(self.service.vi, 6, str(private), "key", "generate", "--out", private, "--pub", "other")
        self.refused(self.service.vi, 6, str(public), "key", "generate", "--out", self.service.folder / "k2.pem", "--pub", public)
        same = self.service.folder / "same.pem"
        self.refused(self.service.vi, 2, "same file", "key", "generate", "--out", same, "--pub", same)
        self.assertFalse(same.exists())
        self.assertEqual(private.read_text(), before)

    def test_a_signer_is_trusted_listed_and_revoked(self):
        private, public = self.service.folder / "k3.pem", self.service.folder / "k3.pub.pem"
        made = self.json(self.service.vi, "key", "generate", "--out", private, "--pub", public)
        self.refused(self.service.admin, 2, str(private), "signer", "trust", "kim", "--key", private)
        self.refused(self.service.admin, 2, "did you mean model", "signer", "trust", "kim", "--key", public, "--kind", "modl")
        trusted = self.json(self.service.admin, "signer", "trust", "kim", "--key", public, "--kind", "model")
        self.assertEqual(trusted["signer"]["key_id"], made["key_id"])
        self.assertIn("kim", self.service.vi.run("signer", "list"))
        revoked = self.json(self.service.admin, "signer", "revoke", made["key_id"], "--reason", "left the company")
        self.assertIn("revoked_at", revoked["signer"])
        self.refused(self.service.pat, 3, "revoked", "snapshot", "push", "model/kims", self.service.content["first"], "--key", private)


class Contexts(CliCase):
    def test_contexts_are_made_used_shown_and_forgotten(self):
        cli = world.Cli(self.service.bin / "firebreak", self.service.folder / "contexts" / "two.yaml")
        self.refused(cli, 3, "not logged in (next: firebreak login", "whoami")
        for name in ("vi", "riley"):
            answer = self.json(cli, "login", "--server", self.service.grpc, "--ca", self.service.ca, "--token-file",
                               self.service.tokens[name], "--name", name)
            self.assertEqual(answer["identity"], name)
        self.assertEqual(self.json(cli, "context", "list")["current"], "riley")
        cli.run("context", "use", "vi")
        self.assertEqual(self.json(cli, "whoami")["identity"], "vi")
        self.assertEqual(self.json(cli, "--context", "riley", "whoami")["identity"], "riley")
        self.assertEqual(self.json(cli, "context", "show")["server"], self.service.grpc)
        self.refused(cli, 5, "did you mean riley?", "context", "use", "rily")
        self.refused(cli, 5, "did you mean riley?", "--context", "rily", "whoami")
        cli.run("context", "remove", "vi")
        self.assertNotIn("vi", self.json(cli, "context", "list")["contexts"])
        self.assertEqual(stat.S_IMODE(cli.config.stat().st_mode), 0o600)
        self.assertNotIn("fbt_", cli.config.read_text())

    def test_a_failed_login_changes_nothing(self):
        cli = world.Cli(self.service.bin / "firebreak", self.service.folder / "contexts" / "none.yaml")
        garbage = self.service.folder / "garbage2"
        garbage.write_text("fbt_x_y")
        garbage.chmod(0o600)
        self.refused(cli, 4, "token", "login", "--server", self.service.grpc, "--ca", self.service.ca, "--token-file", garbage)
        self.assertFalse(cli.config.exists())

    def test_the_environment_stands_between_flags_and_context(self):
        environment = {**os.environ, "FIREBREAK_CONFIG": "/nonexistent", "FIREBREAK_SERVER": self.service.grpc,
                       "FIREBREAK_CA": str(self.service.ca), "FIREBREAK_TOKEN_FILE": str(self.service.tokens["sam"])}
        whoami = [self.service.bin / "firebreak", "whoami"]
        self.assertIn("sam", subprocess.run(whoami, env=environment, capture_output=True, text=True).stdout)
        whoami += ["--token-file", self.service.tokens["vi"]]
        self.assertIn("vi", subprocess.run(whoami, env=environment, capture_output=True, text=True).stdout)


class Unreachable(CliCase):
    def quick(self, code, words, *arguments):
        began = time.monotonic()
        self.refused(self.service.pat, code, words, *arguments)
        self.assertLess(time.monotonic() - began, 6.5, arguments)

    def test_a_service_that_is_down_answers_7_within_seconds_whatever_was_asked(self):
        down = f"127.0.0.1:{world.free_port()}"
        for words in (["whoami"], ["contain", "x", "--reason", "y", "--wait"], ["run", "watch", "RUN-1"], ["audit", "watch"],
                      ["snapshot", "push", "model/fraud", self.service.content["first"], "--key", self.service.key]):
            self.quick(7, [f"the service at {down} cannot be reached", "is firebreakd running"], "--server", down, *words)
        self.quick(7, "cannot be reached", "--server", down, "--timeout", "1s", "whoami")

    def test_what_stands_in_the_way_is_named(self):
        self.quick(7, "does not speak gRPC", "--server", self.service.http, "whoami")
        other = self.service.folder / "other-ca.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        "/dev/null", "-out", other, "-subj", "/CN=other", "-days", "1"], check=True, capture_output=True)
        self.quick(4, ["did not issue", str(other)], "--ca", other, "whoami")

    def test_a_service_that_never_answers_ends_with_the_timeout(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            self.quick(7, address, "--server", address, "--timeout", "2s", "whoami")

    def test_an_interrupted_watch_answers_130(self):
        child = subprocess.Popen([self.service.bin / "firebreak", "audit", "watch", "--from", "0"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env={**os.environ, "FIREBREAK_CONFIG": str(self.service.lee.config)})
        guard = threading.Timer(20, child.kill)
        guard.start()
        self.assertTrue(child.stdout.readline())  # it is watching
        child.send_signal(signal.SIGINT)
        child.communicate()
        guard.cancel()
        self.assertEqual(child.returncode, 130)
