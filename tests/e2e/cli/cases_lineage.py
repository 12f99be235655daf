"""lineage, blast, bom, inventory, snapshot diff: where things come from, what they touch, what is there."""
import csv
import io
import json
import xml.etree.ElementTree as xml

from service import CliCase


class Lineage(CliCase):
    @classmethod
    def setUpClass(cls):
        """A dataset with two versions, a base model, a tuned one, and a configuration, deployed to lineage-prod."""
        service, cls.folder = cls.service, cls.service.folder / "content" / "lineage"

        def push(name, files, *more):
            folder = cls.folder / name.replace("/", "-") / str(len(list(cls.folder.glob("**/*"))))
            folder.mkdir(parents=True)
            for path, text in files.items():
                (folder / path).write_text(text)
            service.pat.run("snapshot", "push", name, folder, "--key", service.key, *more)

        push("dataset/rows", {"rows.csv": "id,y\n1,0\n", "kept.txt": "kept"}, "--label", "owner=Claims Ltd", "--label", "team==SUM(1)")
        push("dataset/rows", {"rows.csv": "id,y,z\n1,0,a\n2,1,b\n", "kept.txt": "kept", "new.txt": "n"})
        push("config/knobs", {"knobs.yaml": "temperature: 0\n"})
        push("model/lin-base", {"m.bin": "base"}, "--trained-on", "dataset/rows@1")
        push("model/lin-tuned", {"m.bin": "tuned"}, "--fine-tuned-from", "model/lin-base@1")
        service.admin.run("deployment", "create", "lineage-prod", "--env", "prod")
        service.lee.run("deployment", "deploy", "lineage-prod", "model/lin-tuned@1", "--reason", "test")

    def test_a_lineage_is_drawn_as_tree_dot_svg_and_json(self):
        vi = self.service.vi
        tree = vi.run("snapshot", "lineage", "model/lin-base@1")
        self.assertIn("trained_on dataset/rows@1", tree)
        self.assertIn("fine_tuned_from model/lin-tuned@1  serving lineage-prod", tree)
        self.assertIn("digraph lineage", vi.run("snapshot", "lineage", "model/lin-base@1", "--format", "dot"))
        picture = self.service.folder / "lineage.svg"
        vi.run("snapshot", "lineage", "model/lin-base@1", "--format", "svg", "--out", picture)
        drawn = xml.parse(picture).getroot()
        self.assertTrue(drawn.tag.endswith("svg"))
        self.assertIn("model/lin-tuned@1", "".join(drawn.itertext()))
        graph = json.loads(vi.run("snapshot", "lineage", "model/lin-base@1", "--format", "json"))
        self.assertEqual({node["name"] for node in graph["nodes"]}, {"model/lin-base@1", "dataset/rows@1", "model/lin-tuned@1"})
        self.refused(vi, 2, "tree, dot, svg or json", "snapshot", "lineage", "model/lin-base@1", "--format", "png")

    def test_an_edge_is_added_and_taken_back_under_signature(self):
        service = self.service
        edge = ["model/lin-base@1", "--configured-by", "config/knobs@1", "--key", service.key]
        self.assertIn("would be recorded", service.pat.run("lineage", "add", *edge, "--dry-run"))
        self.assertIn("configured_by config/knobs@1, signed by pat", service.pat.run("lineage", "add", *edge))
        self.refused(service.pat, 2, "circle", "lineage", "add", "model/lin-base@1", "--derived-from", "model/lin-tuned@1", "--key", service.key)
        self.refused(service.pat, 2, "name the parent", "lineage", "add", "model/lin-base@1", "--key", service.key)
        self.refused(service.pat, 2, "one parent", "lineage", "add", *edge, "--trained-on", "dataset/rows@2")
        self.refused(service.vi, 3, "publisher", "lineage", "add", *edge)
        self.refused(service.pat, 3, "security-lead", "lineage", "remove", *edge, "--reason", "wrong")
        service.lee.run("lineage", "remove", *edge, "--reason", "a slip of the hand")
        self.assertIn("a slip of the hand", service.vi.run("lineage", "statements", "model/lin-base@1"))
        statements = self.json(service.vi, "lineage", "statements", "model/lin-base@1")["statements"]
        self.assertEqual([bool(statement.get("removes")) for statement in sorted(statements, key=lambda s: s["accepted_at"])], [False, True])
        self.assertIn("taken back by pat", service.vi.run("snapshot", "lineage", "model/lin-base@1"))

    def test_a_blast_radius_names_what_is_touched_and_the_way(self):
        text = self.service.vi.run("blast", "dataset/rows@1")
        self.assertIn("deployment lineage-prod: model/lin-tuned@1 fine_tuned_from model/lin-base@1 trained_on dataset/rows@1", text)
        answer = self.json(self.service.vi, "blast", "dataset/rows@1")
        self.assertEqual([answer["models_total"], answer["deployments_total"]], ["2", "1"])
        self.assertGreaterEqual(int(self.json(self.service.vi, "blast", "pat")["models_total"]), 4)
        self.refused(self.service.vi, 5, "no signer is called", "blast", "nobody")

    def test_a_quarantined_ancestor_blocks_a_deployment_and_says_the_way(self):
        service = self.service
        service.riley.run("snapshot", "quarantine", "dataset/rows@1", "--reason", "poisoned")
        try:
            self.refused(service.lee, 3, ["gate lineage fails", "made from dataset/rows@1",
                                            "model/lin-tuned@1 fine_tuned_from model/lin-base@1 trained_on dataset/rows@1"],
                         "deployment", "deploy", "lineage-prod", "model/lin-tuned@1", "--reason", "again")
            self.assertIn("QUARANTINED", service.vi.run("snapshot", "lineage", "model/lin-base@1"))
            listed = self.json(service.vi, "inventory", "--quarantined")["items"]
            self.assertEqual({item["snapshot"]["name"] for item in listed}, {"rows", "lin-base", "lin-tuned"})
        finally:
            service.lee.run("snapshot", "lift", "dataset/rows@1", "--reason", "test over")

    def test_a_bom_is_exported_attested_and_verified(self):
        service, folder = self.service, self.service.folder
        bom, attested, key = folder / "bom.json", folder / "bom.dsse.json", folder / "service.pub.pem"
        said = service.lee.run("bom", "export", "model/lin-tuned@1", "--out", bom, "--attest", attested, "--key-out", key)
        self.assertIn("CycloneDX 1.6", said)
        content = json.loads(bom.read_text())
        self.assertEqual([content["bomFormat"], content["metadata"]["component"]["name"]], ["CycloneDX", "lin-tuned"])
        self.assertIn("signature valid", service.vi.run("bom", "verify", attested, "--key", key, "--bom", bom))
        self.assertEqual(self.json(service.vi, "bom", "verify", attested, "--key", key)["verified"], "true")
        self.refused(service.vi, 1, "signed with another key", "bom", "verify", attested, "--key", service.public_key)
        bom.write_text(bom.read_text().replace("lin-tuned", "lin-other"))
        self.refused(service.vi, 1, "is not the BOM", "bom", "verify", attested, "--key", key, "--bom", bom)
        self.assertEqual(json.loads(service.lee.run("bom", "export", "--deployment", "lineage-prod", "--spec", "1.7"))["specVersion"], "1.7")
        self.refused(service.lee, 2, "only one of them", "bom", "export")
        self.refused(service.lee, 2, "1.6 or 1.7", "bom", "export", "model/lin-tuned", "--spec", "1.5")

    def test_an_inventory_is_filtered_and_exported(self):
        vi = self.service.vi
        self.assertIn("lineage-prod", vi.run("inventory", "--name", "lin-tuned"))
        rows = list(csv.DictReader(io.StringIO(vi.run("inventory", "--name", "rows", "--csv"))))
        self.assertEqual([row["name"] for row in rows], ["dataset/rows@1", "dataset/rows@2"])
        self.assertEqual([row["signed_by"] for row in rows], ["pat", "pat"])
        self.assertEqual(rows[0]["proven_by"], "pat")
        for row in rows:
            for value in row.values():
                self.assertNotRegex(value, r"^[=+@-]")
        served = self.json(vi, "inventory", "--serving", "lineage-prod")["items"]
        self.assertEqual([item["snapshot"]["name"] for item in served], ["lin-tuned"])
        self.assertEqual(self.json(vi, "inventory", "--unproven-for", "7d")["items"], [])
        self.assertEqual(len(self.json(vi, "inventory", "--label", "owner=Claims Ltd")["items"]), 1)
        self.refused(vi, 2, "7d or 36h", "inventory", "--unproven-for", "soon")

    def test_a_diff_names_files_and_columns(self):
        text = self.service.pat.run("snapshot", "diff", "dataset/rows@1", "dataset/rows@2")
        for part in ("+ new.txt", "~ rows.csv", "+ column z  text", "rows: 1 -> 2", "2 files differ, 1 the same"):
            self.assertIn(part, text)
        answer = self.json(self.service.pat, "snapshot", "diff", "dataset/rows@1", "dataset/rows@2")
        self.assertEqual([file["path"] for file in answer["files"]], ["new.txt", "rows.csv"])
        self.assertEqual(answer["files_unchanged"], "1")
