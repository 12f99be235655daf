#!/usr/bin/env python3
"""Plants faults in the engine that runs playbooks, one at a time, and expects its tests to notice every one.

    run.py --build DIR [--where FOLDER] [--only NAME …] [--list]

DIR is an up-to-date Debug build with the targets runs_test and runs_sim, joined or not. For each fault one source file is copied to FOLDER, changed there,
compiled with DIR's own command and linked before DIR's library: nothing of the working tree or of DIR is touched. A fault that no test
notices, or whose text is no longer in the sources, makes the script fail. A quarter of a minute a fault on an idle machine.
"""
import argparse
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNS = "services/runs/"
# The simulation of what meets every kind of step; all the shipped playbooks are simulated in the ordinary tests.
TESTS = [("runs_test", []), ("runs_sim", ["--gtest_filter=*/everything:*/rounds:*/bad_deploy:Planted*:CommitsExactly*:-*Pairs*"])]

# (name, file, text, text planted instead)
FAULTS = [
    ("once-effects-are-sent-again", "leaf_steps.cc", "spec->action_class == ActionClass::kOnce && !vantage_.IsOwn(state.path())", "false"),
    ("a-lost-reply-of-a-once-effect-is-retried", "outcome.cc", "if (attempt.is_once() && (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)))",
     "if (false)"),
    ("steps-share-effect-ids", "resolve.cc", "{run, path, std::string_view(round)", "{run, std::string_view(round)"),
    ("attempts-have-new-effect-ids", "leaf_steps.cc", "started.set_effect_id(state.effect_id());", 'started.set_effect_id(state.effect_id() + "0");'),
    ("acts-although-the-commit-failed", "drive.cc", "  RETURN_IF_ERROR(receipt.status());\n  seen_ = SightingOf(key_, receipt->revision, receipt->revision);", "  seen_ = nullptr;"),
    ("forgets-its-own-intents", "drive.cc", "own_.merge(progress.intents);", ""),
    ("what-others-wrote-is-written-over", "drive.cc", "      draft.Rely(std::move(seen));\n", ""),
    ("what-others-wrote-is-not-looked-for", "drive.cc", "stored && stored->revision == seen->reads.front().second", "stored"),
    ("containment-is-undone", "decide.cc", "&& !node->call.spec->keeps_on_failure", ""),
    ("undo-goes-forwards", "decide.cc", "state.ended_order() < last->ended_order()", "state.ended_order() > last->ended_order()"),
    ("undo-goes-on-past-a-failed-undo", "decide.cc", "const v1::StepState* last = stuck ? nullptr : LastToUndo();", "(void)stuck;\n    const v1::StepState* last = LastToUndo();"),
    ("one-approver-is-enough", "leaf_steps.cc", "approvers.size() >= state.need()", "!approvers.empty()"),
    ("votes-about-something-else-count", "leaf_steps.cc", "if (vote.approve() && vote.subject_digest() == state.subject_digest())", "if (vote.approve())"),
    ("a-denial-is-not-heard", "leaf_steps.cc", "if (!vote.approve()) denied = true;", ""),
    ("expiry-approves", "leaf_steps.cc", "const bool approved = !denied && state.need() > 0 && approvers.size() >= state.need();\n  const bool expired = vantage_.now >= FromProto(state.deadline_at());",
     "const bool expired = vantage_.now >= FromProto(state.deadline_at());\n  const bool approved = expired || (!denied && state.need() > 0 && approvers.size() >= state.need());"),
    ("the-author-may-approve", "run_answers.cc", "if (std::find(excluded.begin(), excluded.end(), caller.identity.text()) != excluded.end()) {", "if (excluded.size() > 100) {"),
    ("a-cancel-is-not-heard", "decide.cc", "if (run_.cancel_requested()) return ForwardCancelled();", ""),
    ("a-pause-is-not-heard", "decide.cc", "way.begins = !run_.paused();", "way.begins = true;"),
    ("what-is-always-done-is-not", "walk_steps.cc", "return node.step->always() ? Begin(node, path) : Standing::kDone;", "return Standing::kDone;"),
    ("handlers-are-not-run", "decide.cc", 'if (walker_.WalkList(program_.handlers(), "", nullptr, {}) == Standing::kBusy) return walker_.TakeMove();', ""),
    ("the-journal-misses-records", "run_writer.cc", "  draft.Put(keys::RunRecord(id, run.sequence()), record);", "  if (run.sequence() != 3) draft.Put(keys::RunRecord(id, run.sequence()), record);"),
    ("the-state-misses-an-event", "run_writer.cc", "    run.Take(event);", "    if (!event.has_phase_entered() || event.phase_entered().phase() != v1::RUN_PHASE_HANDLING) run.Take(event);"),
    ("the-lock-is-not-given-back", "run_writer.cc", "if (lock->run() == run.id()) lock->clear_run();", ""),
    ("an-ended-run-stays-active", "run_writer.cc", "  draft.Delete(keys::ActiveRun(id));\n", ""),
    ("fences-repeat", "run_writer.cc", "lock.set_fence(lock.fence() + 1);", "lock.set_fence(lock.fence());"),
    ("the-line-is-jumped", "run_writer.cc", "if (lock.waiting_size() > 0 && lock.waiting(0) != run.id()) return std::optional<RunEvent>();", ""),
    ("anybody-preempts", "new_run.cc", "holder->severity() < run.severity()", "holder->severity() < run.severity() + 1000"),
    ("retries-never-end", "outcome.cc", "attempt.state.attempt() > times || ", ""),
    ("a-void-plan-is-tried-again", "outcome.cc", "return absl::IsUnavailable(status) ||", "return absl::IsAborted(status) || absl::IsUnavailable(status) ||"),
    ("loops-never-end", "walk_steps.cc", "if (next > node.step->loop().max()) {", "if (next > 1000000) {"),
    ("a-loop-stops-a-round-early", "walk_steps.cc", "if (static_cast<int>(next) > state.items().values_size())", "if (static_cast<int>(next) >= state.items().values_size())"),
    ("every-round-has-the-first-element", "resolve.cc", "return state->items().values(static_cast<int>(round) - 1);", "return state->items().values(0);"),
    ("a-failed-branch-is-overlooked", "walk_steps.cc", "const bool lost = count - failed < need;", "const bool lost = failed > count && failed < need;"),
    ("branches-begin-after-the-end", "walk_steps.cc", "    inside.begins = false;\n", ""),
    ("one-branch-is-enough", "walk_steps.cc", "const bool enough = done >= need;", "const bool enough = done >= 1;"),
    ("steps-are-skipped", "walk_steps.cc", "passed = std::max(passed, i + 1);", "passed = std::max(passed, i + 2);"),
    ("a-failure-is-absorbed-by-everything", "walk_steps.cc", "failed.set_continued(node.step->continue_on_failure());", "failed.set_continued(true);"),
    ("delays-are-not-kept", "leaf_steps.cc", "if (vantage_.now >= wake) return BeginNow", "if (true) return BeginNow"),
    ("a-resumed-run-does-everything-again", "resume.cc", "    taken = state;\n", ""),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--where", type=pathlib.Path, default=pathlib.Path("/tmp/firebreak-mutation"))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def ran(command, folder, seconds):
    """Exit code and output; -1 when it did not end."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, cwd=folder)
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        return -1, "no end"


class Bench:
    """Compiles and links as the build does, with one file changed."""

    def __init__(self, options):
        self.build, self.where = options.build.resolve(), options.where
        shutil.rmtree(self.where, ignore_errors=True)
        self.where.mkdir(parents=True)
        entries = json.loads((self.build / "compile_commands.json").read_text())
        # In a joined build (CMAKE_UNITY_BUILD) a source has no command of its own: any of the library's will do.
        of_library = [entry for entry in entries if "/firebreak_runs.dir/" in entry["command"]]
        self.compile = {pathlib.Path(entry["file"]).name: entry["command"] for entry in of_library}
        self.compile[None] = of_library[0]["command"]
        self.link = {}
        for target, _ in TESTS:
            _, commands = ran(["ninja", "-t", "commands", f"bin/{target}"], self.build, 60)
            command = commands.strip().splitlines()[-1].removeprefix(": && ").removesuffix(" && :")
            self.link[target] = shlex.split(command)

    def object_of(self, file, source):
        """The object of the changed source; None when it does not compile."""
        changed, made = self.where / file, self.where / (file + ".o")
        changed.write_text(source)
        made.unlink(missing_ok=True)
        words = shlex.split(self.compile.get(file, self.compile[None]))
        words = [word for word in words if word not in ("-Werror", "-g") and not word.endswith("ccache")]
        words[words.index("-o") + 1] = str(made)
        words[words.index("-c") + 1] = str(changed)
        code, output = ran(words, self.build, 600)
        return (made, "") if code == 0 else (None, output)

    def linked(self, target, made):
        words = list(self.link[target])
        words[words.index("-o") + 1] = str(self.where / target)
        # Before the library, whose own version of the source may come along with others of a joined object.
        words[words.index("-o"):words.index("-o")] = [str(made), "-Wl,--allow-multiple-definition", "-Wl,--strip-debug"]
        code, output = ran(words, self.build, 600)
        if code != 0:
            raise SystemExit(f"{target} does not link:\n{output[-2000:]}")
        return self.where / target


def first_failure(bench, made):
    """The name of the first test that notices; None when all are content."""
    for target, extra in TESTS:
        binary = bench.build / "bin" / target if made is None else bench.linked(target, made)
        code, output = ran([str(binary), "--gtest_fail_fast", "--gtest_brief=1", *extra], bench.where, 600)
        if code != 0:
            found = re.search(r"\[  FAILED  \] (\S+)", output)
            return f"{target}: {found.group(1).rstrip(',') if found else ('did not end' if code == -1 else 'died')}"
    return None


def plant(bench, fault):
    """Why the fault was not noticed; None when it was."""
    name, file, text, planted = fault
    source = (ROOT / RUNS / file).read_text()
    if source.count(text) != 1:
        return f"cannot be planted: its text stands {source.count(text)} times in {RUNS}{file}"
    began = time.monotonic()
    made, output = bench.object_of(file, source.replace(text, planted))
    if made is None:
        return f"cannot be planted: it does not compile\n{output[-2000:]}"
    seen = first_failure(bench, made)
    print(f"{'caught' if seen else 'MISSED':7} {name}: {seen or 'no test noticed'} ({time.monotonic() - began:.0f} s)", flush=True)
    return None if seen else "no test noticed"


def main():
    options = arguments()
    faults = [fault for fault in FAULTS if not options.only or fault[0] in options.only]
    if options.list:
        print("\n".join(fault[0] for fault in faults))
        return 0
    bench = Bench(options)
    if (failure := first_failure(bench, None)) is not None:
        raise SystemExit(f"the tests fail without a fault: {failure}")
    missed = {fault[0]: why for fault in faults if (why := plant(bench, fault)) is not None}
    for name, why in missed.items():
        print(f"{name}: {why}")
    print(f"{len(faults) - len(missed)} of {len(faults)} planted faults were noticed")
    shutil.rmtree(options.where, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
