"""Those who carry the same folders: Firebreak, restic, borg, casync and cp, each with a store of its own, each durable when
its clock stops."""
import filecmp
import os
import subprocess
import time

import ground


def fsync_tree(root):
    for path in [root, *root.rglob("*")]:
        if path.is_symlink():
            continue
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def timed(command, durable=None, environment=None):
    """Seconds until the command ended and the folder `durable` was synced, and the command's peak memory in MiB."""
    began = time.monotonic()
    child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, env={**os.environ, **(environment or {})})
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise ground.Failed(f"{' '.join(map(str, command))}: exit code {child.returncode}\n{errors.decode()[-2000:]}")
    if durable:
        fsync_tree(durable)
    return {"seconds": time.monotonic() - began, "memory": usage.ru_maxrss / 1024}


def bytes_below(folder):
    """What the files take, by their lengths; logs and caches beside the store are not counted."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def check_same(source, target):
    for path in source.iterdir():
        if not filecmp.cmp(path, target / path.name, shallow=False):
            raise ground.Failed(f"{path.name} did not come back as it went")


class Firebreak:
    def __init__(self, options, folder):
        self.folder = folder
        self.server = ground.Firebreak(options.bin, folder / "server")
        self.key = folder / "key.pem"
        self.server.cli("key", "generate", "--out", self.key, "--pub", folder / "key.pub")
        self.server.cli("signer", "trust", "bench", "--key", folder / "key.pub")
        self.client = [options.bin / "firebreak", "--server", self.server.grpc, "--ca", self.server.ca, "--token-file",
                       self.server.token_file, "--timeout", "600s"]

    def measured(self, command, durable=None):
        self.server.process.peak_memory_reset()
        found = timed([*self.client, *command], durable)
        found["server"] = self.server.process.peak_memory_mib()
        return found

    def push(self, name, source):
        return self.measured(["snapshot", "push", f"model/{name}", source, "--key", self.key])

    def pull(self, name, source):
        target = self.folder / "pulled"
        found = self.measured(["snapshot", "pull", f"model/{name}", target], target)
        check_same(source, target)
        return found

    def stored(self):
        return bytes_below(self.server.data)

    def stop(self):
        self.server.stop()


class Restic:
    def __init__(self, _, folder):
        self.folder, self.repository = folder, folder / "restic"
        self.environment = {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(folder / "cache")}
        ground.run(["restic", "-r", self.repository, "init"], self.environment)

    def push(self, _, source):
        return timed(["restic", "-r", self.repository, "backup", source], self.repository, self.environment)

    def pull(self, _, source):
        target = self.folder / "restored"
        return timed(["restic", "-r", self.repository, "restore", "latest", "--target", target], target, self.environment)

    def stored(self):
        return bytes_below(self.repository)

    def stop(self):
        pass


class Borg(Restic):
    def __init__(self, _, folder):
        self.folder, self.repository = folder, folder / "borg"
        self.environment = {"BORG_BASE_DIR": str(folder / "base"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
        ground.run(["borg", "init", "--encryption", "none", self.repository], self.environment)

    def push(self, name, source):
        return timed(["borg", "create", f"{self.repository}::{name}-{time.monotonic_ns()}", source], self.repository,
                     self.environment)

    def pull(self, _, source):
        return None


class Casync(Restic):
    def __init__(self, _, folder):
        self.folder, self.repository = folder, folder / "casync"
        self.repository.mkdir()

    def push(self, name, source):
        index = self.repository / f"{name}-{time.monotonic_ns()}.caidx"
        return timed(["casync", "make", f"--store={self.repository / 'store.castr'}", index, source], self.repository)

    def pull(self, _, source):
        return None


class Copy:
    def __init__(self, _, folder):
        self.folder, self.copies = folder, 0

    def push(self, _, source):
        self.copies += 1
        target = self.folder / f"copy-{self.copies}"
        # One sync for all files: one for each would measure the disk's queue and nothing else.
        return timed(["sh", "-c", 'cp -r "$1" "$2" && sync -f "$2"', "sh", source, target])

    pull = push

    def stored(self):
        return bytes_below(self.folder)

    def stop(self):
        pass


PEERS = {"firebreak": Firebreak, "restic": Restic, "borg": Borg, "casync": Casync, "cp": Copy}
