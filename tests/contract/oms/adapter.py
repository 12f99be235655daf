"""Running the adapter and counting what came of it."""
import os
import subprocess


class Adapter:
    """`firebreak oms` behind the protocol: exit code 0 or not, nothing else is looked at."""

    def __init__(self, binary):
        self.command = [str(binary), "oms"]

    def run(self, *words):
        # A home without contexts: nothing here may need a service.
        environment = {**os.environ, "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}
        return subprocess.run([*self.command, *map(str, words)], capture_output=True, text=True, check=False, timeout=120,
                              env=environment)

    def sign(self, method, model, bundle, *, key=None, cert=None, chain=(), ignore=(), extra=()):
        words = ["sign-model", "--method", method, "--model-path", model, "--output-bundle", bundle]
        words += ["--private-key", key] if key else []
        words += ["--signing-cert", cert] if cert else []
        for path in chain:
            words += ["--cert-chain", path]
        for path in ignore:
            words += ["--ignore-paths", path]
        return self.run(*words, *extra)

    def verify(self, method, model, bundle, *, key=None, chain=(), ignore=(), unsigned=False):
        words = ["verify-model", "--method", method, "--model-path", model, "--bundle", bundle]
        words += ["--public-key", key] if key else []
        for path in chain:
            words += ["--cert-chain", path]
        for path in ignore:
            words += ["--ignore-paths", path]
        words += ["--ignore-unsigned-files"] if unsigned else []
        return self.run(*words)


class Tally:
    def __init__(self, name, verbose):
        self.name, self.verbose = name, verbose
        self.passed, self.failed, self.skipped = 0, 0, []

    def check(self, case, condition, detail=""):
        if condition:
            self.passed += 1
            if self.verbose:
                print(f"  ok    {self.name} {case}")
            return
        self.failed += 1
        print(f"  FAIL  {self.name} {case}: {detail}")

    def skip(self, case, reason):
        self.skipped.append((case, reason))
        if self.verbose:
            print(f"  skip  {self.name} {case}: {reason}")

    def summary(self):
        reasons = sorted({reason for _, reason in self.skipped})
        text = f"{self.name}: {self.passed} passed, {self.failed} failed"
        return text + (f", {len(self.skipped)} skipped ({'; '.join(reasons)})" if self.skipped else "")


def said(result):
    return f"exit {result.returncode}: {(result.stderr or result.stdout).strip()[:300]}"
