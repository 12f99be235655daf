"""Hosts that die, disks that fill, agents that are away."""
import os
import pathlib
import random
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from service import CliCase, Service, world

MIB = 1 << 20


def make_content(folder, size_mib, seed):
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(random.Random(seed).randbytes(size_mib * MIB))
    return folder


def stored_bytes(folder):
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            pass  # a compaction was quicker
    return total


class KilledDuringAPush(CliCase):
    SIZE_MIB = 192

    def push(self, name, content):
        return [self.service.bin / "firebreak", "snapshot", "push", f"model/{name}", content, "--key", self.service.key]

    def start_push_and_kill(self, name, content, arrived_mib):
        """SIGKILLs firebreakd once that much of the content is in its files; the pusher is held while that happens."""
        before = stored_bytes(self.service.data)
        pusher = subprocess.Popen(self.push(name, content), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env={**os.environ, "FIREBREAK_CONFIG": str(self.service.pat.config)})
        while stored_bytes(self.service.data) < before + arrived_mib * MIB:
            self.assertIsNone(pusher.poll(), "the push was over before it could be cut")
            time.sleep(0.002)
        pusher.send_signal(signal.SIGSTOP)
        self.service.kill()
        return pusher

    def test_the_same_command_again_finishes_a_cut_push_without_sending_everything_twice(self):
        content = make_content(self.service.folder / "cut", self.SIZE_MIB, seed=1)
        pusher = self.start_push_and_kill("cut", content, arrived_mib=112)
        pusher.send_signal(signal.SIGCONT)
        _, said = pusher.communicate(timeout=60)
        self.assertEqual(pusher.returncode, 7, said)
        self.assertIn("run the same command again", said)
        self.service.revive()
        self.assertEqual(self.json(self.service.vi, "snapshot", "list", "--name", "cut"), {})
        again = self.service.pat.run(*self.push("cut", content)[1:])
        sent = float(re.search(r", ([0-9.]+) MiB sent", again).group(1))
        self.assertLess(sent, self.SIZE_MIB - 32, again)
        self.assertTrue(self.json(self.service.pat, "snapshot", "verify", "model/cut@1")["intact"])

    def test_a_push_goes_on_by_itself_when_the_service_is_back_soon(self):
        content = make_content(self.service.folder / "blip", self.SIZE_MIB, seed=2)
        pusher = self.start_push_and_kill("blip", content, arrived_mib=16)
        self.service.revive()
        pusher.send_signal(signal.SIGCONT)
        _, said = pusher.communicate(timeout=120)
        self.assertEqual(pusher.returncode, 0, said)
        self.assertTrue(self.json(self.service.pat, "snapshot", "verify", "model/blip@1")["intact"])


class Watching(CliCase):
    def test_a_watch_goes_on_where_it_was_after_the_service_was_killed(self):
        """Every entry once, in order, across a SIGKILL."""
        service, lines = self.service, []
        watcher = subprocess.Popen([service.bin / "firebreak", "audit", "watch", "--from", "0"], stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, "FIREBREAK_CONFIG": str(service.lee.config)})
        self.addCleanup(watcher.stdout.close)
        self.addCleanup(watcher.wait)
        self.addCleanup(watcher.kill)
        reader = threading.Thread(target=lambda: lines.extend(iter(watcher.stdout.readline, "")), daemon=True)
        reader.start()
        service.admin.run("deployment", "create", "before-the-kill", "--env", "prod")
        world.wait_for("the entry before the kill", lambda: any("before-the-kill" in line for line in lines), 20)
        service.kill()
        service.revive()
        service.admin.run("deployment", "create", "after-the-kill", "--env", "prod")
        world.wait_for("the entry after the kill", lambda: any("after-the-kill" in line for line in lines), 30)
        indices = [int(line.split()[0]) for line in lines]
        self.assertEqual(indices, list(range(len(indices))))


class AgentAway(CliCase):
    def test_containment_waits_for_an_agent_that_is_away_says_so_and_reaches_it_later(self):
        service = self.service
        service.admin.run("deployment", "create", "away-prod", "--env", "prod")
        folder = service.enrol("away-1", "away-prod")
        agent = service.start_agent("away-1", folder)
        service.riley.run("deployment", "deploy", "away-prod", "model/fraud@1", "--reason", "release", "--wait")
        agent.stop()
        done = service.riley.raw("--timeout", "3s", "contain", "away-prod", "--reason", "bad", "--wait")
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("not proved by: away-1 (not connected)", done.stderr)
        self.assertIn("decided: contain", done.stdout)
        self.assertTrue((folder / "current").exists())
        agent = service.start_agent("away-1", folder)
        proof = world.wait_for("the agent to prove the containment", lambda: self.proof("away-prod", "SERVING_STATE_CONTAINED"), 30)
        self.assertEqual(proof["epoch"], "2")
        self.assertNotIn(b"first model", b"".join(path.read_bytes() for path in (folder / "current").rglob("*") if path.is_file()))
        agent.stopping = True
        agent.child.kill()
        agent.child.wait()
        agent = service.start_agent("away-1", folder)
        self.assertEqual(service.riley.raw("release", "away-prod", "--reason", "fine", "--wait").returncode, 0)
        self.assertTrue(self.proof("away-prod", "SERVING_STATE_SERVING"))

    def proof(self, deployment, state):
        agents = self.json(self.service.vi, "deployment", "show", deployment)["deployment"]["agents"]
        return agents[0]["proof"] if agents[0].get("proof", {}).get("state") == state else None


class FullDisk(CliCase):
    """A service of its own on a small volume: content keeps 512 MiB free, commits only 64 MiB."""
    SIZE_MIB = 560

    def setUp(self):
        self.volume = pathlib.Path(tempfile.mkdtemp(prefix="firebreak-volume-"))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SIZE_MIB}m", "tmpfs", self.volume], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.volume.rmdir()
            raise unittest.SkipTest(f"no small volume can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(self.volume.rmdir)
        self.addCleanup(subprocess.run, ["umount", self.volume], check=True)
        self.own = Service(self.service.bin, self.service.folder / "full-disk", data=self.volume / "data")
        self.addCleanup(self.own.stop)
        self.own.make_publisher()

    def test_a_full_volume_refuses_content_and_still_contains(self):
        own = self.own
        own.admin.run("deployment", "create", "full-prod", "--env", "prod")
        folder = own.enrol("full-1", "full-prod")
        own.start_agent("full-1", folder)
        own.riley.run("deployment", "deploy", "full-prod", "model/fraud@1", "--reason", "release", "--wait")
        big = make_content(own.folder / "big", 96, seed=3)
        push = ["snapshot", "push", "model/big", big, "--key", own.key]
        refused = own.pat.raw(*push)
        self.assertEqual(refused.returncode, 1, refused.stderr)
        for words in ("MiB free", "reserve of 512 MiB", "free space on the volume"):
            self.assertIn(words, refused.stderr)
        self.assertEqual(self.json(own.vi, "snapshot", "list", "--name", "big"), {})
        self.assertIn("INC-1", own.riley.run("incident", "open", "--title", "bad", "--kind", "drift", "--model", "fraud"))
        own.riley.run("contain", "full-prod", "--reason", "bad", "--incident", "INC-1", "--wait")
        self.assertIn("contained", own.vi.run("deployment", "list"))
        subprocess.run(["mount", "-o", f"remount,size={self.SIZE_MIB + 400}m", self.volume], check=True)
        own.pat.run(*push)
        self.assertTrue(self.json(own.pat, "snapshot", "verify", "model/big@1")["intact"])
