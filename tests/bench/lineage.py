"""The blast radius over 100,000 snapshots: from a dataset half of them were made from, from a small family, from a signing key."""
import json

import ground

FIGURES = {
    "small": "blast radius of a family of 10",
    "huge": "blast radius of half of them, first 500 with their paths",
    "key_small": "blast radius of a key that signed 100",
    "key_huge": "blast radius of the key that signed the rest",
    "after_a_decision": "a decision committed, then the blast radius of a family of 10",
    "gate_lineage": "one snapshot resolved, its ancestors looked at in the store",
}


def run(options):
    with ground.scratch(options.where) as folder:
        answer = json.loads(ground.run([options.bin / "bench_lineage", folder / "store", 100_000, 50 if options.quick else 200]))
    beside = f"{answer['snapshots']:,} snapshots, {answer['reached']:,} in the radius, 200 deployments, 1,000 agents"
    yield {"figure": "lineage index built from the store", "firebreak": f"{answer['build_ms']:,.0f} ms, once a start; of the processor {answer['build_cpu_ms']:,.0f} ms",
           "beside": beside, "ratio": None, "target": None}
    for name, figure in FIGURES.items():
        measured = answer[name]
        yield {"figure": figure, "firebreak": f"p50 {measured['p50_ms']:.2f} ms, p99 {measured['p99_ms']:.2f} ms; of the processor "
                                           f"p50 {measured['cpu_p50_ms']:.2f} ms, p99 {measured['cpu_p99_ms']:.2f} ms",
               "beside": beside, "ratio": None, "target": None}
