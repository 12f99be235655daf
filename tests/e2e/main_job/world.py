"""The outside world of the main job: real processes, real HTTP, and nothing that looks inside Firebreak.

Everything listens on loopback. Processes are ended by the handle that started them; none is left behind.
"""
import collections
import contextlib
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # the one that Debian's python3-sklearn belongs to


class Failed(Exception):
    """Something that had to be observed was not."""


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=60.0, every=0.05):
    """Polls from outside until `condition` answers something true; names `what` when it never does."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            answer = condition()
            if answer:
                return answer
        except (OSError, ValueError, KeyError, Failed) as error:
            last = error
        if time.monotonic() > end:
            raise Failed(f"not observed within {seconds:.0f} s: {what}" + (f" (last error: {last})" if last else ""))
        time.sleep(every)


def get_json(url, timeout=5.0):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return json.loads(answer.read())


def post_json(url, body, headers=None, timeout=5.0, context=None):
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST",
                                     headers={"Content-Type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
        text = answer.read()
        return json.loads(text) if text else {}


class Process:
    """One child process with its log file. With `revive`, a SIGKILL (a crash point) is answered by a restart without
    the crash point, as a service supervisor would; any other exit is remembered as a failure."""

    def __init__(self, name, command, log_folder, environment=None, revive=False):
        self.name, self.command, self.revive = name, [str(part) for part in command], revive
        self.log_path = log_folder / f"{name}.log"
        self.environment = {**os.environ, **(environment or {})}
        self.crashes = 0
        self.stopping = False
        self.unexpected = None
        self.lock = threading.Lock()
        self.start()

    def start(self):
        self.log = open(self.log_path, "ab")
        self.child = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                      env=self.environment, start_new_session=True)
        threading.Thread(target=self.watch, args=(self.child,), daemon=True).start()

    def watch(self, child):
        code = child.wait()
        with self.lock:
            if self.stopping or child is not self.child:
                return
            if code == -signal.SIGKILL and self.revive:
                self.crashes += 1
                self.environment.pop("FIREBREAK_CRASH_AT", None)
                self.start()
            else:
                self.unexpected = code

    def kill_and_revive(self):
        """SIGKILL from outside, at whatever moment this is."""
        os.kill(self.child.pid, signal.SIGKILL)

    def stop(self, seconds=15):
        with self.lock:
            self.stopping = True
            child = self.child
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.log.close()
        return child.returncode

    def tail(self, lines=15):
        text = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join("    " + line for line in text[-lines:])


class Traffic:
    """Steady labelled requests to the model server; what callers see is what counts."""

    def __init__(self, address, pixels, labels, pause=0.004):
        self.address, self.pixels, self.labels, self.pause = address, pixels, labels, pause
        self.sources = {"model": 0, "safe": 0}
        self.last_source = None
        self.failed = 0
        self.wrong_since_reset = 0
        self.right_since_reset = 0
        self.newest = collections.deque(maxlen=40)  # whether the model's newest answers were right
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        number = 0
        while not self.ended.is_set():
            index = number % len(self.labels)
            number += 1
            try:
                answer = post_json(f"http://{self.address}/predict",
                                   {"pixels": [float(p) for p in self.pixels[index]], "label": int(self.labels[index])})
                self.sources[answer["source"]] += 1
                self.last_source = answer["source"]
                if answer["source"] == "model":
                    right = answer["answer"] == int(self.labels[index])
                    self.newest.append(right)
                    self.right_since_reset += right
                    self.wrong_since_reset += not right
            except (OSError, ValueError):
                self.failed += 1
            self.ended.wait(self.pause)

    def accuracy_over(self, count):
        """Accuracy of the next `count` answers the model gives."""
        self.right_since_reset = self.wrong_since_reset = 0
        wait_for(f"{count} answers of the model", lambda: self.right_since_reset + self.wrong_since_reset >= count, 30)
        return self.right_since_reset / (self.right_since_reset + self.wrong_since_reset)

    def newest_accuracy(self):
        """Over the newest answers the model gave; safe answers do not count, so it stays once the model is out."""
        return sum(self.newest) / len(self.newest)

    def stop(self):
        self.ended.set()
        self.thread.join(10)


class Cli:
    """The `firebreak` command as one person uses it: own token, own config file."""

    def __init__(self, binary, config, retry_while_down=False):
        self.binary, self.config, self.retry_while_down = str(binary), config, retry_while_down

    def raw(self, *arguments, timeout=120):
        return subprocess.run([self.binary, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, env={**os.environ, "FIREBREAK_CONFIG": str(self.config)})

    def run(self, *arguments, expect=0):
        """Standard output of the command; a person retries while the service restarts (exit code 7)."""
        end = time.monotonic() + 30
        while True:
            done = self.raw(*arguments)
            if done.returncode == expect:
                return done.stdout
            if done.returncode == 7 and self.retry_while_down and time.monotonic() < end:
                time.sleep(0.2)
                continue
            raise Failed(f"firebreak {' '.join(map(str, arguments))}: exit code {done.returncode}, expected {expect}\n"
                         f"{done.stdout}{done.stderr}")

    def json(self, *arguments):
        return json.loads(self.run("-o", "json", *arguments))


def trust(ca_file):
    return ssl.create_default_context(cafile=str(ca_file))


def say(text):
    print(text, flush=True)


def fail_with_logs(error, processes):
    print(f"\nFAILED: {error}", file=sys.stderr)
    for process in processes:
        print(f"\n  last lines of {process.log_path}:\n{process.tail()}", file=sys.stderr)
