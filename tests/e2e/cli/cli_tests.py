"""Every command of `firebreak` as a person meets it: right and wrong arguments, exit codes, JSON, terminals.

    cli_tests.py --bin BUILD/bin [--keep] [NAME…]
"""
import sys

import cases_access
import cases_incidents
import cases_lineage
import cases_output
import cases_production
import cases_record
import cases_signing
import cases_snapshots
import cases_usage
import service


def prepare(folder, binaries):
    made = service.Service(binaries, folder)
    made.make_publisher()
    return made


if __name__ == "__main__":
    sys.exit(service.main([cases_usage, cases_access, cases_signing, cases_snapshots, cases_lineage, cases_production, cases_incidents, cases_record,
                           cases_output], prepare))
