"""Push and pull of 1 GiB of random bytes beside cp + sync and restic, with peak memory of both sides.

Every round has new bytes, a new store and a new restic repository; everything is durable when the clock stops.
"""
import filecmp
import os
import shutil
import subprocess
import time

import ground
from ground import median

MIB = 1024
FILES = 4


def write_source(folder):
    folder.mkdir()
    for number in range(FILES):
        with open(folder / f"part-{number}.bin", "wb") as part:
            for _ in range(MIB // FILES // 16):
                part.write(os.urandom(16 << 20))
    subprocess.run(["sync", "-f", str(folder)], check=True)


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
        for path in [durable, *durable.rglob("*")]:
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
    return {"seconds": time.monotonic() - began, "memory": usage.ru_maxrss / 1024}


def check_same(source, target):
    """Byte for byte; the signature bundle beside the pulled files is no part of them."""
    for part in source.iterdir():
        if not filecmp.cmp(part, target / part.name, shallow=False):
            raise ground.Failed(f"{part.name} was not pulled as it was pushed: {sorted(p.name for p in target.iterdir())}")


def firebreak_turn(options, folder, source):
    server = ground.Firebreak(options.bin, folder / "server")
    try:
        key = folder / "key.pem"
        server.cli("key", "generate", "--out", key, "--pub", folder / "key.pub")
        server.cli("signer", "trust", "bench", "--key", folder / "key.pub")
        cli = [options.bin / "firebreak", "--server", server.grpc, "--ca", server.ca, "--token-file", server.token_file,
               "--timeout", "600s"]
        server.process.peak_memory_reset()
        push = timed([*cli, "snapshot", "push", "model/big", source, "--key", key])
        push["server"] = server.process.peak_memory_mib()
        target = folder / "pulled"
        server.process.peak_memory_reset()
        pull = timed([*cli, "snapshot", "pull", "model/big", target], target)
        pull["server"] = server.process.peak_memory_mib()
        check_same(source, target)
        return push, pull
    finally:
        server.stop()


def restic_turn(folder, source):
    environment = {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(folder / "cache")}
    repository = folder / "restic"
    ground.run(["restic", "-r", repository, "init"], environment)
    backup = timed(["restic", "-r", repository, "backup", source], repository, environment)
    target = folder / "restored"
    restore = timed(["restic", "-r", repository, "restore", "latest", "--target", target], target, environment)
    return backup, restore


def copy_turn(folder, source):
    return timed(["cp", "-r", source, folder / "copy"], folder / "copy")


def one_round(options, number):
    with ground.scratch(options.where) as folder:
        source = folder / "source"
        write_source(source)
        turns = [("firebreak", lambda at: firebreak_turn(options, at, source)), ("restic", lambda at: restic_turn(at, source)),
                 ("cp", lambda at: copy_turn(at, source))]
        found = {}
        for name, turn in turns[number % 3:] + turns[:number % 3]:
            at = folder / name
            at.mkdir()
            found[name] = turn(at)
            shutil.rmtree(at)
            subprocess.run(["sync", "-f", str(folder)], check=True)
    push, pull = found["firebreak"]
    backup, restore = found["restic"]
    options.note(f"round {number + 1}: push {push['seconds']:.1f} s, pull {pull['seconds']:.1f} s, restic backup "
                 f"{backup['seconds']:.1f} s, restore {restore['seconds']:.1f} s, cp {found['cp']['seconds']:.1f} s")
    return found


def run(options):
    rounds = [one_round(options, number) for number in range(min(options.rounds, 3))]
    for figure, side, theirs in (("push", 0, "backup"), ("pull", 1, "restore")):
        ours = [found["firebreak"][side] for found in rounds]
        restic = [found["restic"][side] for found in rounds]
        copy = [found["cp"] for found in rounds]
        text = (f"{MIB / median([o['seconds'] for o in ours]):.0f} MiB/s; peak memory client "
                f"{median([o['memory'] for o in ours]):.0f} MiB, server {median([o['server'] for o in ours]):.0f} MiB")
        yield {"figure": f"{figure} of 1 GiB beside restic {theirs}", "firebreak": text,
               "beside": f"{MIB / median([r['seconds'] for r in restic]):.0f} MiB/s; peak memory "
                         f"{median([r['memory'] for r in restic]):.0f} MiB",
               "ratio": median([r["seconds"] / o["seconds"] for o, r in zip(ours, restic)]), "target": None}
        yield {"figure": f"{figure} of 1 GiB beside cp + fsync", "firebreak": text,
               "beside": f"{MIB / median([c['seconds'] for c in copy]):.0f} MiB/s",
               "ratio": median([c["seconds"] / o["seconds"] for o, c in zip(ours, copy)]), "target": None}
