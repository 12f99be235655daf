"""What every benchmark stands on: services in folders of their own, calls from outside, wrk, and the room on the disk.

Nothing here looks inside Firebreak. Processes are ended by the handle that started them; folders are removed.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOM_MIN_BYTES = 8 << 30


class Failed(Exception):
    """A benchmark could not be run as described."""


def need_room(folder):
    free = shutil.disk_usage(folder).free
    if free < ROOM_MIN_BYTES:
        raise Failed(f"only {free >> 30} GiB free in {folder}, {ROOM_MIN_BYTES >> 30} are needed")


@contextlib.contextmanager
def scratch(where):
    """A folder on the disk being measured; room is checked before and after, and nothing stays behind."""
    need_room(where)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="firebreak-bench-", dir=where))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["sync", "-f", str(where)], check=False)
    need_room(where)


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=60.0, every=0.02):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError, http.client.HTTPException):
            if answer := condition():
                return answer
        if time.monotonic() > end:
            raise Failed(f"not observed within {seconds:.0f} s: {what}")
        time.sleep(every)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values):
    return statistics.median(values)


def utc(seconds_from_now=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


class Process:
    def __init__(self, command, log_path, stdin=subprocess.DEVNULL, stdout=None, environment=None):
        self.log_path = log_path
        self.log = open(log_path, "ab")
        self.child = subprocess.Popen([str(part) for part in command], stdin=stdin, stdout=stdout or self.log,
                                      stderr=self.log, env={**os.environ, **(environment or {})})

    def peak_memory_reset(self):
        pathlib.Path(f"/proc/{self.child.pid}/clear_refs").write_text("5")

    def peak_memory_mib(self):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024

    def alive(self):
        if self.child.poll() is not None:
            raise Failed(f"{self.child.args[0]} ended with {self.child.returncode}:\n{self.log_path.read_text()[-2000:]}")
        return True

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()


class HttpServer:
    """A service that listens on plain HTTP on loopback."""

    token = ""

    def connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def headers(self):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def post_alerts(self, body, connection=None):
        used = connection or self.connection()
        used.request("POST", "/api/v2/alerts", body, self.headers())
        answer = used.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Failed(f"posting alerts answered {answer.status}: {text[:500]}")

    def is_healthy(self):
        self.process.alive()
        connection = self.connection()
        connection.request("GET", "/-/healthy")
        return connection.getresponse().status == 200

    def stop(self):
        self.process.stop()


class Alertmanager(HttpServer):
    def __init__(self, folder):
        self.http_port = free_port()
        folder.mkdir()
        (folder / "alertmanager.yml").write_text(
            "route: {receiver: nobody, group_by: [model_name, env, kind]}\nreceivers: [{name: nobody}]\n")
        self.process = Process(
            ["/usr/bin/prometheus-alertmanager", f"--config.file={folder / 'alertmanager.yml'}",
             f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{self.http_port}",
             "--cluster.listen-address=", "--log.level=error"], folder / "log")
        wait_for("alertmanager's health", self.is_healthy)


class DrivenLedger(HttpServer):
    """Only the ledger, behind as little HTTP as can be: a thread per connection commits what a new alert commits."""

    def __init__(self, binaries, folder):
        store = folder / "ledger"
        store.mkdir()
        self.process = Process([binaries / "bench_ledger", store, "--serve"], folder / "log", stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
        self.http_port = int(self.process.child.stdout.readline())

    def stop(self):
        self.process.child.stdin.close()
        self.process.child.wait(30)
        self.process.stop()


class Firebreak(HttpServer):
    def __init__(self, binaries, folder, playbooks=None):
        folder.mkdir()
        self.bin, self.folder, self.data = binaries, folder, folder / "data"
        self.http_port, self.grpc_port = free_port(), free_port()
        self.grpc = f"127.0.0.1:{self.grpc_port}"
        more = ["--playbooks", str(playbooks)] if playbooks else []
        run([binaries / "firebreakd", "init", "--data", self.data, "--listen-grpc", self.grpc,
             "--listen-http", f"127.0.0.1:{self.http_port}", "--http-tls", "off", *more])
        self.process = Process([binaries / "firebreakd", "run", "--data", self.data, "--log-level", "warning"],
                               folder / "log")
        self.ca = self.data / "ca.pem"
        wait_for("firebreakd's health", self.is_healthy)
        self.admin = (self.data / "admin-token").read_text().strip()
        self.token = self.new_token("prometheus", "MONITOR")   # what posts of alerts carry
        self.admin = self.new_token("bench", "VIEWER", "PUBLISHER", "RESPONDER", "SECURITY_LEAD", "ADMIN")
        self.token_file = folder / "token"
        self.token_file.touch(0o600)
        self.token_file.write_text(self.admin)

    def new_token(self, identity, *roles):
        return self.call("Access/CreateToken", {"identity": identity, "roles": [f"ROLE_{role}" for role in roles],
                                                "ttl_seconds": 86400})["secret"]

    def call(self, method, request):
        connection = self.connection()
        connection.request("POST", f"/firebreak.v1.{method}", json.dumps(request),
                           {"Content-Type": "application/json", "Authorization": f"Bearer {self.admin}"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 200:
            raise Failed(f"{method} answered {answer.status}: {text[:500]}")
        return json.loads(text)

    def cli(self, *arguments):
        return run([self.bin / "firebreak", "--server", self.grpc, "--ca", self.ca, "--token-file", self.token_file,
                    *arguments], {"FIREBREAK_CONFIG": str(self.folder / "cli.yaml")})


def run(command, environment=None):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(environment or {})}, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def wrk(server, script, seconds, environment):
    """Requests per second and latency of `script` against `server`: 2 threads, 32 keep-alive connections."""
    text = run(["wrk", "-t2", "-c32", f"-d{seconds}s", "--latency", "--timeout", "20s", "-s", HERE / "lua" / script,
                f"http://127.0.0.1:{server.http_port}/api/v2/alerts"],
               {"BENCH_TOKEN": server.token, **environment})
    server.process.alive()
    if "Non-2xx" in text or "Socket errors" in text:
        raise Failed(f"wrk saw errors:\n{text}")
    units = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    quantile = {share: float(value) * units[unit]
                for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)\b", text)}
    return {"per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
            "p50_ms": quantile["50"], "p99_ms": quantile["99"]}


def ledger_round(binaries, where, seconds=2, rounds=1):
    """Raw fsync and the ledger's commits, each a dict of per_second, p50_us and p99_us, one per round."""
    with scratch(where) as folder:
        text = run([binaries / "bench_ledger", folder, rounds, seconds])
    return [json.loads(line) for line in text.splitlines()]
