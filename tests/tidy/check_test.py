"""Plants violations of every rule in a small clean tree, one at a time, and asserts that each is found where it is.

A rule that finds nothing looks just like a tree in order; this is how the two are told apart.
"""
import contextlib
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check

LIBRARY = """// {name}: for the checker's own test.
#ifndef FIREBREAK_{guard}_H_
#define FIREBREAK_{guard}_H_
{body}
#endif  // FIREBREAK_{guard}_H_
"""


def header(path, body=""):
    """A header in order, at a path below the root."""
    guard = path.removeprefix("include/firebreak/").removesuffix(".h").replace("/", "_").upper()
    return LIBRARY.format(name=path, guard=guard, body=body)


# A tree that every rule likes: two libraries, an engine, both doors, a main and a test.
CLEAN = {
    "CMakeLists.txt": "function(firebreak_library name)\n  add_library(firebreak_${name} STATIC ${sources})\nendfunction()\n",
    "proto/CMakeLists.txt": "add_library(firebreak_records STATIC x)\nadd_library(firebreak_stubs STATIC y)\n"
                            "target_link_libraries(firebreak_stubs PUBLIC firebreak_records gRPC::grpc++)\n",
    "proto/firebreak/v1/thing.proto": "// Things.\nsyntax = \"proto3\";\n\n// What people ask of things.\nservice Things {\n"
                                      "  rpc Get(GetRequest) returns (Thing);\n}\n\nmessage GetRequest {}\n\nmessage Thing {}\n",
    "include/firebreak/base/text.h": header("include/firebreak/base/text.h"),
    "services/base/CMakeLists.txt": "firebreak_library(base DEPS ground)\n",
    "services/base/text.cc": "#include \"firebreak/base/text.h\"\n",
    "include/firebreak/ledger/ledger.h": header("include/firebreak/ledger/ledger.h", "#include \"firebreak/base/text.h\""),
    "services/ledger/CMakeLists.txt": "firebreak_library(ledger DEPS base records)\n",
    "services/ledger/ledger.cc": "#include \"firebreak/ledger/ledger.h\"\n",
    "include/firebreak/storage_memory/store.h": header("include/firebreak/storage_memory/store.h"),
    "storage/memory/CMakeLists.txt": "firebreak_library(storage_memory DEPS base)\n",
    "storage/memory/store.cc": "#include \"firebreak/storage_memory/store.h\"\n",
    "include/firebreak/doors/grpc_door.h": header("include/firebreak/doors/grpc_door.h"),
    "services/doors/grpc/CMakeLists.txt": "firebreak_library(doors_grpc DEPS base)\n",
    "services/doors/grpc/grpc_door.cc": "#include \"firebreak/doors/grpc_door.h\"\n",
    "include/firebreak/doors/http_door.h": header("include/firebreak/doors/http_door.h"),
    "services/doors/http/CMakeLists.txt": "firebreak_library(doors_http DEPS base)\n",
    "services/doors/http/http_door.cc": "#include \"firebreak/doors/http_door.h\"\n",
    "services/firebreakd/CMakeLists.txt": "firebreak_binary(firebreakd DEPS ledger storage_memory doors_grpc)\n",
    "services/firebreakd/main.cc": "#include \"firebreak/doors/grpc_door.h\"\n#include \"firebreak/storage_memory/store.h\"\n"
                                   "int main() { return std::getenv(\"HOME\") == nullptr; }\n",
    "tests/unit/base/CMakeLists.txt": "firebreak_test(base_test DEPS base)\n",
    "tests/unit/base/text_test.cc": "#include \"firebreak/base/text.h\"\n#include \"gtest/gtest.h\"\n",
    "tests/run.py": "\"\"\"Runs.\"\"\"\nimport sys\nsys.exit(0)\n",
    "README.md": "See [the run](tests/run.py).\n",
}

LONG_BODY = "\n".join(f"  Step({n});" for n in range(70))

# (the rule, what the finding says in part, files planted over the clean tree)
PLANTED = [
    ("include-graph", "belongs to ledger", {"services/base/text.cc": "#include \"firebreak/ledger/ledger.h\"\n"}),
    ("include-graph", "belongs to records", {"services/base/text.cc": "#include \"firebreak/v1/thing.pb.h\"\n"}),
    ("include-graph", "belongs to ledger", {"include/firebreak/base/text.h":
                                            header("include/firebreak/base/text.h", "#include \"firebreak/ledger/ledger.h\"")}),
    ("include-graph", "in a circle", {"services/base/CMakeLists.txt": "firebreak_library(base DEPS ledger)\n"}),
    ("include-graph", "depends on nowhere", {"services/base/CMakeLists.txt": "firebreak_library(base DEPS nowhere)\n"}),
    ("layers", "names the engine", {"services/ledger/CMakeLists.txt":
                                    "firebreak_library(ledger DEPS base records storage_memory)\n"}),
    ("layers", "names the engine", {"services/ledger/ledger.cc": "#include \"firebreak/storage_memory/store.h\"\n"}),
    ("layers", "names the door", {"services/ledger/ledger.cc": "#include \"firebreak/doors/grpc_door.h\"\n"}),
    ("layers", "never include one another", {"services/doors/http/http_door.cc": "#include \"firebreak/doors/grpc_door.h\"\n"}),
    ("inner-header", "only inside services/ledger", {"services/ledger/leaf.h": header("services/ledger/leaf.h"),
                                                     "services/base/text.cc": "#include \"services/ledger/leaf.h\"\n"}),
    ("third-party", "RocksDB lives only in", {"services/base/text.cc": "#include \"rocksdb/db.h\"\n"}),
    ("third-party", "OpenSSL lives only in", {"tests/unit/base/text_test.cc": "#include <openssl/evp.h>\n"}),
    ("third-party", "gRPC lives only in", {"services/ledger/ledger.cc": "#include \"firebreak/v1/thing.grpc.pb.h\"\n"}),
    ("third-party", "Boost lives only in", {"services/doors/grpc/grpc_door.cc": "#include <boost/asio.hpp>\n"}),
    ("third-party", "libcurl lives only in", {"services/base/text.cc": "#include <curl/curl.h>\n"}),
    ("third-party", "spdlog, fmt lives only in", {"services/base/text.cc": "#include <spdlog/logger.h>\n"}),
    ("third-party", "rapidjson lives only in", {"services/base/text.cc": "#include <rapidjson/reader.h>\n"}),
    ("third-party", "yaml-cpp lives only in", {"services/base/text.cc": "#include <yaml-cpp/yaml.h>\n"}),
    ("third-party", "simdjson lives only in", {"services/base/text.cc": "#include <simdjson.h>\n"}),
    ("third-party", "CLI11 lives only in", {"services/base/text.cc": "#include \"CLI/CLI.hpp\"\n"}),
    ("third-party", "in a public header", {"include/firebreak/base/text.h":
                                           header("include/firebreak/base/text.h", "#include \"re2/re2.h\"")}),
    ("third-party", "neither ours nor", {"services/base/text.cc": "#include \"firebreak/base/gone.h\"\n"}),
    ("third-party", "of no library with a home", {"services/base/text.cc": "#include <eigen/core>\n"}),
    ("file-length", "501 lines", {"services/base/text.cc": "int x;\n" * 501}),
    ("function-length", "Long", {"services/base/text.cc": f"void Long() {{\n{LONG_BODY}\n}}\n"}),
    ("function-length", "Held::Held", {"services/base/text.cc":
                                       f"Held::Held(int a)\n    : a_{{a}}, b_(\"{{\") {{\n{LONG_BODY}\n}}\n"}),
    ("function-length", "TEST(Thing, Works)", {"tests/unit/base/text_test.cc": f"TEST(Thing, Works) {{\n{LONG_BODY}\n}}\n"}),
    ("function-length", "slow", {"tests/run.py": "\"\"\"Runs.\"\"\"\n\n\ndef slow():\n" + "    print()\n" * 70}),
    ("header-opening", "says what it is for", {"include/firebreak/base/text.h":
                                               "\n" + header("include/firebreak/base/text.h").split("\n", 1)[1]}),
    ("include-guard", "FIREBREAK_BASE_TEXT_H_", {"include/firebreak/base/text.h": header("services/base/text.h")}),
    ("using-namespace", "not in a header", {"include/firebreak/base/text.h":
                                            header("include/firebreak/base/text.h", "using namespace std;")}),
    ("no-sleep", "sleeping", {"tests/unit/base/text_test.cc": "void F() { std::this_thread::sleep_for(kLong); }\n"}),
    ("no-sleep", "sleeping", {"services/base/text.cc": "void F() { usleep(5); absl::SleepFor(x); }\n"}),
    ("injected-time", "take a Clock", {"services/base/text.cc": "auto f = std::chrono::system_clock::now();\n"}),
    ("injected-time", "take a Clock", {"services/base/text.cc": "auto f = absl::Now();\n"}),
    ("injected-random", "take a Random", {"services/base/text.cc": "std::random_device device;\n"}),
    ("no-environment", "mains only", {"services/base/text.cc": "auto f = std::getenv(\"HOME\");\n"}),
    ("no-std-regex", "RE2", {"services/base/text.cc": "std::regex pattern;\n"}),
    ("no-stdout", "does not print", {"services/base/text.cc": "void F() { std::cout << 1; }\n"}),
    ("names", "utils.h", {"include/firebreak/base/utils.h": header("include/firebreak/base/utils.h"),
                          "services/base/text.cc": "#include \"firebreak/base/utils.h\"\n#include \"firebreak/base/text.h\"\n"}),
    ("names", "RunManager", {"services/base/text.cc": "class RunManager {};\n"}),
    ("commented-out-code", "return", {"services/base/text.cc": "// return value;\n"}),
    ("orphan", "no CMakeLists.txt compiles", {"services/lost/lost.cc": "int x;\n"}),
    ("orphan", "nobody includes", {"include/firebreak/base/lost.h": header("include/firebreak/base/lost.h")}),
    ("orphan", "two levels deep", {"tests/unit/base/deep/CMakeLists.txt": "firebreak_test(deep_test DEPS base)\n"}),
    ("marker", "do it, or file it", {"services/base/text.cc": "// TO" + "DO: later\n"}),
    ("marker", "do it, or file it", {"README.md": "FIX" + "ME\n"}),
    ("machine-words", "/wo" + "rk/", {"README.md": "look in /wo" + "rk/main\n"}),
    ("machine-words", "py" + "pi.org", {"README.md": "from py" + "pi.org\n"}),
    ("dead-link", "gone.md", {"README.md": "[gone](gone.md)\n"}),
    ("whitespace", "no newline", {"README.md": "text"}),
    ("whitespace", "space at the end", {"services/base/text.cc": "int x; \n"}),
    ("whitespace", "tab", {"services/base/text.cc": "\tint x;\n"}),
    ("whitespace", "carriage", {"README.md": "text\r\n"}),
    ("proto-comment", "the file opens", {"proto/firebreak/v1/thing.proto": "syntax = \"proto3\";\n"}),
    ("proto-comment", "message Bare", {"proto/firebreak/v1/thing.proto": "// Things.\n\nmessage Bare {\n  int32 x = 1;\n}\n"}),
    ("proto-comment", "service Bare", {"proto/firebreak/v1/thing.proto": "// Things.\n\nservice Bare {\n}\n"}),
    ("proto-comment", "rpc Second", {"proto/firebreak/v1/thing.proto":
                                     "// Things.\n\n// Here.\nservice S {\n  rpc First(A) returns (B);\n\n"
                                     "  rpc Second(A) returns (B);\n}\n"}),
    ("unused-import", "json", {"tests/run.py": "\"\"\"Runs.\"\"\"\nimport json\n"}),
    ("python", "does not parse", {"tests/run.py": "def (:\n"}),
    ("python", "docstring", {"tests/run.py": "print()\n"}),
]

# What looks like a violation and is none.
INNOCENT = [
    {"services/base/text.cc": "// We never call absl::Now() here; std::regex either.\nconst char* s = \"std::cout << absl::Now()\";\n"},
    {"services/base/text.cc": "const char* raw = R\"(std::regex \" { )\";\nint x = 1'000;\nchar c = '\"';\n"},
    {"services/base/text.cc": "const int kTable[] = {\n" + "  1,\n" * 90 + "};\n"},
    {"services/base/text.cc": "namespace a {\nclass B {\n" + "  int Member(int);\n" * 90 + "};\n}  // namespace a\n"},
    {"services/base/text.cc": "// The answer goes to the caller;\n// what it holds is read again.\n"},
    {"services/base/clock.cc": "auto f = absl::Now();\n"},
    {"tests/unit/base/corpus/input.yaml": "\tno newline"},
    {"out/CMakeCache.txt": "", "out/generated.cc": "int x; "},
    {"services/crypto/CMakeLists.txt": "firebreak_library(crypto DEPS base)\n",
     "services/crypto/keys.cc": "#include <openssl/evp.h>\n#include <sys/stat.h>\n#include <string>\n"},
]


@contextlib.contextmanager
def planted_tree(planted):
    with tempfile.TemporaryDirectory(prefix="firebreak-tidy-") as folder:
        root = pathlib.Path(folder)
        for path, text in {**CLEAN, **planted}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text.encode())
        yield root


def found_in(planted):
    with planted_tree(planted) as root:
        return check.findings(root)


class CheckTest(unittest.TestCase):
    def test_the_clean_tree_is_clean(self):
        self.assertEqual(found_in({}), [])

    def test_every_planted_violation_is_found(self):
        for rule, said, planted in PLANTED:
            with self.subTest(rule=rule, said=said, files=sorted(planted)):
                found = found_in(planted)
                match = [f for f in found if f[2] == rule and said in f"{f[0]}: {f[3]}"]
                self.assertTrue(match, f"not found: {found}")
                self.assertTrue(any(f[0] in planted for f in match), f"found elsewhere: {match}")

    def test_innocent_text_is_left_alone(self):
        for planted in INNOCENT:
            with self.subTest(files=planted):
                found = [f for f in found_in(planted) if f[2] != "orphan"]
                self.assertEqual(found, [])

    def test_every_rule_has_a_planted_violation(self):
        idle = set(check.RULES)
        for _, _, planted in PLANTED:
            with planted_tree(planted) as root:
                tree = check.Tree(root)
                idle = {rule for rule in idle if not list(rule(tree))}
        self.assertEqual({rule.__name__ for rule in idle}, set())
        said = "".join(f"{rule} {said}" for rule, said, _ in PLANTED)
        self.assertEqual([rule for rule, _, _, _ in check.cpp_rules.BANS if rule not in said], [])


if __name__ == "__main__":
    unittest.main()
