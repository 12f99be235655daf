"""Rules about who may include whom: the layers, the libraries' dependency lists, third-party homes, orphans."""
import os
import re

# Where each third-party library lives. A library that is not here has no home: give it one, or do without it.
HOMES = {
    "RocksDB": (r"rocksdb/", ("storage/rocksdb/",)),
    "OpenSSL": (r"openssl/", ("services/crypto/",)),
    "gRPC": (r"(grpcpp|grpc|grpc\+\+)/|.*\.grpc\.pb\.h$", ("services/doors/", "clients/", "storage/etcd/", "tests/")),
    "Boost": (r"boost/", ("services/doors/http/",)),
    "libcurl": (r"curl/", ("services/exchange/", "tests/")),
    "spdlog, fmt": (r"(spdlog|fmt)/", ("services/base/log.cc",)),
    "rapidjson": (r"rapidjson/", ("services/base/json_read.cc",)),
    "yaml-cpp": (r"yaml-cpp/", ("services/playbooks/", "services/firebreakd/config.cc", "clients/cli/contexts.cc",
                                "clients/agent/config.cc")),
    "simdjson": (r"simdjson(\.h|/)", ("services/alerts/intake/",)),
    "CLI11": (r"CLI/", ("clients/cli/",)),
    "RE2": (r"re2/", ("services/", "tests/")),
    "zstd": (r"zstd", ("storage/",)),
    "isa-l": (r"isa-l/", ("storage/",)),
    "Cairo, Pango": (r"(cairo|pango)", ("services/reports/pdf/",)),
    "GoogleTest": (r"(gtest|gmock)/", ("tests/",)),
}
# Values and Status: every library may use them, in its headers too.
EVERYWHERE = re.compile(r"(absl|google/protobuf)/")
SYSTEM_FOLDERS = ("sys/", "arpa/", "netinet/", "net/", "linux/", "bits/")
DOORS = "services/doors/"


def third_party_home(file, line, path):
    for library, (pattern, homes) in HOMES.items():
        if not re.match(pattern, path):
            continue
        if file.is_public_header:
            yield file.path, line, "third-party", f"{library} in a public header: {path}"
        elif not file.path.startswith(homes):
            yield file.path, line, "third-party", f"{library} lives only in {', '.join(homes)}"
        return


def is_third_party(path):
    return any(re.match(pattern, path) for pattern, _ in HOMES.values())


def check_homes(tree):
    protos = {f.path.removeprefix("proto/").removesuffix(".proto"): f for f in tree.files.values() if f.suffix == ".proto"}
    stems = {f.stem for f in protos.values()}
    for file in tree.cpp():
        for line, bracket, path in file.includes:
            yield from third_party_home(file, line, path)
            if is_third_party(path) or EVERYWHERE.match(path) or tree.resolve(file, path):
                continue
            if path.endswith(".pb.h") and (path.removesuffix(".pb.h") in protos or path.removesuffix(".pb.h") in stems):
                continue
            if bracket == '"':
                yield file.path, line, "third-party", f"{path} is neither ours nor a library with a home in graph_rules.py"
            elif "/" in path and not path.startswith(SYSTEM_FOLDERS):
                yield file.path, line, "third-party", f"{path} is of no library with a home in graph_rules.py"


def owners_of(tree, file, path):
    """Names of the libraries an #include belongs to; empty when it is of none (tests may share headers)."""
    if re.match(r"firebreak/.*\.grpc\.pb\.h$", path):
        return ("stubs",)
    if re.match(r"firebreak/.*\.pb\.h$", path):
        return ("records",)
    target = tree.resolve(file, path)
    return tuple(t.name for t in tree.targets_of(target.path) if t.kind == "library") if target else ()


def check_dependency_lists(tree):
    for file in tree.cpp():
        own = [t.name for t in tree.targets_of(file.path)]
        if not own:
            continue
        for line, _, path in file.includes:
            owners = owners_of(tree, file, path)
            if owners and not any(set(owners) & tree.reach(name) for name in own):
                yield (file.path, line, "include-graph",
                       f"{path} belongs to {' or '.join(owners)}, which the DEPS of {' or '.join(own)} do not reach")


def check_inner_headers(tree):
    """A header beside its .cc is used only inside its capability (services/<x>/…), and by tests."""
    for file in tree.cpp():
        if file.path.startswith("tests/"):
            continue
        for line, _, path in file.includes:
            target = tree.resolve(file, path)
            if target is None or target.is_public_header:
                continue
            if target.path.split("/")[:2] != file.path.split("/")[:2]:
                yield file.path, line, "inner-header", f"{target.path} is used only inside {'/'.join(target.path.split('/')[:2])}"


def engine_folder(target):
    """storage/<engine> for an engine's library; the ports and the wrappers around them are no engines."""
    parts = target.folder.split("/")
    if target.kind == "library" and parts[0] == "storage" and len(parts) > 1 and parts[1] != "wrap":
        return "/".join(parts[:2]) + "/"
    return None


def upward(tree, path, where, line, names):
    """Findings for one file or CMakeLists.txt below the mains that reaches for engines or doors."""
    for name in names:
        target = tree.targets.get(name)
        if target is None:
            continue
        engine = engine_folder(target)
        if engine and not path.startswith((engine, f"include/firebreak/{target.name}/")):
            yield where, line, "layers", f"only a main or a test names the engine {name}"
        if target.folder.startswith(DOORS) and not path.startswith((DOORS, "include/firebreak/doors/")):
            yield where, line, "layers", f"only a main or a test names the door {name}"
        door = next((d for d in ("services/doors/grpc", "services/doors/http") if target.folder == d), None)
        if door and path.startswith(DOORS) and not path.startswith((door, "services/doors/methods/")):
            yield where, line, "layers", f"doors never include one another: {name}"


def check_layers(tree):
    for file in tree.cpp():
        if file.is_main:
            continue
        for line, _, path in file.includes:
            yield from upward(tree, file.path, file.path, line, owners_of(tree, file, path))
    for target in tree.targets.values():
        folder = target.folder + "/"
        if target.kind != "made" and not folder.startswith(("services/firebreakd/", "clients/", "tests/")):
            yield from upward(tree, folder, folder + "CMakeLists.txt", target.line, target.deps)


def check_targets(tree):
    """Every named dependency exists, nothing depends on itself, and every CMakeLists.txt is where the build looks."""
    for target in tree.targets.values():
        lists = (target.folder + "/" if target.folder else "") + "CMakeLists.txt"
        for dep in target.deps:
            if dep not in tree.targets and dep != "ground":
                yield lists, target.line, "include-graph", f"{target.name} depends on {dep}, which no CMakeLists.txt makes"
        if any(target.name in tree.reach(dep) for dep in target.deps if dep in tree.targets):
            yield lists, target.line, "include-graph", f"{target.name} depends on itself in a circle"
    for path in tree.files:
        depth = path.count("/")
        if os.path.basename(path) == "CMakeLists.txt" and depth > 3:
            yield path, 1, "orphan", "the build adds folders two levels deep; this one is deeper"


def check_orphans(tree):
    included = {target.path for file in tree.cpp() for _, _, path in file.includes if (target := tree.resolve(file, path))}
    for file in tree.cpp():
        if file.suffix == ".cc" and not tree.built(file):
            yield file.path, 1, "orphan", "no CMakeLists.txt compiles this file"
        if file.is_header and file.path not in included:
            yield file.path, 1, "orphan", "nobody includes this header"


RULES = (check_homes, check_dependency_lists, check_inner_headers, check_layers, check_targets, check_orphans)
