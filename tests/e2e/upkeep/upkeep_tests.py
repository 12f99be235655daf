"""The store looked after on a real service: what is deleted, found damaged, healed, held, backed up and put back.

    upkeep_tests.py --bin BUILD/bin [--keep] [NAME…]
"""
import os
import pathlib
import random
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import service  # noqa: E402  (its folder is only known here)
from service import CliCase, world  # noqa: E402

MIB = 1 << 20


def weights(seed, size=MIB):
    return random.Random(seed).randbytes(size)   # nothing compresses it, so the store holds these very bytes


class Upkeep(CliCase):
    def push(self, name, content):
        folder = self.service.folder / "content" / name.replace("/", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "weights.bin").write_bytes(content)
        return self.json(self.service.pat, "snapshot", "push", name, folder, "--key", self.service.key)

    def stored_in(self, data, content):
        """(file, offset) of a piece of `content` in the store's blob files."""
        piece = content[300_000:300_064]
        for path in sorted((data / "store" / "chunks").glob("*.blob")):
            at = path.read_bytes().find(piece)
            if at >= 0:
                return path, at
        self.fail("the content is in no blob file")

    def flip(self, data, content):
        path, at = self.stored_in(data, content)
        with open(path, "r+b") as blob:
            blob.seek(at)
            byte = blob.read(1)
            blob.seek(at)
            blob.write(bytes([byte[0] ^ 1]))

    def stop(self):
        self.service.server.stopping = True
        self.service.server.child.terminate()
        self.service.server.child.wait(30)

    def test_a_deleted_snapshot_goes_with_the_next_collection_and_not_before(self):
        content = weights("delete")
        self.push("model/gone", content)
        lee = self.service.lee
        self.refused(self.service.pat, 3, "needs role", "snapshot", "delete", "model/gone@1", "--reason", "old")
        self.refused(lee, 2, "name one version", "snapshot", "delete", "model/gone", "--reason", "old")
        lee.run("snapshot", "delete", "model/gone@1", "--reason", "old")
        self.refused(self.service.vi, 5, "was deleted by lee", "snapshot", "show", "model/gone@1")
        lee.run("snapshot", "undelete", "model/gone@1", "--reason", "a mistake")
        self.service.vi.run("snapshot", "show", "model/gone@1")
        lee.run("snapshot", "delete", "model/gone@1", "--reason", "old")
        told = self.json(lee, "store", "gc", "--dry-run")["report"]
        done = self.json(lee, "store", "gc", "--reason", "tidy")["report"]
        self.assertGreaterEqual(int(done["bytes_deleted"]), MIB)
        self.assertEqual(told["bytes_deleted"], done["bytes_deleted"])
        self.assertEqual(self.json(self.service.vi, "snapshot", "deleted")["deleted"][0]["collected"], True)
        self.refused(lee, 3, "was collected", "snapshot", "undelete", "model/gone@1", "--reason", "again")
        with self.assertRaises(AssertionError):
            self.stored_in(self.service.data, content)   # its bytes have left the disk
        self.assertEqual(self.push("model/gone", content)["snapshot"]["version"], "2")
        lee.run("store", "check")
        self.assertIn("scrub_age", self.service_metrics())

    def service_metrics(self):
        return subprocess.run(["curl", "-sk", "-H", f"Authorization: Bearer {self.service.admin_token.read_text().strip()}",
                               f"https://{self.service.http}/metrics"], capture_output=True, text=True, timeout=30).stdout

    def test_a_flipped_byte_is_found_named_and_healed_by_the_same_push(self):
        content = weights("flip", 2 * MIB)
        self.push("model/flipped", content)
        self.flip(self.service.data, content)
        done = self.refused_check()
        self.assertIn("touches model/flipped@1: weights.bin", done.stdout)
        self.assertEqual(self.json(self.service.vi, "store", "damage")["damage"][0]["snapshots"], ["model/flipped@1"])
        self.assertIn("firebreak_store_damaged_chunks 1", self.service_metrics())
        damaged = self.json(self.service.vi, "audit", "list", "--subject", "model/flipped@1")
        self.assertIn("store.chunk_damaged", str(damaged))
        # Restarted meanwhile, it still knows.
        self.service.kill()
        self.service.revive()
        self.push("model/flipped", content)
        world.wait_for("the chunk to be healed", lambda: self.json(self.service.vi, "store", "damage") == {}, 30)
        self.service.lee.run("store", "check")
        self.service.lee.run("snapshot", "verify", "model/flipped@1")
        self.assertIn("store.chunk_healed", str(self.json(self.service.vi, "audit", "list", "--subject", "model/flipped@1")))

    def test_an_agent_that_holds_a_damaged_chunk_heals_it_unasked(self):
        content = weights("agent", 2 * MIB)
        self.push("model/staged", content)
        self.service.admin.run("deployment", "create", "staged-prod", "--env", "prod")
        self.service.start_agent("a1", self.service.enrol("a1", "staged-prod"))
        self.service.riley.run("deployment", "deploy", "staged-prod", "model/staged@1", "--reason", "first", "--wait")
        self.flip(self.service.data, content)
        done = self.refused_check()
        self.assertIn("serving now: staged-prod", done.stdout)
        world.wait_for("the agent to heal it", lambda: self.json(self.service.vi, "store", "damage") == {}, 40)
        self.service.lee.run("store", "check")

    def refused_check(self):
        done = self.service.lee.raw("store", "check")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done

    def test_an_incident_holds_what_it_touched_until_the_lead_lifts_it(self):
        self.push("model/held", weights("held"))
        opened = self.json(self.service.riley, "incident", "open", "--title", "it answers nonsense", "--kind", "poisoning", "--model", "held",
                           "--snapshot", "model/held@1")
        incident = opened["incident"]["id"]
        lee = self.service.lee
        self.refused(lee, 3, f"{incident} holds it", "snapshot", "delete", "model/held@1", "--reason", "hide it")
        self.refused(self.service.riley, 3, "needs role security-lead", "hold", "lift", incident, "--reason", "mine")
        lee.run("hold", "lift", incident, "--reason", "the authority has a copy")
        self.service.riley.run("hold", "place", "model/held@1", "--reason", "legal asked")
        placed = [hold["id"] for hold in self.json(self.service.vi, "hold", "list", "--snapshot", "model/held@1")["holds"]]
        self.refused(lee, 3, f"{placed[0]} holds it", "snapshot", "delete", "model/held@1", "--reason", "hide it")
        lee.run("hold", "lift", placed[0], "--reason", "legal is done")
        lee.run("snapshot", "delete", "model/held@1", "--reason", "not needed")

    def test_a_quota_refuses_with_the_numbers(self):
        admin = self.service.admin
        admin.run("store", "quota", "set", "model/small*", "--bytes", "1MiB", "--reason", "small disk")
        folder = self.service.folder / "content" / "big"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.bin").write_bytes(weights("quota", 3 * MIB))
        self.refused(self.service.pat, 1, ["quota model/small*", "allows 1048576 bytes"], "snapshot", "push", "model/small-one", folder,
                     "--key", self.service.key)
        admin.run("store", "quota", "set", "model/small*", "--reason", "no longer")
        self.assertEqual(self.json(self.service.vi, "store", "quota", "list"), {})
        self.service.pat.run("snapshot", "push", "model/small-one", folder, "--key", self.service.key)

    def test_a_backup_is_incremental_whole_and_restores_to_a_folder_that_serves(self):
        backups, restored = self.service.backups, self.service.folder / "restored"
        content = weights("backup", 3 * MIB)
        self.push("model/kept", content)
        first = self.json(self.service.admin, "backup", "create", "--reason", "nightly")["backup"]
        self.push("model/later", weights("later"))
        second = self.json(self.service.admin, "backup", "create")["backup"]
        self.assertLess(int(second["bytes_written"]), int(second["bytes"]) - 3 * MIB)
        self.assertIn(first["id"], self.service.vi.run("backup", "list"))
        for backup in (first, second):
            self.service.vi.run("backup", "verify", backups, backup["id"])
        self.service.vi.run("backup", "restore", backups, first["id"], "--to", restored)
        names = {path.name for path in restored.iterdir()}
        self.assertFalse(names & {"keys", "admin-token", "credentials"}, "a backup holds no secret")
        self.refused(self.service.vi, 3, "not empty", "backup", "restore", backups, "--to", restored)
        shutil.copytree(self.service.data / "keys", restored / "keys")
        checked = self.service.firebreakd("check", "--data", restored)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.flip(restored, content)
        checked = self.service.firebreakd("check", "--data", restored, "--output", "json")
        self.assertEqual(checked.returncode, 1, checked.stdout + checked.stderr)
        self.assertIn("model/kept@1: weights.bin", checked.stdout)
        victim = max((backups / "files").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
        whole = victim.read_bytes()
        victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        self.refused(self.service.vi, 1, "not whole", "backup", "verify", backups, second["id"])
        victim.write_bytes(whole)

    def test_records_put_back_are_refused_until_somebody_decides(self):
        backups, data = self.service.backups, self.service.data
        self.json(self.service.admin, "backup", "create")
        self.push("model/after", weights("after"))
        self.stop()
        old = self.service.folder / "old"
        self.service.vi.run("backup", "restore", backups, "--to", old)
        shutil.rmtree(data / "store")
        shutil.copytree(old / "store", data / "store")
        self.service.server.stopping = False
        self.service.server.start()
        world.wait_for("reads to be answered", lambda: self.service.vi.raw("whoami").returncode == 0, 30)
        self.refused(self.service.riley, 3, ["older than what has been seen outside", "accept-rollback"], "incident", "open", "--title", "x",
                     "--kind", "drift", "--model", "kept")
        self.service.vi.run("snapshot", "list")
        self.stop()
        refused = self.service.firebreakd("accept-rollback", "--data", data)
        self.assertNotEqual(refused.returncode, 0)
        accepted = self.service.firebreakd("accept-rollback", "--data", data, "--by", "lee", "--reason", "the disk died")
        self.assertEqual(accepted.returncode, 0, accepted.stdout + accepted.stderr)
        self.service.revive()
        self.push("model/after", weights("after"))
        entries = self.json(self.service.vi, "audit", "list", "--subject", "store")
        self.assertIn("rollback.accepted", str(entries))
        self.service.lee.run("store", "check")

    def test_an_agent_that_saw_more_stops_a_folder_put_back_and_its_decisions_are_taken_over(self):
        data, copy = self.service.data, self.service.folder / "copy"
        self.push("model/put", weights("put 1"))
        self.service.admin.run("deployment", "create", "put-prod", "--env", "prod")
        self.service.start_agent("a2", self.service.enrol("a2", "put-prod"))
        self.service.riley.run("deployment", "deploy", "put-prod", "model/put@1", "--reason", "first", "--wait")
        self.stop()
        shutil.copytree(data, copy)
        self.service.revive()
        self.push("model/put", weights("put 2"))
        self.service.riley.run("deployment", "deploy", "put-prod", "model/put@2", "--reason", "second", "--wait")
        self.service.riley.run("contain", "put-prod", "--reason", "it is bad", "--wait")
        for _ in range(2):   # the agent writes its status at every heartbeat, and each brings a checkpoint over everything
            status = self.service.folder / "a2" / "status.pb"
            before = status.stat().st_mtime_ns
            world.wait_for("a heartbeat", lambda: status.stat().st_mtime_ns > before, 30)
        self.stop()
        shutil.rmtree(data)
        shutil.copytree(copy, data)   # its witness file was put back with it
        self.service.revive()

        def refused():
            done = self.service.admin.raw("store", "quota", "set", "model/x*", "--bytes", "1MiB", "--reason", "x")
            return done.returncode == 3 and "agent a" in done.stderr and "holds a signed checkpoint" in done.stderr
        world.wait_for("changes to be refused", refused, 60)
        self.stop()
        accepted = self.service.firebreakd("accept-rollback", "--data", data, "--by", "lee", "--reason", "the copy is all there is")
        self.assertEqual(accepted.returncode, 0, accepted.stdout + accepted.stderr)
        self.service.revive()
        world.wait_for("the lost decision to be taken over", lambda: "decision.adopted" in str(
            self.json(self.service.vi, "audit", "list", "--subject", "deployment/put-prod")), 60)
        shown = self.json(self.service.vi, "deployment", "show", "put-prod")["deployment"]
        self.assertEqual((shown["epoch"], shown["contained"]), ("3", True))
        self.service.lee.run("release", "put-prod", "--reason", "a false alarm", "--wait")   # the agent accepts epoch 4


def prepare(folder, binaries):
    made = service.Service(binaries, folder)
    made.make_publisher()
    made.backups = folder / "backups"
    with open(made.data / "config.yaml", "a", encoding="utf-8") as config:
        config.write(f"backup_folder: {made.backups}\n")
    made.kill()
    made.revive()
    return made


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(service.main([sys.modules[__name__]], prepare))
