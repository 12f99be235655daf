"""Whose signatures count: other tools' bundles in and out, scope, authorities, thresholds, rotation, revocation."""
import os
import pathlib
import shutil
import subprocess
import unittest

from service import CliCase

VECTORS = pathlib.Path(os.environ.get("FIREBREAK_VECTORS", pathlib.Path(__file__).resolve().parents[4] / "shared" / "vectors"))


class Signing(CliCase):
    def scratch(self, name):
        at = self.service.folder / f"signing-{name}"
        at.mkdir()
        return at

    def key(self, at, name):
        self.service.pat.run("key", "generate", "--out", at / f"{name}.pem", "--pub", at / f"{name}.pub")
        return at / f"{name}.pem", at / f"{name}.pub"

    def model(self, at, text):
        folder = at / "model"
        (folder / "d").mkdir(parents=True)
        (folder / "weights.bin").write_text(text)
        (folder / "d" / "config.json").write_text("{}")
        return folder

    def trust(self, name, public, *more):
        return self.json(self.service.admin, "signer", "trust", name, "--key", public, *more)["signer"]["key_id"]

    def test_a_bundle_of_any_oms_tool_is_pushed_as_it_is_and_pulled_as_it_was(self):
        at = self.scratch("any")
        private, public = self.key(at, "any")
        self.trust("any-tool", public)
        for hashing in ([], ["--hash-algorithm", "blake2b"], ["--shard-size", "5"]):
            folder = self.model(at / ("x" + "".join(hashing)), "weights" + "".join(hashing))
            bundle = folder / "model.sig"
            self.service.pat.run("oms", "sign-model", "--method", "key", "--model-path", folder, "--private-key", private,
                                 "--output-bundle", bundle, *hashing)
            pushed = self.json(self.service.pat, "snapshot", "push", "model/any", folder, "--bundle", bundle)
            target = at / ("pulled" + "".join(hashing))
            self.service.pat.run("snapshot", "pull", f"model/any@{pushed['snapshot']['version']}", target)
            self.assertEqual((target / "model.sig").read_bytes(), bundle.read_bytes())
            self.service.pat.run("oms", "verify-model", "--method", "key", "--model-path", target, "--bundle", target / "model.sig",
                                 "--public-key", public)
            (target / "weights.bin").write_text("other")
            self.assertNotEqual(self.service.pat.raw("oms", "verify-model", "--method", "key", "--model-path", target, "--bundle",
                                                     target / "model.sig", "--public-key", public).returncode, 0)

    def test_what_is_pushed_with_a_key_verifies_offline(self):
        at = self.scratch("offline")
        self.service.pat.run("snapshot", "pull", "model/fraud@1", at / "pulled")
        self.service.pat.run("oms", "verify-model", "--method", "key", "--model-path", at / "pulled", "--bundle",
                             at / "pulled" / "model.sig", "--public-key", self.service.public_key)

    @unittest.skipUnless((VECTORS / "oms" / "fixtures").is_dir(), "test vectors not found (set FIREBREAK_VECTORS)")
    def test_what_the_reference_signed_is_pushed_as_it_is(self):
        at = self.scratch("reference")
        keys = VECTORS / "oms" / "fixtures" / "keys" / "certificate"
        self.trust("reference", keys / "signing-key-pub.pem")
        self.service.admin.run("signer", "trust", "reference-ca", "--authority", keys / "ca-cert.pem", "--identity", "intermediate-ca")
        for version in ("v0.3.1", "v1.0.0", "v1.0.1", "v1.1.0"):
            for method, trust in (("elliptic-key", ["--public-key", keys / "signing-key-pub.pem"]),
                                  ("certificate", ["--cert-chain", keys / "ca-cert.pem"])):
                folder = at / f"{version}-{method}"
                shutil.copytree(VECTORS / "oms" / "fixtures" / f"{version}-{method}", folder)
                bundle = at / f"{version}-{method}.sig"
                shutil.move(folder / "model.sig", bundle)
                ignored = folder / "ignore-me"
                if version == "v1.0.1":   # ignored on the command line only, so nothing in the bundle says so
                    ignored.unlink()
                pushed = self.json(self.service.pat, "snapshot", "push", f"model/ref-{method}", folder, "--bundle", bundle)
                self.assertEqual(pushed["snapshot"]["signature"]["signer"], "reference" if method == "elliptic-key" else "reference-ca")
                if version not in ("v0.3.1", "v1.0.0") or method == "certificate":
                    target = at / f"{version}-{method}-pulled"
                    self.service.pat.run("snapshot", "pull", f"model/ref-{method}@{pushed['snapshot']['version']}", target)
                    self.service.pat.run("oms", "verify-model", "--method", "key" if method == "elliptic-key" else "certificate",
                                         "--model-path", target, "--bundle", target / "model.sig", *trust)

    def test_a_signer_signs_only_the_names_it_is_trusted_for(self):
        at = self.scratch("scope")
        private, public = self.key(at, "scope")
        self.trust("risk-team", public, "--only", "risk-*", "--kind", "model")
        folder = self.model(at, "risk")
        self.refused(self.service.pat, 3, "only risk-*", "snapshot", "push", "model/loans", folder, "--key", private)
        self.refused(self.service.pat, 3, "may not sign a dataset", "snapshot", "push", "dataset/risk-x", folder, "--key", private)
        self.service.pat.run("snapshot", "push", "model/risk-x", folder, "--key", private)
        self.assertIn("risk-*", self.service.vi.run("signer", "list"))

    def test_below_its_threshold_a_snapshot_is_stored_and_not_deployed(self):
        at = self.scratch("threshold")
        first, first_public = self.key(at, "first")
        second, second_public = self.key(at, "second")
        self.trust("ann", first_public)
        self.trust("ben", second_public)
        wish = ["policy", "set", "two-people", "--threshold", "2", "--only", "vital-*", "--signer", "ann", "--signer", "ben"]
        self.refused(self.service.pat, 3, "needs role admin", *wish, "--reason", "vital")
        self.service.admin.run(*wish, "--reason", "vital", "--dry-run")
        self.assertEqual(self.json(self.service.vi, "policy", "list"), {})
        self.service.admin.run(*wish, "--reason", "vital")
        self.refused(self.service.admin, 2, "can never hold", "policy", "set", "x", "--threshold", "3", "--signer", "ann", "--reason", "r")
        self.assertIn("two-people", self.service.vi.run("policy", "list"))
        folder = self.model(at, "vital")
        self.service.pat.run("snapshot", "push", "model/vital-x", folder, "--key", first)
        self.assertIn("missing: ben", self.service.vi.run("snapshot", "signatures", "model/vital-x"))
        self.service.admin.run("deployment", "create", "vital-prod", "--env", "prod")
        done = self.service.riley.raw("deployment", "deploy", "vital-prod", "model/vital-x", "--reason", "try")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("policy two-people needs 2 signatures, 1 counts (ann)", done.stderr)
        self.refused(self.service.pat, 2, "--bundle", "snapshot", "sign", "model/vital-x", folder)
        wrong = self.model(at / "wrong", "other")
        done = self.service.pat.raw("snapshot", "sign", "model/vital-x", wrong, "--key", second)
        self.assertIn("signature and content differ", done.stderr)
        self.service.pat.run("snapshot", "sign", "model/vital-x", folder, "--key", second)
        again = self.json(self.service.pat, "snapshot", "sign", "model/vital-x", folder, "--key", second)
        self.assertTrue(again["already_existed"])
        self.service.riley.run("deployment", "deploy", "vital-prod", "model/vital-x", "--reason", "two signed")
        revoked = self.json(self.service.admin, "signer", "revoke", "ben", "--reason", "left")
        self.assertEqual(revoked["snapshots"], ["model/vital-x@1"])
        self.assertEqual(revoked["deployments"], ["vital-prod"])
        self.assertEqual(len(revoked["releases"]), 1)
        self.service.admin.run("policy", "remove", "two-people", "--reason", "done")

    def test_a_publisher_rotates_a_key_it_holds(self):
        at = self.scratch("rotate")
        old, old_public = self.key(at, "old")
        new, new_public = self.key(at, "new")
        self.trust("rota", old_public)
        folder = self.model(at, "rotated")
        self.service.pat.run("snapshot", "push", "model/rota", folder, "--key", old)
        self.refused(self.service.pat, 3, "an admin, or by whoever holds it", "signer", "rotate", "rota", "--key", new_public, "--reason", "r")
        self.service.pat.run("signer", "rotate", "rota", "--key", new_public, "--vouch", old, "--reason", "yearly")
        other = self.model(at / "other", "newer")
        self.refused(self.service.pat, 3, "was replaced at", "snapshot", "push", "model/rota", other, "--key", old)
        self.service.pat.run("snapshot", "push", "model/rota", other, "--key", new)
        shown = self.service.vi.run("signer", "show", "rota")
        self.assertIn("model/rota@2", shown)
        self.assertIn("which vouched for it", shown)

    def test_certificates_below_a_trusted_authority_count_by_their_identity(self):
        at = self.scratch("authority")
        extensions = at / "ext"
        extensions.write_text("[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n[leaf]\n"
                              "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"
                              "subjectAltName=email:pat@example.org\n")
        for name, section, signer in (("root", "ca", ["-signkey", at / "root.pem"]),
                                      ("leaf", "leaf", ["-CA", at / "root.crt", "-CAkey", at / "root.pem", "-set_serial", "7"])):
            for words in (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", at / f"{name}.pem"],
                          ["req", "-new", "-key", at / f"{name}.pem", "-subj", f"/CN={name}", "-out", at / f"{name}.csr"],
                          ["x509", "-req", "-in", at / f"{name}.csr", *signer, "-days", "30", "-extfile", extensions,
                           "-extensions", section, "-out", at / f"{name}.crt"]):
                subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
        folder = self.model(at, "certified")
        bundle = at / "model.sig"
        self.service.pat.run("oms", "sign-model", "--method", "certificate", "--model-path", folder, "--output-bundle", bundle,
                             "--private-key", at / "leaf.pem", "--signing-cert", at / "leaf.crt")
        push = ["snapshot", "push", "model/certified", folder, "--bundle", bundle]
        self.assertNotEqual(self.service.pat.raw(*push).returncode, 0)
        self.refused(self.service.admin, 2, "whose certificates count", "signer", "trust", "corp", "--authority", at / "root.crt")
        self.service.admin.run("signer", "trust", "corp", "--authority", at / "root.crt", "--identity", "*@example.org")
        answer = self.json(self.service.pat, *push)
        self.assertEqual(answer["snapshot"]["signature"]["identity"], "pat@example.org")
