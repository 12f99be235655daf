"""Models and keys made here with openssl: both directions with ourselves, and with the reference implementation if it is there."""
import base64
import json
import os
import shutil
import subprocess

from adapter import said
from bundle_rules import broken_rules

CURVES = {"p256": "prime256v1", "p384": "secp384r1", "p521": "secp521r1"}


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def make_keys(at):
    """Per curve: a key, and a certificate for it below a root and an intermediate authority."""
    at.mkdir()
    config = at / "extensions"
    config.write_text("[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
                      "[leaf]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                      "extendedKeyUsage=codeSigning\nsubjectAltName=email:pat@example.org\n")

    def certify(name, section, issuer=None):
        openssl("req", "-new", "-key", at / f"{name}.pem", "-subj", f"/CN={name}", "-out", at / f"{name}.csr")
        signer = ["-CA", at / f"{issuer}.crt", "-CAkey", at / f"{issuer}.pem"] if issuer else ["-signkey", at / f"{name}.pem"]
        openssl("x509", "-req", "-in", at / f"{name}.csr", *signer, "-days", "30", "-extfile", config, "-extensions", section,
                "-out", at / f"{name}.crt", "-set_serial", str(abs(hash(name)) % 10**9 + 1))

    for name, curve in {"root": "prime256v1", "middle": "prime256v1", "other": "prime256v1", **CURVES}.items():
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", at / f"{name}.pem")
        openssl("pkey", "-in", at / f"{name}.pem", "-pubout", "-out", at / f"{name}.pub")
    certify("root", "ca")
    certify("other", "ca")
    certify("middle", "ca", "root")
    for name in CURVES:
        certify(name, "leaf", "middle")


def make_model(at):
    (at / "a").mkdir(parents=True)
    (at / ".git").mkdir()
    (at / ".git" / "HEAD").write_text("not part of it")
    (at / "a-b").write_bytes(b"2")
    (at / "a" / "x").write_bytes(b"1" * 100_000)
    (at / "a.b").write_bytes(b"3")
    (at / "empty").write_bytes(b"")
    (at / "größe 模型 (1).bin").write_bytes(os.urandom(3_000_000))


def reference(words):
    interpreter = os.environ.get("FIREBREAK_OMS_REFERENCE")
    if not interpreter:
        return None
    return subprocess.run([interpreter, "-m", "model_signing", *map(str, words)], capture_output=True, text=True, check=False)


def trust_of(keys, method, curve):
    return {"key": keys / f"{curve}.pub"} if method == "key" else {"chain": [keys / "root.crt"]}


def round_trips(adapter, keys, at, tally):
    for method in ("key", "certificate"):
        for curve in CURVES:
            model, bundle = at / f"{method}-{curve}", at / f"{method}-{curve}.sig"
            make_model(model)
            name = f"{method} {curve}"
            material = {"key": keys / f"{curve}.pem"}
            if method == "certificate":
                material.update(cert=keys / f"{curve}.crt", chain=[keys / "middle.crt"])
            signed = adapter.sign(method, model, bundle, **material)
            problems = broken_rules(bundle, method) if signed.returncode == 0 else [said(signed)]
            tally.check(f"{name} signs", not problems, "; ".join(problems))
            result = adapter.verify(method, model, bundle, **trust_of(keys, method, curve))
            tally.check(f"{name} verifies", result.returncode == 0, said(result))
            with_openssl(keys, curve, at, bundle, name, tally)
            with_reference(adapter, keys, method, curve, model, bundle, tally)
            refusals(adapter, keys, method, curve, model, bundle, tally)


def with_openssl(keys, curve, at, bundle, name, tally):
    """The signature over the pre-authentication encoding, by a program that knows nothing of us."""
    envelope = json.loads(bundle.read_text())["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    (at / "pae").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    (at / "raw").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    digest = {"p256": "-sha256", "p384": "-sha384", "p521": "-sha512"}[curve]
    done = subprocess.run(["openssl", "dgst", digest, "-verify", keys / f"{curve}.pub", "-signature", at / "raw", at / "pae"],
                          capture_output=True, text=True, check=False)
    tally.check(f"{name}: openssl verifies the envelope", done.returncode == 0, said(done))


def with_reference(adapter, keys, method, curve, model, bundle, tally):
    name = f"{method} {curve} and the reference"
    options = ["--public_key", keys / f"{curve}.pub"] if method == "key" else ["--certificate_chain", keys / "root.crt"]
    theirs = reference(["verify", method, "--signature", bundle, *options, model])
    if theirs is None:
        tally.skip(name, "the reference implementation is not here; set FIREBREAK_OMS_REFERENCE")
        return
    tally.check(f"{name}: it verifies ours", theirs.returncode == 0, said(theirs))
    made = bundle.with_suffix(".ref")
    signing = ["--private_key", keys / f"{curve}.pem"]
    if method == "certificate":
        signing += ["--signing_certificate", keys / f"{curve}.crt", "--certificate_chain", keys / "middle.crt"]
    signed = reference(["sign", method, "--signature", made, *signing, model])
    result = adapter.verify(method, model, made, **trust_of(keys, method, curve))
    tally.check(f"{name}: we verify its", signed.returncode == 0 and result.returncode == 0, said(result))


def refusals(adapter, keys, method, curve, model, bundle, tally):
    """Each change alone, on a copy."""
    changes = {
        "a changed byte": lambda m: (m / "a" / "x").write_bytes(b"1" * 99_999 + b"2"),
        "another size": lambda m: (m / "a-b").write_bytes(b"22"),
        "a missing file": lambda m: (m / "a.b").unlink(),
        "a file more": lambda m: (m / "more").write_bytes(b""),
        "a file become a folder": lambda m: ((m / "a-b").unlink(), (m / "a-b").mkdir()),
        "a symlink in the place of a file": lambda m: ((m / "a.b").unlink(), (m / "a.b").symlink_to("a-b")),
        "a symlink out of the model": lambda m: (m / "out").symlink_to("/etc/passwd"),
        "a pipe": lambda m: os.mkfifo(m / "pipe"),
    }
    for what, change in changes.items():
        copy = model.parent / f"{model.name}-copy"
        shutil.copytree(model, copy)
        change(copy)
        result = adapter.verify(method, copy, bundle, **trust_of(keys, method, curve))
        tally.check(f"{method} {curve}: {what} is refused", result.returncode in (1, 2), said(result))
        shutil.rmtree(copy)
    wrong = {"key": {"key": keys / "other.pub"}, "certificate": {"chain": [keys / "other.crt"]}}[method]
    tally.check(f"{method} {curve}: other trust is refused", adapter.verify(method, model, bundle, **wrong).returncode != 0)
    other_method = "certificate" if method == "key" else "key"
    crossed = adapter.verify(other_method, model, bundle, **trust_of(keys, other_method, curve))
    tally.check(f"{method} {curve}: the other method is refused", crossed.returncode != 0)
    extra = model / "unsigned.txt"
    extra.write_text("more")
    tally.check(f"{method} {curve}: unsigned files are tolerated when asked",
                adapter.verify(method, model, bundle, unsigned=True, **trust_of(keys, method, curve)).returncode == 0)
    extra.unlink()


def other_hashes(adapter, keys, at, tally):
    for name, extra in (("blake2b", ["--hash-algorithm", "blake2b"]), ("shards", ["--shard-size", "65536"]),
                        ("shards of blake2b", ["--hash-algorithm", "blake2b", "--shard-size", "1000000"])):
        model, bundle = at / name, at / f"{name}.sig"
        make_model(model)
        signed = adapter.sign("key", model, bundle, key=keys / "p256.pem", extra=extra)
        result = adapter.verify("key", model, bundle, key=keys / "p256.pub")
        tally.check(f"{name} round trip", signed.returncode == 0 and result.returncode == 0, said(signed) + said(result))
        (model / "a" / "x").write_bytes(b"1" * 99_999 + b"2")
        tally.check(f"{name}: a changed byte is refused", adapter.verify("key", model, bundle, key=keys / "p256.pub").returncode == 1)


def signing_refusals(adapter, keys, at, tally):
    model = at / "refused"
    make_model(model)
    key = {"key": keys / "p256.pem"}
    cases = {
        "the model itself ignored": adapter.sign("key", model, at / "r.sig", **key, ignore=[model]),
        "what contains the model ignored": adapter.sign("key", model, at / "r.sig", **key, ignore=[at]),
        "a certificate of another key": adapter.sign("certificate", model, at / "r.sig", **key, cert=keys / "p384.crt",
                                                     chain=[keys / "middle.crt"]),
        "an authority's certificate": adapter.sign("certificate", model, at / "r.sig", key=keys / "root.pem", cert=keys / "root.crt"),
        "no key": adapter.sign("key", model, at / "r.sig"),
        "a public key for the private one": adapter.sign("key", model, at / "r.sig", key=keys / "p256.pub"),
        "a model that is not there": adapter.sign("key", at / "absent", at / "r.sig", **key),
        "keyless": adapter.sign("sigstore", model, at / "r.sig"),
    }
    for name, result in cases.items():
        tally.check(f"signing with {name} is refused", result.returncode != 0 and not (at / "r.sig").exists(), said(result))
    inside = model / "model.sig"
    for _ in range(2):   # a signature of before is replaced, and never signed itself
        adapter.sign("key", model, inside, **key)
    names = [r["name"] for r in json.loads(base64.b64decode(json.loads(inside.read_text())["dsseEnvelope"]["payload"]))
             ["predicate"]["resources"]]
    tally.check("a signature inside the model is not signed", "model.sig" not in names and len(names) == 5, str(names))
    tally.check("a signature inside the model verifies",
                adapter.verify("key", model, inside, key=keys / "p256.pub").returncode == 0)


def run(adapter, scratch, tally):
    keys = scratch / "keys"
    make_keys(keys)
    round_trips(adapter, keys, scratch, tally)
    other_hashes(adapter, keys, scratch, tally)
    signing_refusals(adapter, keys, scratch, tally)
    capabilities = adapter.run("capabilities")
    tally.check("capabilities are JSON", capabilities.returncode == 0 and json.loads(capabilities.stdout)["benchmark_model"] is True)
    timed = adapter.run("benchmark-model", "--operation", "sign", "--method", "key", "--model-path", scratch / "refused",
                        "--private-key", keys / "p256.pem", "--repeat", "2")
    tally.check("benchmark-model answers times", timed.returncode == 0 and len(json.loads(timed.stdout)["times_ms"]) == 2, said(timed))
