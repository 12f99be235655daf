"""Signing 4 GiB beside reading it, and the hash beside `openssl speed -evp sha256`.

Cold: the pages are dropped before every turn, so both sides wait for the same disk. Warm: everything is in memory, and what is left
is hashing and copying. Turns alternate; the key is a P-256 one, made for the run.
"""
import os
import re
import subprocess
import time

import ground
from ground import median

GIB = 1 << 30
REPEAT = 3


def write_model(folder, files, size):
    folder.mkdir()
    for number in range(files):
        with open(folder / f"part-{number}.safetensors", "wb") as part:
            for _ in range(size // files // (16 << 20)):
                part.write(os.urandom(16 << 20))
            part.flush()
            os.fsync(part.fileno())


def drop(folder):
    for part in folder.iterdir():
        handle = os.open(part, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def timed(command):
    began = time.monotonic()
    child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise ground.Failed(f"{' '.join(map(str, command))}: {errors.decode()[-500:]}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def read(model):
    return timed(["cat", *sorted(model.iterdir())])


def sign(options, model, key, at):
    return timed([options.bin / "firebreak", "oms", "sign-model", "--method", "key", "--model-path", model, "--private-key", key,
                  "--output-bundle", at])


def openssl_rate():
    """GB/s of one core, over blocks of 16 KiB; openssl counts the time of the processor, not of the clock."""
    done = subprocess.run(["openssl", "speed", "-evp", "sha256", "-bytes", "16384", "-seconds", "1"], capture_output=True, text=True,
                          check=True)
    return float(re.search(r"^sha256\s+([\d.]+)k", done.stdout, re.M | re.I).group(1)) * 1000 / 1e9


def hash_rate(options, model, size, key):
    """GB/s of one thread of ours over files in memory, by the processor's time as well: opening, reading and hashing."""
    child = subprocess.Popen([str(options.bin / "firebreak"), "oms", "benchmark-model", "--operation", "hash", "--method", "key",
                              "--model-path", str(model), "--private-key", str(key), "--repeat", str(REPEAT), "--max-workers", "1"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise ground.Failed("oms benchmark-model failed")
    return size * (REPEAT + 1) / 1e9 / (usage.ru_utime + usage.ru_stime)   # and one pass that warms up


def beside_reading(options, folder, key, files, size):
    model = folder / f"model-{files}"
    write_model(model, files, size)
    rounds = {"cold": [], "warm": []}
    memory = 0
    for number in range(options.rounds):
        for state in rounds:
            times = {}
            for side in ("read", "sign") if number % 2 == 0 else ("sign", "read"):
                if state == "cold":
                    drop(model)
                else:
                    read(model)
                if side == "read":
                    times[side], _ = read(model)
                else:
                    times[side], peak = sign(options, model, key, folder / "model.sig")
                    memory = max(memory, peak)
            rounds[state].append(times)
        options.note(f"{files} files, round {number + 1}: " + ", ".join(
            f"{state} read {r[-1]['read']:.2f} s, sign {r[-1]['sign']:.2f} s" for state, r in rounds.items()))
    for state, found in rounds.items():
        yield {"figure": f"oms sign-model of {size // GIB} GiB in {files} {'file' if files == 1 else 'files'}, {state}",
               "firebreak": f"{size / 1e9 / median([f['sign'] for f in found]):.2f} GB/s; peak memory {memory:.0f} MiB",
               "beside": f"cat to /dev/null {size / 1e9 / median([f['read'] for f in found]):.2f} GB/s",
               "ratio": median([f["read"] / f["sign"] for f in found]), "target": 1.0 if state == "cold" else None}


def beside_openssl(options, folder, key):
    size = GIB
    model = folder / "hashed"
    write_model(model, 4, size)
    pairs = [(openssl_rate(), hash_rate(options, model, size, key)) for _ in range(options.rounds)]
    yield {"figure": "SHA-256 of 1 GiB in files, one thread, from memory",
           "firebreak": f"{median([ours for _, ours in pairs]):.2f} GB/s",
           "beside": f"openssl speed, one core, {median([theirs for theirs, _ in pairs]):.2f} GB/s",
           "ratio": median([ours / theirs for theirs, ours in pairs]), "target": 0.9}


def run(options):
    size = GIB if options.rounds <= 3 else 4 * GIB
    with ground.scratch(options.where) as folder:
        key = folder / "key.pem"
        ground.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key])
        yield from beside_openssl(options, folder, key)
        for files in (4, 1):
            yield from beside_reading(options, folder, key, files, size)
