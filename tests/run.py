"""Runs every test and ends with one line: `N passed, N failed`.

    run.py --build DIR [--slow] [--only TEXT]

A test is what the build registered with CTest. GoogleTest binaries report each of their cases; everything else counts
as one. A case that skips itself (missing vectors, missing peer) is counted apart, with its reason printed. Tests with the
label `slow` run with --slow, or in CI ($CI set) while the time budget lasts.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

CI_BUDGET_SECONDS = 45 * 60  # slow tests start only before this moment of a CI run


def registered(build):
    listing = subprocess.run(["ctest", "--show-only=json-v1", "--test-dir", str(build)], capture_output=True, text=True,
                             check=True)
    for test in json.loads(listing.stdout)["tests"]:
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        yield (test["name"], test["command"], "slow" in properties.get("LABELS", []),
               float(properties.get("TIMEOUT", 600)), properties.get("WORKING_DIRECTORY"))


def skip_reason(name, output):
    """What the case printed before it was skipped; GoogleTest's JSON does not carry it."""
    match = re.search(r"\[ RUN      \] " + re.escape(name) + r"\n(.*?)\[  SKIPPED \]", output, re.DOTALL)
    lines = [line for line in match.group(1).splitlines() if line.strip()] if match else []
    return lines[-1] if lines else "no reason given"


def google_counts(report, output):
    passed = failed = 0
    skipped = []
    for suite in report["testsuites"]:
        for case in suite["testsuite"]:
            if case.get("result") == "SKIPPED":
                name = f"{suite['name']}.{case['name']}"
                skipped.append((name, skip_reason(name, output)))
            elif "failures" in case:
                failed += 1
            elif case.get("status") == "RUN":
                passed += 1
    return passed, failed, skipped


def run_one(name, command, timeout, folder):
    with tempfile.TemporaryDirectory(prefix="firebreak-test-") as scratch:
        report_path = pathlib.Path(scratch) / "report.json"
        environment = {**os.environ, "GTEST_OUTPUT": f"json:{report_path}", "TMPDIR": scratch}
        started = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout,
                                  env=environment, cwd=folder, stdin=subprocess.DEVNULL)
            code, output = done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired as error:
            code, output = -1, f"{error.stdout or b''}\ntimed out after {timeout:.0f} s"
        seconds = time.monotonic() - started
        if report_path.exists():
            passed, failed, skipped = google_counts(json.loads(report_path.read_text()), output)
            if code != 0 and failed == 0:
                failed = 1
        elif code == 77:
            passed, failed, skipped = 0, 0, [(name, output.strip().splitlines()[-1] if output.strip() else "no reason")]
        else:
            passed, failed, skipped = (1, 0, []) if code == 0 else (0, 1, [])
    return passed, failed, skipped, seconds, output


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    started = time.monotonic()
    total_passed = total_failed = 0
    all_skipped = []
    tests = sorted(registered(arguments.build), key=lambda test: test[2])
    for name, command, slow, timeout, folder in tests:
        if arguments.only and arguments.only not in name:
            continue
        in_budget = bool(os.environ.get("CI")) and time.monotonic() - started < CI_BUDGET_SECONDS
        if slow and not arguments.slow and not in_budget:
            all_skipped.append((name, "slow: run it with `make test-slow`"))
            continue
        passed, failed, skipped, seconds, output = run_one(name, command, timeout, folder)
        total_passed += passed
        total_failed += failed
        all_skipped += skipped
        mark = "FAILED" if failed else "ok"
        print(f"{mark:6} {name:32} {passed:4} passed {failed:3} failed {len(skipped):3} skipped {seconds:7.1f} s", flush=True)
        if failed:
            print(output[-8000:], flush=True)
    for name, reason in all_skipped:
        print(f"skipped {name}: {reason}")
    if total_passed == 0:
        print("no test ran", file=sys.stderr)
        total_failed = max(total_failed, 1)
    print(f"{total_passed} passed, {total_failed} failed")
    return 1 if total_failed else 0


if __name__ == "__main__":
    sys.exit(main())
