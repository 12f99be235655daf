"""What the reference signer made, in every version it had: each must verify, and must not once a byte of the model changes."""
import json
import shutil

from adapter import said
from bundle_rules import signed_names


def model_of(fixture, scratch):
    """A copy without the signature; signatures before 1.1 over a single file call it "."."""
    copy = scratch / fixture.name
    shutil.copytree(fixture, copy)
    bundle = scratch / f"{fixture.name}.sig"
    shutil.move(copy / "model.sig", bundle)
    names = [] if "0.2.0" in fixture.name else signed_names(bundle)
    return (copy / "signme-1" if names == ["."] else copy), bundle


def run(adapter, vectors, scratch, tally):
    if not (vectors / "fixtures").is_dir():
        tally.skip("all", f"test vectors not found in {vectors}; set FIREBREAK_VECTORS")
        return
    keys = vectors / "fixtures" / "keys" / "certificate"
    for fixture in sorted((vectors / "fixtures").glob("v*")):
        method = fixture.name.split("-", 1)[1]
        if method == "sigstore":
            tally.skip(fixture.name, "keyless signatures need an identity provider")
            continue
        method = "key" if method == "elliptic-key" else "certificate"
        model, bundle = model_of(fixture, scratch)
        folder = model if model.is_dir() else model.parent
        trust = {"key": keys / "signing-key-pub.pem"} if method == "key" else {"chain": [keys / "ca-cert.pem"]}
        ignore = [folder / "ignore-me"] if (folder / "ignore-me").exists() else []
        result = adapter.verify(method, model, bundle, ignore=ignore, **trust)
        tally.check(f"{fixture.name} verifies", result.returncode == 0, said(result))
        signed = folder / "signme-1"
        signed.write_bytes(signed.read_bytes() + b"x")
        result = adapter.verify(method, model, bundle, ignore=ignore, **trust)
        tally.check(f"{fixture.name} with a changed file is refused", result.returncode != 0)
    for path in sorted((vectors / "spec" / "test-vectors" / "invalid").glob("*.json")) + sorted(
            (vectors / "spec" / "test-vectors" / "invalid-payload").glob("*.json")):
        # Schema-level vectors carry no real signature, so what must verify cannot be asked; what must not, can.
        for method, trust in (("key", {"key": keys / "signing-key-pub.pem"}), ("certificate", {"chain": [keys / "ca-cert.pem"]})):
            result = adapter.verify(method, keys, path, **trust)
            tally.check(f"{path.name} is refused by {method}", result.returncode != 0 and "Traceback" not in result.stderr)
            json.dumps(result.stderr)
