"""Very many small files on a real service over TLS: memory on both sides stays below its bound whatever their number.

    many_files.py --bin BUILD/bin [--keep] [NAME…]        FIREBREAK_MANY_FILES=1000000 for another number
"""
import hashlib
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import service  # noqa: E402  (its folder is only known here)
from service import CliCase  # noqa: E402

FILES = int(os.environ.get("FIREBREAK_MANY_FILES", "200000"))
FILES_A_FOLDER = 1000
FILE_BYTES = 64
MEMORY_MIB = 256


def make_files(root):
    for part in range(FILES // FILES_A_FOLDER):
        folder = root / f"part-{part:04d}"
        folder.mkdir(parents=True)
        content = os.urandom(FILE_BYTES * FILES_A_FOLDER)
        for at in range(FILES_A_FOLDER):
            (folder / f"shard-{at:06d}.bin").write_bytes(content[FILE_BYTES * at:FILE_BYTES * (at + 1)])


def fingerprint(root):
    """Of every name and byte below `root` but the signature."""
    told = hashlib.sha256()
    for folder in sorted(root.iterdir()):
        if folder.name == "model.sig":
            continue
        for file in sorted(folder.iterdir()):
            told.update(f"{folder.name}/{file.name}\n".encode())
            told.update(file.read_bytes())
    return told.hexdigest()


class ManyFiles(CliCase):
    def measured(self, *command):
        """Runs it as pat; its peak memory and the service's, in MiB."""
        server = self.service.server.child.pid
        pathlib.Path(f"/proc/{server}/clear_refs").write_text("5")
        pat = self.service.pat
        child = subprocess.Popen([str(part) for part in (pat.binary, "--timeout", "900s", *command)],
                                 env={**os.environ, "FIREBREAK_CONFIG": str(pat.config)}, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        errors = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(child.returncode, 0, f"{command}: {errors[-2000:]}")
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{server}/status").read_text())[1])
        found = {"client": usage.ru_maxrss / 1024, "service": peak / 1024}
        print(f"{command[1]}: {FILES} files, peak memory client {found['client']:.0f} MiB, service {found['service']:.0f} MiB", flush=True)
        return found

    def is_plain(self):
        """A sanitizer keeps books of its own in memory."""
        return b"__sanitizer_" not in pathlib.Path(self.service.pat.binary).read_bytes()

    def test_go_out_and_come_back_in_bounded_memory(self):
        folder, pulled = self.service.folder / "many", self.service.folder / "pulled"
        make_files(folder)
        steps = [("snapshot", "push", "model/many", folder, "--key", self.service.key),
                 ("snapshot", "pull", "model/many@1", pulled, "--key", self.service.public_key),
                 # The signature that came along is good for the same content under another name.
                 ("snapshot", "push", "model/same", pulled, "--bundle", pulled / "model.sig")]
        for step in steps:
            for side, memory in self.measured(*step).items():
                self.assertLess(memory, MEMORY_MIB if self.is_plain() else MEMORY_MIB * 8, f"{side} in {step[1]}")
        self.assertEqual(fingerprint(pulled), fingerprint(folder))
        shown = self.json(self.service.vi, "snapshot", "show", "model/same@1")["snapshot"]
        self.assertEqual(shown["file_count"], str(FILES))
        # One file too many, and the signature is no longer one of what is there.
        (pulled / "part-0000" / "more").write_bytes(b"more")
        self.refused(self.service.pat, 2, "file 'part-0000/more' is not in the signature", "snapshot", "push", "model/other", pulled,
                     "--bundle", pulled / "model.sig")


def prepare(folder, binaries):
    made = service.Service(binaries, folder)
    made.make_publisher()
    return made


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(service.main([sys.modules[__name__]], prepare))
