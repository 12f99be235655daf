"""snapshot: push, pull, look, verify, quarantine."""
import filecmp

from service import CliCase


class Snapshots(CliCase):
    def test_a_dry_run_of_a_push_keeps_nothing(self):
        self.service.pat.run("snapshot", "push", "dataset/dry", self.service.content["claims"], "--key", self.service.key, "--dry-run")
        self.assertEqual(self.json(self.service.vi, "snapshot", "list", "--name", "dry"), {})

    def test_the_same_content_pushed_again_is_the_same_version(self):
        answer = self.json(self.service.pat, "snapshot", "push", "dataset/claims", self.service.content["claims"], "--key", self.service.key)
        self.assertTrue(answer["already_existed"])
        self.assertEqual(answer["snapshot"]["version"], "1")

    def test_pushes_that_cannot_be_are_refused_with_the_reason(self):
        folder, key = self.service.content["first"], self.service.key
        empty = self.service.folder / "empty"
        empty.mkdir()
        link = self.service.folder / "linked"
        link.mkdir()
        (link / "model").symlink_to("/etc/passwd")
        stranger = self.service.folder / "stranger.pem"
        self.service.pat.run("key", "generate", "--out", stranger, "--pub", self.service.folder / "stranger.pub.pem")
        for code, words, arguments in (
                (2, "KIND/NAME", ["model/fraud@2", folder, "--key", key]), (2, "KIND/NAME", ["fraud", folder, "--key", key]),
                (2, "did you mean model", ["modl/fraud", folder, "--key", key]), (2, "--key KEY.pem", ["model/fraud", folder]),
                (5, "nothere", ["model/fraud", self.service.folder / "nothere", "--key", key]),
                (2, "holds no file", ["model/fraud", empty, "--key", key]), (2, "model", ["model/x", link, "--key", key]),
                (5, "nokey", ["model/fraud", folder, "--key", "nokey"]),
                (2, "private key", ["model/fraud", folder, "--key", self.service.public_key]),
                (3, "not trusted", ["model/fraud", folder, "--key", stranger]),
                (5, "did you mean dataset/claims", ["model/new", folder, "--key", key, "--trained-on", "dataset/clams"]),
                (2, "name=value", ["model/fraud", folder, "--key", key, "--label", "x"])):
            self.refused(self.service.pat, code, words, "snapshot", "push", *arguments)
        self.refused(self.service.riley, 3, "needs role publisher", "snapshot", "push", "model/fraud", folder, "--key", key)

    def test_a_pull_brings_the_same_bytes_and_never_overwrites(self):
        target = self.service.folder / "pulled"
        answer = self.json(self.service.pat, "snapshot", "pull", "model/fraud@1", target, "--key", self.service.public_key)
        self.assertEqual(answer["snapshot"]["name"], "fraud")
        self.assertTrue(filecmp.cmp(target / "content.bin", self.service.content["first"] / "content.bin", shallow=False))
        self.refused(self.service.pat, 6, "exists", "snapshot", "pull", "model/fraud@1", target)
        other = self.service.folder / "pulled-2"
        private, public = self.service.folder / "wrong.pem", self.service.folder / "wrong.pub.pem"
        self.service.pat.run("key", "generate", "--out", private, "--pub", public)
        done = self.service.pat.raw("snapshot", "pull", "model/fraud@1", other, "--key", public)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("signed with key", done.stderr)
        self.assertFalse(other.exists())
        self.assertEqual(self.service.pat.raw("snapshot", "pull", "model/fraud@1", other).returncode, 0)

    def test_unknown_snapshots_name_the_nearest(self):
        for command in ("show", "lineage"):
            self.refused(self.service.vi, 5, "did you mean model/fraud", "snapshot", command, "model/fruad")
            self.refused(self.service.vi, 5, "newest is model/fraud@2", "snapshot", command, "model/fraud@9")
        self.refused(self.service.vi, 2, "kind", "snapshot", "show", "fraud")
        self.refused(self.service.vi, 2, "did you mean model", "snapshot", "list", "--kind", "modle")

    def test_a_snapshot_is_shown_verified_and_traced(self):
        shown = self.service.vi.run("snapshot", "show", "model/fraud@1")
        self.assertIn("dataset/claims@1", shown)
        self.assertIn("signed by   pat", shown)
        self.assertTrue(self.json(self.service.pat, "snapshot", "verify", "model/fraud@1")["intact"])
        lineage = self.json(self.service.vi, "snapshot", "lineage", "dataset/claims@1")
        self.assertGreaterEqual(len(lineage["descendants"]), 2)
        self.assertIn("went into", self.service.vi.run("snapshot", "lineage", "dataset/claims@1"))

    def test_a_quarantine_reaches_everything_made_from_it_and_is_lifted_by_a_lead(self):
        content = self.service.folder / "content" / "child"   # of its own: equal bytes are one snapshot under all their names
        content.mkdir()
        (content / "model.bin").write_bytes(b"child model")
        self.service.pat.run("snapshot", "push", "dataset/doubtful", content, "--key", self.service.key)
        self.service.pat.run("snapshot", "push", "model/child", content, "--key", self.service.key,
                             "--trained-on", "dataset/doubtful@1")
        would = self.service.riley.run("snapshot", "quarantine", "dataset/doubtful@1", "--reason", "odd", "--dry-run")
        self.assertIn("would be quarantined", would)
        self.assertIn("model/child@1", would)
        self.assertEqual(self.json(self.service.vi, "snapshot", "list", "--quarantined"), {})
        self.json(self.service.riley, "snapshot", "quarantine", "dataset/doubtful@1", "--reason", "odd")
        listed = self.service.vi.run("snapshot", "list", "--quarantined")
        self.assertIn("tainted by", listed)
        self.assertIn("QUARANTINED", self.service.vi.run("snapshot", "show", "model/child@1"))
        self.refused(self.service.riley, 3, "security-lead", "snapshot", "lift", "dataset/doubtful@1", "--reason", "fine")
        self.assertIn("snapshot", self.json(self.service.lee, "snapshot", "lift", "dataset/doubtful@1", "--reason", "fine"))
        self.assertEqual(self.json(self.service.vi, "snapshot", "list", "--quarantined"), {})
