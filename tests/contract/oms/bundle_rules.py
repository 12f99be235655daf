"""What every bundle we write must be like, checked without our own code (spec §5, §6)."""
import base64
import hashlib
import json
import os
import pathlib
import re

VECTORS = pathlib.Path(__file__).resolve().parents[4] / "shared" / "vectors"
SHARD = re.compile(r":\d+:\d+$")


def statement_of(bundle):
    return json.loads(base64.b64decode(json.loads(bundle.read_text())["dsseEnvelope"]["payload"], validate=True))


def signed_names(bundle):
    return sorted(r["name"] for r in statement_of(bundle)["predicate"]["resources"] if not SHARD.search(r["name"]))


def broken_schemas(document, statement):
    """The official schemas, where they and a validator are on this machine."""
    folder = pathlib.Path(os.environ.get("FIREBREAK_VECTORS", VECTORS)) / "oms" / "spec" / "schemas"
    try:
        import jsonschema
    except ImportError:
        return []
    problems = []
    for name, value in (("bundle", document), ("envelope", document["dsseEnvelope"]), ("statement", statement),
                        ("predicate", statement["predicate"])):
        path = folder / f"{name}.schema.json"
        if not path.is_file():
            return []
        schema = json.loads(path.read_text())
        # Each names the one below it; every layer is judged by itself here.
        store = {json.loads(other.read_text()).get("$id", other.name): json.loads(other.read_text())
                 for other in folder.glob("*.schema.json")}
        resolver = jsonschema.RefResolver(schema.get("$id", ""), schema, store=store)
        validator = jsonschema.Draft202012Validator(schema, resolver=resolver)
        problems += [f"{name} schema: {error.message[:120]}" for error in validator.iter_errors(value)]
    return problems


def broken_rules(bundle, method):
    """Names of the rules that do not hold; empty when all do."""
    document = json.loads(bundle.read_text())
    statement = statement_of(bundle)
    predicate = statement["predicate"]
    resources = predicate["resources"]
    names = [r["name"] for r in resources]
    root = hashlib.sha256(b"".join(bytes.fromhex(r["digest"]) for r in resources)).hexdigest()
    material = document["verificationMaterial"]
    rules = {
        "members of the bundle": set(document) == {"mediaType", "verificationMaterial", "dsseEnvelope"},
        "media type": document["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json",
        "material of the method": ("publicKey" in material) == (method == "key")
                                  and ("x509CertificateChain" in material) == (method == "certificate"),
        "members of the envelope": set(document["dsseEnvelope"]) == {"payload", "payloadType", "signatures"},
        "payload type": document["dsseEnvelope"]["payloadType"] == "application/vnd.in-toto+json",
        "one signature": len(document["dsseEnvelope"]["signatures"]) == 1,
        "statement type": statement["_type"] == "https://in-toto.io/Statement/v1",
        "predicate type": statement["predicateType"] == "https://model_signing/signature/v1.0",
        "one subject with a name": len(statement["subject"]) == 1 and bool(statement["subject"][0]["name"]),
        "root digest": statement["subject"][0]["digest"] == {"sha256": root},
        "members of the predicate": set(predicate) == {"serialization", "resources"},
        "sorted by code points": names == sorted(names) and len(set(names)) == len(names),
        "members of a resource": all({"name", "digest", "algorithm"} <= set(r) for r in resources),
        "relative names": all(not n.startswith("/") and "../" not in n and not n.endswith("/") for n in names),
        "shard size only with shards": ("shard_size" in predicate["serialization"])
                                       == (predicate["serialization"]["method"] == "shards"),
        "symlinks are not followed": predicate["serialization"]["allow_symlinks"] is False,
    }
    return [name for name, holds in rules.items() if not holds] + broken_schemas(document, statement)
