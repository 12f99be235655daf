"""The main job with the service or the agent SIGKILLed at a named point on the way, once for each point.

    kill_points.py --bin BUILD/bin [--only TEXT] [--at-once N]

Each run restarts the killed process as a supervisor would and must still end like the undisturbed one: every decision issued
once, containment never lifted, the report, the share and the audit log complete. before- and after-<action> are the
ledger's own points around the commit of an entry; the others are named in the code.
"""
import argparse
import concurrent.futures
import pathlib
import subprocess
import sys
import time

# One line a moment of the main job, in its order.
SERVER = """
before-snapshot.pushed:2 after-snapshot.pushed:2 after-agent.enrolled before-decision.issued:1 after-decision.issued:2
alert-before-commit before-incident.opened after-incident.opened alert-after-commit run-before-intent
before-decision.issued:3 after-decision.issued:3 run-after-intent:2 run-after-effect:1 before-agent.proved:3 after-agent.proved:3
before-incident.advanced:1 run-after-outcome:1 before-snapshot.quarantined:1 after-snapshot.quarantined:2
run-after-effect:2 before-approval.asked after-approval.asked before-approval.voted after-approval.voted
before-decision.issued:4 after-decision.issued:4 before-agent.proved:4 run-after-effect:6
before-report.stored after-report.stored before-run.finished after-run.finished before-alert.resolved
after-share.proposed before-share.attempted after-share.attempted before-share.answered after-share.answered
""".split()
# The third decision contains, the fourth rolls back.
AGENT = """
after-decision-persisted:3 after-switched:3 after-reload:3 before-report:3
after-decision-persisted:4 after-staged:2 after-switched:4 after-reload:4 before-report:4
""".split()


def run_one(binaries, crash):
    started = time.monotonic()
    job = pathlib.Path(__file__).with_name("main_job.py")
    done = subprocess.run([sys.executable, job, "--bin", binaries, "--quiet", "--crash", crash], capture_output=True,
                          text=True, timeout=300, stdin=subprocess.DEVNULL)
    return crash, done.returncode, time.monotonic() - started, done.stdout + done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--at-once", type=int, default=3)
    arguments = parser.parse_args()
    points = [f"server:{point}" for point in SERVER] + [f"agent:{point}" for point in AGENT]
    points = [point for point in points if arguments.only in point]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.at_once) as pool:
        for crash, code, seconds, output in pool.map(lambda point: run_one(arguments.bin, point), points):
            print(f"{'ok' if code == 0 else 'FAILED':7} {crash:40} {seconds:6.1f} s", flush=True)
            if code != 0:
                failed += 1
                print(output[-4000:], flush=True)
    print(f"{len(points) - failed} of {len(points)} kill points survived")
    return 1 if failed or not points else 0


if __name__ == "__main__":
    sys.exit(main())
