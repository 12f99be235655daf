"""Commits per second with 1, 32 and 256 writers beside the disk's own append + fdatasync."""
import ground
from ground import median


def run(options):
    rounds = ground.ledger_round(options.bin, options.where, options.seconds / 2, options.rounds)
    raw = median([r["raw"]["per_second"] for r in rounds])
    for writers in (1, 32, 256):
        name = f"writers_{writers}"
        yield {"figure": f"ledger commits, {writers} writer{'s' if writers > 1 else ''}",
               "firebreak": f"{median([r[name]['per_second'] for r in rounds]):,.0f} commits/s, p50 "
                            f"{median([r[name]['p50_us'] for r in rounds]) / 1000:.2f} ms, p99 "
                            f"{median([r[name]['p99_us'] for r in rounds]) / 1000:.2f} ms",
               "beside": f"append + fdatasync {raw:,.0f}/s",
               "ratio": median([r[name]["per_second"] / r["raw"]["per_second"] for r in rounds]), "target": None}
