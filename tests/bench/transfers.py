"""Pushes, pulls and stored bytes beside restic, borg, casync and cp + sync.

Four cases, one after another into one store: weights that do not shrink, the same with 5 % of their tensors changed, a
table, the same with 0.05 % rows inserted at random places; and many small files into another. Stores are new in every round, sources
are made once and read before each turn, so that everybody finds them in memory.
"""
import json
import os
import random
import shutil
import struct
import subprocess

import ground
from ground import median
from transfer_peers import PEERS

SHARDS = 4
CHANGED = 0.05
INSERTED = 0.0005
CASES = ["weights", "changed", "table", "inserted"]


def write_weights(folder, mib):
    """Shards of safetensors with tensors of 8 KiB to 8 MiB, and the same with one tensor in twenty drawn anew."""
    dice, number = random.Random(7), 0
    for case in ("weights", "changed"):
        (folder / case).mkdir()
    for shard in range(SHARDS):
        left, sizes = (mib << 20) // SHARDS, []
        while left > 0:
            sizes.append(min(left, dice.choice([8 << 10, 1 << 20, 4 << 20, 4 << 20, 6 << 20, 8 << 20])))
            left -= sizes[-1]
        header, offset = {}, 0
        for size in sizes:
            header[f"layer.{number}.weight"] = {"dtype": "BF16", "shape": [size // 2], "data_offsets": [offset, offset + size]}
            offset, number = offset + size, number + 1
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        name = f"model-{shard + 1:05d}-of-{SHARDS:05d}.safetensors"
        with open(folder / "weights" / name, "wb") as first, open(folder / "changed" / name, "wb") as second:
            for file in (first, second):
                file.write(struct.pack("<Q", len(text)) + text)
            for size in sizes:
                data = os.urandom(size)
                first.write(data)
                second.write(os.urandom(size) if dice.random() < CHANGED else data)


def row(dice, number):
    draw = dice.random
    return (f"{number},2026-{1 + int(draw() * 12):02d}-{1 + int(draw() * 28):02d}T{int(draw() * 24):02d}:{int(draw() * 60):02d}Z,"
            f"{('collision', 'theft', 'fire', 'water', 'storm', 'glass')[int(draw() * 6)]},{draw() * 10000:.2f},"
            f"{int(draw() * 90000) + 10000},{('open', 'closed', 'paid', 'denied')[int(draw() * 4)]},{draw():.6f},{int(draw() * 100)}\n")


def write_table(folder, mib):
    dice, number, written = random.Random(5), 0, 0
    for case in ("table", "inserted"):
        (folder / case).mkdir()
    with open(folder / "table" / "claims.csv", "w") as first, open(folder / "inserted" / "claims.csv", "w") as second:
        while written < mib << 20:
            rows, more = [], []
            for _ in range(20_000):
                number += 1
                rows.append(row(dice, number))
                more.append(rows[-1])
                if dice.random() < INSERTED:
                    more.append(row(dice, dice.randrange(10 ** 9)))
            text = "".join(rows)
            written += len(text)
            first.write(text)
            second.write("".join(more))


def write_small(folder, count):
    for number in range(count):
        at = folder / "small" / f"{number % 100:02d}"
        if number < 100:
            at.mkdir(parents=True)
        (at / f"sample-{number:06d}.npy").write_bytes(os.urandom(4096))


def read(folder):
    """Everybody finds the source in memory."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                while file.read(4 << 20):
                    pass


def turn(options, name, at, sources):
    """All cases of one contender: {case: figures, "pull": figures, "stored": bytes}."""
    peer = PEERS[name](options, at)
    try:
        found = {}
        for case in CASES:
            read(sources / case)
            found[case] = peer.push(case.replace("changed", "weights").replace("inserted", "table"), sources / case)
            if case == "weights":
                found["pull"] = peer.pull(case, sources / case)
        found["stored"] = peer.stored()
    finally:
        peer.stop()
    if name in ("borg", "casync"):
        return found
    # Into a store of its own: indexes of the large cases are no part of this figure.
    (at / "second").mkdir()
    peer = PEERS[name](options, at / "second")
    try:
        read(sources / "small")
        found["small"] = peer.push("small", sources / "small")
    finally:
        peer.stop()
    return found


def one_round(options, number, folder, sources):
    # casync takes longer than all others together and is asked for its stored bytes, which no round changes: once is enough.
    names, found = [name for name in PEERS if name != "casync" or number == 0], {}
    for name in names[number % len(names):] + names[:number % len(names)]:
        at = folder / name
        at.mkdir()
        found[name] = turn(options, name, at, sources)
        shutil.rmtree(at)
        subprocess.run(["sync", "-f", str(folder)], check=True)
    for name in names:
        options.note(f"round {number + 1}: {name}: " + ", ".join(
            f"{case} {figures['seconds']:.2f} s" for case, figures in found[name].items() if isinstance(figures, dict)))
    return found


def rows(rounds, sizes):
    def seconds(name, case):
        return [found[name][case]["seconds"] for found in rounds if name in found]

    def rate(name, case):
        return f"{sizes[case] / (1 << 20) / median(seconds(name, case)):.0f} MiB/s"

    def memory(case):
        return (f"; peak memory client {max(f['firebreak'][case]['memory'] for f in rounds):.0f} MiB, "
                f"server {max(f['firebreak'][case]['server'] for f in rounds):.0f} MiB")

    figures = [("weights", "first push of weights", [("restic", 2.0), ("cp", 0.67), ("borg", None), ("casync", None)]),
               ("changed", "push with 5 % of tensors changed", [("restic", 3.0), ("borg", None), ("casync", None)]),
               ("pull", "pull of weights, every byte verified", [("restic", 2.0), ("cp", None)]),
               ("table", "first push of a table", [("restic", 2.0), ("cp", None), ("borg", None), ("casync", None)]),
               ("inserted", "push with 0.05 % rows inserted", [("restic", None), ("borg", None), ("casync", None)]),
               ("small", "push of small files of 4 KiB", [("restic", 2.0), ("cp", None)])]
    for case, figure, peers in figures:
        for peer, target in peers:
            ratios = [found[peer][case]["seconds"] / found["firebreak"][case]["seconds"] for found in rounds if peer in found]
            spread = f" ({min(ratios):.2f} to {max(ratios):.2f})"
            yield {"figure": f"{figure}, {sizes[case] >> 20} MiB", "firebreak": rate("firebreak", case) + memory(case),
                   "beside": f"{peer} {rate(peer, case)}{spread}", "ratio": median(ratios), "target": target}
    stored = {name: median([found[name]["stored"] for found in rounds if name in found]) for name in PEERS}
    best = min(("restic", "borg", "casync"), key=stored.get)
    yield {"figure": "stored bytes after all four", "firebreak": f"{stored['firebreak'] / (1 << 20):.0f} MiB",
           "beside": ", ".join(f"{name} {stored[name] / (1 << 20):.0f} MiB" for name in PEERS if name != "firebreak"),
           "ratio": stored[best] / stored["firebreak"], "target": 1.0}


def run(options):
    weights, table, small = (256, 64, 5_000) if options.quick else (1024, 256, 20_000)
    with ground.scratch(options.where) as folder:
        sources = folder / "sources"
        sources.mkdir()
        write_weights(sources, weights)
        write_table(sources, table)
        write_small(sources, small)
        subprocess.run(["sync", "-f", str(folder)], check=True)
        sizes = {case: sum(p.stat().st_size for p in (sources / case).rglob("*") if p.is_file()) for case in [*CASES, "small"]}
        sizes["pull"] = sizes["weights"]
        rounds = [one_round(options, number, folder, sources) for number in range(options.rounds)]
    yield from rows(rounds, sizes)
