"""Every figure as a ratio within one run: contenders take turns, the median of paired ratios counts.

    run.py --build DIR [--only alerts|containment|commits|lineage|runs|signing|transfers] [--quick] [--out FILE] [--where FOLDER]

--where is a folder on the disk to measure. Prints one table, and writes it to --out. Missing a target is no failure here:
the table says so, and a person judges.
"""
import argparse
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

import alerts
import commits
import containment
import ground
import lineage
import runs
import signing
import transfers

FIGURES = {"alerts": alerts, "containment": containment, "commits": commits, "lineage": lineage,
           "runs": runs, "signing": signing, "transfers": transfers}
TOOLS = ["wrk", "restic", "borg", "casync", "prometheus-alertmanager"]


def machine(where):
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    memory = int(next(line for line in open("/proc/meminfo") if line.startswith("MemTotal")).split()[1]) >> 20
    system = subprocess.run(["df", "--output=fstype", str(where)], capture_output=True, text=True, check=False).stdout.split()
    return (f"{os.cpu_count()} × {cpu}, {memory} GiB memory, {system[-1] if system else 'unknown'} on the disk measured, "
            f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f} at the start, {time.strftime('%Y-%m-%d')}")


def verdict(row):
    if row["target"] is None:
        return "-"
    return f"≥ {row['target']}: " + ("met" if row["ratio"] >= row["target"] else "missed")


def table(rows):
    lines = ["| figure | Firebreak | beside it | ratio | target |", "|---|---|---|---|---|"]
    for row in rows:
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
        lines.append(f"| {row['figure']} | {row['firebreak']} | {row['beside']} | {ratio} | {verdict(row)} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--only", choices=FIGURES)
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 5, shorter ones")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--where", type=pathlib.Path, default=pathlib.Path("/tmp"))
    options = parser.parse_args()
    options.bin = (options.build / "bin").resolve()
    options.rounds, options.seconds, options.repetitions = (3, 3, 8) if options.quick else (5, 4, 20)
    options.note = lambda text: print(f"  {text}", file=sys.stderr, flush=True)
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        sys.exit(f"missing: {' '.join(missing)} (next: make deps-dev)")
    begun = machine(options.where)
    rows = []
    try:
        for name in [options.only] if options.only else FIGURES:
            print(f"{name}:", file=sys.stderr, flush=True)
            rows.extend(FIGURES[name].run(options))
    except ground.Failed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        text = f"{begun}\n\n{table(rows)}"
        print(text)
        if options.out:
            options.out.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
