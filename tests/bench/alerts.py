"""Alert posts over HTTP beside Debian's prometheus-alertmanager, which keeps alerts in memory only."""
import json
import os

import ground
from ground import median

SERIES = 5000


def known_alerts():
    starts, ends = ground.utc(-600), ground.utc(7200)
    return [{"labels": {"alertname": "LatencyHigh", "env": "prod", "job": "serving", "kind": "latency", "severity": "warning",
                        "model_name": f"model-{number % 20}", "instance": f"host-{number}"},
             "annotations": {"summary": f"latency of model-{number % 20} is high"}, "startsAt": starts, "endsAt": ends,
             "generatorURL": "http://prometheus.example/graph?g0.expr=latency"} for number in range(SERIES)]


def start(name, options, folder):
    if name == "alertmanager":
        return ground.Alertmanager(folder / name)
    return ground.Firebreak(options.bin, folder / name)


def heartbeats_of(name, options, alerts_a_post):
    with ground.scratch(options.where) as folder:
        alerts = known_alerts()
        bodies = folder / "bodies"
        bodies.write_text("".join(json.dumps(alerts[at:at + alerts_a_post], separators=(",", ":")) + "\n"
                                  for at in range(0, SERIES, alerts_a_post)))
        server = start(name, options, folder)
        try:
            connection = server.connection()
            for at in range(0, SERIES, 100):
                server.post_alerts(json.dumps(alerts[at:at + 100]), connection)
            return ground.wrk(server, "known.lua", options.seconds, {"BENCH_BODIES": str(bodies)})
        finally:
            server.stop()


def news_of(name, options, batch):
    with ground.scratch(options.where) as folder:
        server = start(name, options, folder)
        try:
            return ground.wrk(server, "new.lua", options.seconds, news_environment(batch))
        finally:
            server.stop()


def news_environment(batch):
    return {"BENCH_BATCH": str(batch), "BENCH_SEED": os.urandom(4).hex(), "BENCH_STARTS": ground.utc(-600),
            "BENCH_ENDS": ground.utc(7200)}


def paired(options, measure):
    """[(alertmanager, firebreak)], the order changing from round to round."""
    pairs = []
    for number in range(options.rounds):
        names = ["alertmanager", "firebreak"]
        if number % 2:
            names.reverse()
        found = {name: measure(name) for name in names}
        pairs.append((found["alertmanager"], found["firebreak"]))
        options.note(f"round {number + 1}: " + ", ".join(
            f"{name} {found[name]['per_second']:.0f}/s p50 {found[name]['p50_ms']:.2f} ms p99 {found[name]['p99_ms']:.2f} ms"
            for name in found))
    return pairs


def row(figure, pairs, times, unit, target):
    theirs, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    show = lambda found: (f"{median([f['per_second'] for f in found]) * times:,.0f} {unit}, p50 "
                          f"{median([f['p50_ms'] for f in found]):.2f} ms, p99 {median([f['p99_ms'] for f in found]):.2f} ms")
    ratio = median([b["per_second"] / a["per_second"] for a, b in pairs])
    return {"figure": figure, "firebreak": show(ours), "beside": f"alertmanager {show(theirs)}", "ratio": ratio, "target": target}


def run(options):
    options.note("heartbeats of known alerts, one a post")
    pairs = paired(options, lambda name: heartbeats_of(name, options, 1))
    yield row(f"heartbeats of {SERIES} known alerts, 1 a post", pairs, 1, "posts/s", 2.0)
    options.note("heartbeats of known alerts, 50 a post")
    pairs = paired(options, lambda name: heartbeats_of(name, options, 50))
    yield row(f"heartbeats of {SERIES} known alerts, 50 a post", pairs, 50, "alerts/s", None)
    options.note("new alerts, 100 a post")
    pairs = paired(options, lambda name: news_of(name, options, 100))
    yield row("new alerts, 100 a post, durable here", pairs, 100, "alerts/s", 1.0)
    yield from singles(options)


def singles(options):
    """New alerts, one a post, beside the ledger's own rate with as many writers: driven by wrk like ours, and left alone."""
    options.note("new alerts, one a post, beside the ledger's own commits with 32 writers")
    measures = [lambda: news_of("firebreak", options, 1), lambda: driven_ledger(options),
                lambda: ground.ledger_round(options.bin, options.where)[0]]
    rounds = []
    for number in range(options.rounds):
        turn = number % len(measures)
        found = {at: measures[at]() for at in [*range(turn, len(measures)), *range(turn)]}
        rounds.append([found[at] for at in range(len(measures))])
        posts, driven, ledger = rounds[-1]
        options.note(f"round {number + 1}: {posts['per_second']:.0f} posts/s p50 {posts['p50_ms']:.2f} ms, ledger driven by wrk "
                     f"{driven['per_second']:.0f}/s p50 {driven['p50_ms']:.2f} ms, alone {ledger['like_alerts_32']['per_second']:.0f}/s, "
                     f"raw {ledger['raw']['per_second']:.0f}/s")
    ours = (f"{median([r[0]['per_second'] for r in rounds]):,.0f} posts/s, p50 {median([r[0]['p50_ms'] for r in rounds]):.2f} ms, "
            f"p99 {median([r[0]['p99_ms'] for r in rounds]):.2f} ms")
    figure = "new alerts, 1 a post, each durable before its answer"
    yield {"figure": figure, "firebreak": ours,
           "beside": f"ledger, 32 writers woken by the same wrk {median([r[1]['per_second'] for r in rounds]):,.0f} commits/s, "
                     f"p50 {median([r[1]['p50_ms'] for r in rounds]):.2f} ms",
           "ratio": median([r[0]["per_second"] / r[1]["per_second"] for r in rounds]), "target": 0.8}
    alone = [r[2]["like_alerts_32"]["per_second"] for r in rounds]
    yield {"figure": figure, "firebreak": ours, "beside": f"ledger, 32 writers and no load generator {median(alone):,.0f} commits/s",
           "ratio": median([r[0]["per_second"] / rate for r, rate in zip(rounds, alone)]), "target": 0.8}


def driven_ledger(options):
    with ground.scratch(options.where) as folder:
        server = ground.DrivenLedger(options.bin, folder)
        try:
            return ground.wrk(server, "new.lua", options.seconds, news_environment(1))
        finally:
            server.stop()
