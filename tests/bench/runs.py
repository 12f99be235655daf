"""Playbook runs: steps durable per second beside the ledger alone, decisions, memory and restart with many runs waiting."""
import json
import shutil
import statistics
import subprocess


def run(options):
    folder = options.where / "bench-runs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        done = subprocess.run([str(options.bin / "bench_runs"), str(folder), str(options.rounds)], capture_output=True, text=True, check=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    *rounds, rest = [json.loads(line) for line in done.stdout.splitlines()]
    ratio = statistics.median(each["steps_per_second"] / each["ledger_commits_per_second"] for each in rounds)
    steps = statistics.median(each["steps_per_second"] for each in rounds)
    alone = statistics.median(each["ledger_commits_per_second"] for each in rounds)
    step_cpu = statistics.median(each["step_cpu_us"] for each in rounds)
    commit_cpu = statistics.median(each["commit_cpu_us"] for each in rounds)
    return [
        {"figure": "steps of 1,000 runs of ten steps, durable", "firebreak": f"{steps:,.0f} steps/s",
         "beside": f"ledger, same writers and sizes {alone:,.0f} commits/s", "ratio": ratio, "target": 0.8},
        {"figure": "the same in processor time of the whole process", "firebreak": f"{step_cpu:.0f} µs a step",
         "beside": f"{commit_cpu:.0f} µs a commit", "ratio": statistics.median(each["commit_cpu_us"] / each["step_cpu_us"] for each in rounds),
         "target": None},
        {"figure": "one decision of a run of 1,000 steps", "firebreak": f"{rest['decision_us']:.1f} µs "
         f"(index made anew: {rest['index_and_decision_us']:.0f} µs)", "beside": "50 µs", "ratio": 50 / rest["decision_us"], "target": 1.0},
        {"figure": f"memory of a waiting run, {rest['waiting_runs']:,} of them", "firebreak": f"{rest['bytes_per_waiting_run']:,.0f} B",
         "beside": "4,096 B", "ratio": 4096 / max(1.0, rest["bytes_per_waiting_run"]), "target": 1.0},
        {"figure": f"restart with {rest['waiting_runs']:,} waiting runs, until each was looked at", "firebreak": f"{rest['ready_s']:.2f} s",
         "beside": "2 s", "ratio": 2 / rest["ready_s"], "target": 1.0},
    ]
