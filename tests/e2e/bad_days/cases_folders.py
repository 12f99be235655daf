"""firebreakd and the folder it is given."""
import stat

from service import CliCase


class Folders(CliCase):
    def said(self, *arguments, words):
        done = self.service.firebreakd(*arguments)
        self.assertNotEqual(done.returncode, 0, arguments)
        for word in words:
            self.assertIn(word, done.stderr, arguments)

    def test_a_second_firebreakd_on_the_same_folder_is_refused_and_harms_nothing(self):
        before = self.json(self.service.vi, "audit", "list", "--limit", "1000")
        self.said("run", "--data", self.service.data, words=["in use by another firebreakd", "next:"])
        self.assertEqual(self.json(self.service.vi, "audit", "list", "--limit", "1000"), before)

    def test_init_never_touches_a_folder_that_holds_something(self):
        self.said("init", "--data", self.service.data, words=["not empty", "next:"])
        other = self.service.folder / "holds-something"
        other.mkdir()
        (other / "file").write_text("mine")
        self.said("init", "--data", other, words=["not empty"])
        self.assertEqual([path.name for path in other.iterdir()], ["file"])
        self.said("init", "--data", other / "file", words=["not a folder"])

    def test_run_needs_a_complete_data_folder(self):
        empty = self.service.folder / "never-made"
        self.said("run", "--data", empty, words=["not a complete data folder", "firebreakd init"])
        self.assertFalse(empty.exists())

    def test_secrets_of_a_data_folder_are_for_their_owner_only(self):
        secret = 0
        for path in self.service.data.rglob("*"):
            if path.is_file() and path.suffix != ".sst" and b"PRIVATE KEY" in path.read_bytes()[:100] or path.name == "admin-token":
                self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
                secret += 1
        self.assertGreaterEqual(secret, 5)
        self.assertEqual(stat.S_IMODE(self.service.data.stat().st_mode), 0o700)
