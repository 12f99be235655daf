"""The public conformance suite, driven by its own case files: every case is a folder with a config.json."""
import json
import pathlib
import shutil

from adapter import said
from bundle_rules import broken_rules, signed_names


def change(model, wanted):
    """The suite's model_modifications."""
    folder = model if model.is_dir() else model.parent
    for kind in ("tamper", "inject"):
        for name, content in wanted.get(kind, {}).items():
            (folder / name).write_text(content)
    for name in wanted.get("delete", []):
        (folder / name).unlink(missing_ok=True)
    for name, target in wanted.get("symlinks", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)


def verify(adapter, assets, config, model, bundle):
    wanted = config.get("verify", {})
    folder = model if model.is_dir() else model.parent
    return adapter.verify(config["method"], model, bundle,
                          key=assets / wanted["public_key"] if "public_key" in wanted else None,
                          chain=[assets / path for path in wanted.get("cert_chain", [])],
                          ignore=[folder / path for path in wanted.get("ignore_paths", [])],
                          unsigned=wanted.get("ignore_unsigned_files", False))


def sign(adapter, assets, config, model, bundle):
    wanted = config.get("sign", {})
    return adapter.sign(config["method"], model, bundle, key=assets / wanted["private_key"],
                        cert=assets / wanted["signing_cert"] if "signing_cert" in wanted else None,
                        chain=[assets / path for path in wanted.get("cert_chain", [])],
                        ignore=[model / path for path in config.get("verify", {}).get("ignore_paths", [])])


def round_trip(adapter, assets, name, config, at, tally):
    model = at / "model"
    shutil.copytree(assets / config["model"], model)
    change(model, config.get("model_modifications", {}))
    bundle = (model if config.get("sig_inside_model") else at) / "bundle.sig"
    signed = sign(adapter, assets, config, model, bundle)
    if config.get("expect") == "fail":
        return tally.check(name, signed.returncode != 0, "was signed")
    if signed.returncode != 0:
        return tally.check(name, False, said(signed))
    problems = broken_rules(bundle, config["method"])
    expected = config.get("expected_signed_files")
    if expected and signed_names(bundle) != sorted(expected):
        problems.append(f"signed {signed_names(bundle)}")
    if config.get("verify", {}).get("ignore_unsigned_files"):
        (model / "injected.bin").write_text("injected after signing\n")
    verified = verify(adapter, assets, config, model, bundle)
    if verified.returncode != 0:
        problems.append(said(verified))
    if "deterministic" in name:
        again = at / "again.sig"
        sign(adapter, assets, config, model, again)
        if signed_names(again) != signed_names(bundle):
            problems.append("signing twice lists other files")
    return tally.check(name, not problems, "; ".join(problems))


def verify_case(adapter, assets, name, case, config, at, tally):
    source = (case if config.get("model_relative_to") == "test_dir" else assets) / config["model"]
    if source.is_file():
        model = at / source.name
        shutil.copy2(source, model)
    else:
        model = at / "model"
        shutil.copytree(source, model)
    change(model, config.get("model_modifications", {}))
    result = verify(adapter, assets, config, model, case / "bundle.sig")
    should_fail = config.get("expect") == "fail"
    ok = (result.returncode != 0) == should_fail and result.returncode >= 0
    expected = config.get("expected_signed_files")
    if ok and not should_fail and expected and signed_names(case / "bundle.sig") != sorted(expected):
        return tally.check(name, False, "the bundle lists other files than the case says")
    return tally.check(name, ok, said(result))


def run(adapter, suite, scratch, tally):
    if not suite or not (pathlib.Path(suite) / "test" / "test-cases").is_dir():
        tally.skip("all", "the conformance suite is not here; set FIREBREAK_OMS_SUITE to a checkout of it")
        return
    root = pathlib.Path(suite) / "test"
    assets = root / "assets"
    for number, path in enumerate(sorted((root / "test-cases").rglob("config.json"))):
        case = path.parent
        config = json.loads(path.read_text())
        name = str(case.relative_to(root / "test-cases"))
        if config["method"] == "sigstore":
            tally.skip(name, "keyless signatures need an identity provider")
            continue
        at = scratch / str(number)
        at.mkdir()
        if name.startswith("roundtrip/"):
            round_trip(adapter, assets, name, config, at, tally)
        else:
            verify_case(adapter, assets, name, case, config, at, tally)
