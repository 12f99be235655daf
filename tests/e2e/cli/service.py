"""One real service with people, content and perhaps an agent, for tests that look at Firebreak from outside."""
import argparse
import json
import pathlib
import pty
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "main_job"))
import world  # noqa: E402  (its folder is only known here)

PEOPLE = {"pat": ["publisher", "viewer"], "riley": ["responder"], "sam": ["responder"], "lee": ["security-lead"],
          "vi": ["viewer"], "mo": ["monitor"]}


class Service:
    """A data folder, `firebreakd run` on it, and one command line per person: `service.riley.run(...)`."""

    def __init__(self, binaries, folder, data=None):
        self.bin, self.folder = binaries, folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True)
        self.data = data or folder / "data"
        self.processes = []
        self.grpc = f"127.0.0.1:{world.free_port()}"
        self.http = f"127.0.0.1:{world.free_port()}"
        made = self.firebreakd("init", "--data", self.data, "--listen-grpc", self.grpc, "--listen-http", self.http)
        if made.returncode != 0:
            raise world.Failed(f"firebreakd init: {made.stderr}")
        self.ca, self.admin_token = self.data / "ca.pem", self.data / "admin-token"
        self.start()
        world.wait_for("the service to accept a login", self.ready, 30)
        self.tokens = {"admin": self.admin_token}
        for name, roles in PEOPLE.items():
            setattr(self, name, self.person(name, roles))

    def firebreakd(self, *arguments):
        return subprocess.run([self.bin / "firebreakd", *map(str, arguments)], capture_output=True, text=True, timeout=60)

    def start(self, environment=None, revive=False):
        self.server = world.Process("firebreakd", [self.bin / "firebreakd", "run", "--data", self.data], self.logs,
                                    environment, revive)
        self.processes.append(self.server)

    def kill(self):
        """SIGKILL; nothing restarts it but `revive`."""
        self.server.stopping = True
        self.server.child.kill()
        self.server.child.wait()

    def revive(self):
        self.server.stopping = False
        self.server.start()
        world.wait_for("the service to be back", lambda: self.vi.raw("whoami").returncode == 0, 30)

    def ready(self):
        if self.server.unexpected is not None:
            raise RuntimeError(f"firebreakd ended by itself:\n{self.server.tail()}")
        self.admin = self.log_in("admin", self.admin_token)
        return True

    def log_in(self, name, token):
        cli = world.Cli(self.bin / "firebreak", self.folder / "contexts" / f"{name}.yaml")
        cli.run("login", "--server", self.grpc, "--ca", self.ca, "--token-file", token, "--name", name)
        return cli

    def person(self, name, roles, *more):
        token = self.folder / "tokens" / name
        token.parent.mkdir(exist_ok=True)
        self.admin.run("token", "create", name, *[part for role in roles for part in ("--role", role)], "--out", token, *more)
        self.tokens[name] = token
        return self.log_in(name, token)

    def enrol(self, agent, deployment):
        """A folder in which `firebreak-agent run` serves `deployment`; the agent is not started."""
        join, folder = self.folder / f"{agent}.join", self.folder / agent
        self.admin.run("agent", "join-token", agent, "--deployment", deployment, "--out", join)
        done = subprocess.run([self.bin / "firebreak-agent", "enrol", "--server", self.grpc, "--ca", self.ca,
                               "--join-token-file", join, "--folder", folder], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise world.Failed(f"firebreak-agent enrol: {done.stderr}")
        return folder

    def start_agent(self, agent, folder):
        process = world.Process(agent, [self.bin / "firebreak-agent", "run", "--config", folder / "agent.yaml"], self.logs)
        self.processes.append(process)
        return process

    def make_publisher(self):
        """A trusted signing key, a dataset and two models, all pushed."""
        self.key, self.public_key = self.folder / "publisher.pem", self.folder / "publisher.pub.pem"
        self.pat.run("key", "generate", "--out", self.key, "--pub", self.public_key)
        self.admin.run("signer", "trust", "pat", "--key", self.public_key)
        self.content = {}
        for name, text in (("claims", b"a,b,c\n"), ("first", b"first model\n"), ("second", b"second model\n")):
            self.content[name] = self.folder / "content" / name
            self.content[name].mkdir(parents=True)
            (self.content[name] / "content.bin").write_bytes(text * 1000)
        self.pat.run("snapshot", "push", "dataset/claims", self.content["claims"], "--key", self.key)
        for name in ("first", "second"):
            self.pat.run("snapshot", "push", "model/fraud", self.content[name], "--key", self.key, "--trained-on", "dataset/claims@1")

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


def at_terminal(command, environment, typed=b""):
    """Runs a command at a pseudo-terminal; answers its exit code and all it wrote, both streams together."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(str(command[0]), [str(part) for part in command], {**os.environ, **environment})
    if typed:
        os.write(terminal, typed)
    written = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other side is gone
            part = b""
        if not part:
            break
        written += part
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), written


class CliCase(unittest.TestCase):
    """Every case sees one service, made once for all of them by `main`."""
    service = None

    def refused(self, cli, code, words, *arguments):
        """The command ends with `code` and says `words` on standard error, and nothing on standard output."""
        done = cli.raw(*arguments)
        said = f"firebreak {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        self.assertEqual(done.returncode, code, said)
        for word in words if isinstance(words, list) else [words]:
            self.assertIn(word, done.stderr, said)
        self.assertNotIn("libprotobuf", done.stderr)
        self.assertNotIn("terminate called", done.stderr)
        return done

    def json(self, cli, *arguments):
        """Exactly one JSON object on standard output."""
        done = cli.raw("-o", "json", *arguments)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            self.fail(f"{arguments} printed no JSON: {done.stdout!r}")
        self.assertIsInstance(answer, dict)
        return answer


def main(modules, prepare):
    """Runs the cases of `modules` against one service; `prepare(folder, binaries)` makes it. Exit code 0 or 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    parser.add_argument("names", nargs="*", help="only cases whose name holds one of these")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="firebreak-e2e-"))
    service = None
    try:
        service = CliCase.service = prepare(folder, arguments.bin.resolve())
        loader = unittest.TestLoader()
        loader.testNamePatterns = [f"*{name}*" for name in arguments.names] or None
        suite = unittest.TestSuite(loader.loadTestsFromModule(module) for module in modules)
        result = unittest.TextTestRunner(verbosity=1 + bool(arguments.names)).run(suite)
    except world.Failed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        if service:
            service.stop()
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for case, reason in result.skipped:
        print(f"skipped {case}: {reason}")
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad - len(result.skipped)} passed, {bad} failed, {len(result.skipped)} skipped")
    return 1 if bad or result.testsRun == 0 else 0
