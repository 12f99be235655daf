"""report, share, audit: what is kept, what leaves, and what can be proved."""
import json

from service import CliCase, world


class Record(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.incident = cls.service.riley.json("incident", "open", "--title", "Recorded", "--kind", "drift", "--model", "recorded")["incident"]["id"]

    def test_reports_are_built_listed_and_exported_in_every_format(self):
        report = self.json(self.service.lee, "report", "build", self.incident)["report"]["id"]
        self.assertIn(report, self.service.vi.run("report", "list", self.incident))
        for form, begins in (("markdown", "# Post-incident report"), ("html", "<!"), ("json", "{")):
            path = self.service.folder / f"report.{form}"
            self.service.lee.run("report", "export", report, "--format", form, "--out", path)
            self.assertTrue(path.read_text().lstrip().lower().startswith(begins.lower()), form)
            self.assertIn(self.incident, self.service.lee.run("report", "export", self.incident, "--format", form))
        answer = self.json(self.service.lee, "report", "export", report, "--format", "html", "--out", self.service.folder / "again.html")
        self.assertNotIn("content", answer)
        for code, says, words in ((5, "INC-999", ["build", "INC-999"]), (5, "INC-999", ["list", "INC-999"]),
                                  (5, "REP-999", ["export", "REP-999", "--format", "html"]),
                                  (2, "did you mean html", ["export", report, "--format", "htm"]),
                                  (3, "No such file", ["export", report, "--format", "html", "--out", "/nonexistent/r"])):
            self.refused(self.service.lee, code, says, "report", *words)

    def test_a_record_leaves_only_after_a_second_person_saw_its_bytes(self):
        drop = self.service.folder / "drop"
        drop.mkdir()
        self.refused(self.service.admin, 2, "gren", "share", "destination", "put", "x", "--kind", "file", "--url", drop, "--tlp", "gren")
        self.refused(self.service.admin, 2, "taxii21", "share", "destination", "put", "x", "--kind", "fil", "--url", drop)
        self.refused(self.service.riley, 3, "needs role", "share", "destination", "put", "x", "--kind", "file", "--url", drop)
        self.json(self.service.admin, "share", "destination", "put", "drop", "--kind", "file", "--url", drop, "--tlp", "green")
        self.assertIn("drop", self.service.riley.run("share", "destination", "list"))
        taxii = ["--kind", "taxii21", "--url", "https://taxii.example/api/collections/x/", "--credential", "nobody"]
        put = self.json(self.service.admin, "share", "destination", "put", "taxii", *taxii, "--ca", "/etc/exchange-ca.pem")
        self.assertEqual(put["destination"]["ca_file"], "/etc/exchange-ca.pem")
        self.refused(self.service.riley, 5, "did you mean drop", "share", "preview", self.incident, "--destination", "dorp")
        preview = self.service.riley.raw("share", "preview", self.incident, "--destination", "drop")
        json.loads(preview.stdout)  # the bytes alone, ready for jq
        self.assertIn("these exact bytes would leave", preview.stderr)
        digest = self.json(self.service.riley, "share", "preview", self.incident, "--destination", "drop")["bundle_digest"]
        self.refused(self.service.riley, 6, "preview it again", "share", "request", self.incident, "--destination", "drop", "--digest", "sha256:00")
        share = self.json(self.service.riley, "share", "request", self.incident, "--destination", "drop", "--digest", digest)["share"]["id"]
        self.refused(self.service.riley, 3, "security-lead", "share", "approve", share, "--digest", digest)
        self.refused(self.service.lee, 6, "other bytes", "share", "approve", share, "--digest", "sha256:00")
        self.assertIn("approved", self.service.lee.run("share", "approve", share, "--digest", digest))
        world.wait_for("the record to be delivered", lambda: "delivered" in self.service.lee.run("share", "show", share), 20)
        self.assertEqual(len(list(drop.iterdir())), 1)
        self.assertNotIn("recorded", next(drop.iterdir()).read_text())
        self.assertEqual(self.json(self.service.lee, "share", "list", self.incident)["shares"][0]["id"], share)
        self.assertIn(share, self.service.lee.run("share", "list"))
        self.refused(self.service.lee, 5, "SHR-999", "share", "show", "SHR-999")
        self.refused(self.service.lee, 3, "already approved", "share", "refuse", share, "--digest", digest, "--reason", "late")

    def test_the_audit_log_is_listed_exported_and_verified_without_the_service(self):
        folder, vkey = self.service.folder / "audit", self.service.folder / "vkey"
        exported = self.json(self.service.lee, "audit", "export", "--dir", folder, "--vkey-out", vkey)
        nowhere = world.Cli(self.service.bin / "firebreak", self.service.folder / "contexts" / "nowhere.yaml")
        self.assertIn("good: ", nowhere.run("audit", "verify", folder, "--vkey-file", vkey))
        self.assertEqual(self.json(nowhere, "audit", "verify", folder, "--vkey", exported["verifier_key"])["root"], exported["root"])
        self.refused(self.service.lee, 6, "not empty", "audit", "export", "--dir", folder)
        self.refused(nowhere, 2, "--vkey KEY", "audit", "verify", folder)
        self.refused(nowhere, 2, "verifier key", "audit", "verify", folder, "--vkey", "nonsense")
        tile = next(path for path in sorted((folder / "tile").rglob("*")) if path.is_file() and path.stat().st_size > 40)
        content = bytearray(tile.read_bytes())
        content[30] ^= 1
        tile.write_bytes(content)
        done = nowhere.raw("audit", "verify", folder, "--vkey-file", vkey)
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_entries_are_listed_by_subject_and_proved_one_by_one(self):
        self.assertIn("Recorded", self.service.vi.run("audit", "list", "--subject", f"incident/{self.incident}"))
        page = self.service.vi.raw("audit", "list", "--from", "1", "--limit", "2")
        self.assertEqual(len(page.stdout.splitlines()), 3)
        self.assertIn("--from 3", page.stderr)
        self.assertIn("index 3", self.service.vi.run("audit", "proof", "3"))
        self.assertIn("leaf", self.json(self.service.vi, "audit", "proof", "3"))
        self.refused(self.service.vi, 5, "99999", "audit", "proof", "99999")
