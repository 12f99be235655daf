"""firebreak oms against the OpenSSF Model Signing conformance protocol, case by case, counted.

    run.py --firebreak BINARY --source CHECKOUT [--suite FOLDER] [-v]

Three sets, each as far as it is on this machine:
  suite     the public conformance suite, a folder with test/test-cases and test/assets ($FIREBREAK_OMS_SUITE); its keyless
            cases need an identity provider and are counted as skipped
  vectors   what the reference signer made ($FIREBREAK_VECTORS or ../shared/vectors beside the checkout): every version and method
  own       models made here: both methods, three curves, shards, blake2b, and what must be refused

With a reference implementation (`python3 -m model_signing`, $FIREBREAK_OMS_REFERENCE=its interpreter) every own signature is
also verified by it, and its signatures by us. Exit code 77 when a set that should be there is absent, 1 on any failure.
"""
import argparse
import os
import pathlib
import sys
import tempfile

import own_cases
import suite_cases
import vector_cases
from adapter import Adapter, Tally


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--firebreak", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--suite", type=pathlib.Path, default=os.environ.get("FIREBREAK_OMS_SUITE"))
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    adapter = Adapter(options.firebreak.resolve())
    vectors = pathlib.Path(os.environ.get("FIREBREAK_VECTORS", options.source / ".." / "shared" / "vectors")) / "oms"
    tallies = []
    with tempfile.TemporaryDirectory(prefix="oms") as scratch:
        for name, run in (("suite", lambda t, at: suite_cases.run(adapter, options.suite, at, t)),
                          ("vectors", lambda t, at: vector_cases.run(adapter, vectors, at, t)),
                          ("own", lambda t, at: own_cases.run(adapter, at, t))):
            tally = Tally(name, options.verbose)
            at = pathlib.Path(scratch) / name
            at.mkdir()
            run(tally, at)
            print(tally.summary())
            tallies.append(tally)
    if any(tally.failed for tally in tallies):
        return 1
    return 77 if all(tally.passed == 0 for tally in tallies[:2]) else 0


if __name__ == "__main__":
    sys.exit(main())
