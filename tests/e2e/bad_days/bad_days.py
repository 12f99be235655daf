"""Bad input and bad days, at process level: what must be refused, and what must survive.

    bad_days.py --bin BUILD/bin [--keep] [NAME…]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import cases_folders  # noqa: E402  (the folder of `service` is only known here)
import cases_hosts  # noqa: E402
import cases_intake  # noqa: E402
import service  # noqa: E402


def prepare(folder, binaries):
    made = service.Service(binaries, folder)
    made.make_publisher()
    return made


if __name__ == "__main__":
    sys.exit(service.main([cases_folders, cases_intake, cases_hosts], prepare))
