"""The source tree as the rules see it: files, their text, and the libraries of every CMakeLists.txt."""
import fnmatch
import functools
import os
import pathlib
import re

# What no hand wrote: build output (wherever there is a CMakeCache.txt), version control, caches; and test input and output kept byte by byte.
SKIPPED_FOLDERS = {"build", ".git", ".cache", "__pycache__", "node_modules"}
DATA = re.compile(r"tests/(.*/)?(corpus\w*|golden)/")
TEXT_SUFFIXES = {".cc", ".h", ".py", ".proto", ".md", ".yaml", ".txt", ".cmake", ".json", ".sh"}
TEXT_NAMES = {"Makefile", "run", ".clang-format", ".clang-tidy", ".gitignore"}
CPP_SUFFIXES = {".cc", ".h"}

# The mains: where the world outside may be touched (real clock, randomness, environment) and engines are named.
MAINS = ("services/firebreakd/", "clients/cli/", "clients/agent/", "services/base/clock.cc", "services/base/random.cc",
         "tests/")

TOKEN = re.compile(
    r"""(?P<number>(?<![\w.])\d[\w.']*)"""
    r"""|(?P<raw>R"(?P<tag>[^()\s\\]{0,16})\((?:.|\n)*?\)(?P=tag)")"""
    r"""|(?P<comment>//(?:[^\n\\]|\\.|\\\n)*|/\*(?:.|\n)*?\*/)"""
    r"""|(?P<string>"(?:[^"\\\n]|\\.|\\\n)*"|'(?:[^'\\\n]|\\.)*')""")


def blank(text):
    return re.sub(r"[^\n]", " ", text)


class File:
    """One file: `path` is relative to the root, with slashes."""

    def __init__(self, root, path):
        self.path = path
        self.folder = os.path.dirname(path)
        self.name = os.path.basename(path)
        self.stem, self.suffix = os.path.splitext(self.name)
        raw = (root / path).read_bytes()
        self.text = raw.decode("utf-8", errors="replace")
        self.is_text = b"\0" not in raw
        self.lines = self.text.split("\n")

    @property
    def is_cpp(self):
        return self.suffix in CPP_SUFFIXES

    @property
    def is_header(self):
        return self.suffix == ".h"

    @property
    def is_main(self):
        return self.path.startswith(MAINS)

    @property
    def is_public_header(self):
        return self.is_header and self.path.startswith("include/")

    @functools.cached_property
    def code(self):
        """C++ with comments and the inside of strings blanked, every line and column kept."""

        def replace(match):
            if match.group("number"):
                return match.group(0)
            if match.group("comment"):
                return blank(match.group(0))
            text = match.group(0)
            return text[0] + blank(text[1:-1]) + text[-1]

        return TOKEN.sub(replace, self.text)

    @functools.cached_property
    def comments(self):
        """Line number and text of every C++ comment that has its line for itself."""
        found = []
        for match in TOKEN.finditer(self.text):
            if not match.group("comment"):
                continue
            start = self.text.rfind("\n", 0, match.start()) + 1
            if self.text[start:match.start()].strip() == "":
                found.append((self.text.count("\n", 0, match.start()) + 1, match.group(0)))
        return found

    @functools.cached_property
    def includes(self):
        """(line, bracket, path) of every #include."""
        uncommented = TOKEN.sub(lambda m: blank(m.group(0)) if m.group("comment") or m.group("raw") else m.group(0), self.text)
        return [(uncommented.count("\n", 0, m.start()) + 1, m.group(1), m.group(2))
                for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)', uncommented, re.M)]


class Target:
    """A library, binary or test of a CMakeLists.txt."""

    def __init__(self, name, kind, folder, line):
        self.name, self.kind, self.folder, self.line = name, kind, folder, line
        self.public, self.private = [], []

    @property
    def deps(self):
        return self.public + self.private


def ours(words):
    return [word.removeprefix("firebreak_") for word in words if word.startswith("firebreak_")]


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = {}
        for folder, folders, names in os.walk(self.root):
            if "CMakeCache.txt" in names:
                folders.clear()
                continue
            folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
            for name in sorted(names):
                path = (pathlib.Path(folder) / name).relative_to(self.root).as_posix()
                if not DATA.match(path) and (pathlib.PurePath(name).suffix in TEXT_SUFFIXES or name in TEXT_NAMES):
                    self.files[path] = File(self.root, path)
        self.targets = {}
        self.by_folder = {}
        for file in self.files.values():
            if file.name == "CMakeLists.txt":
                self._read_cmake(file)

    def cpp(self):
        return [file for file in self.files.values() if file.is_cpp]

    def _read_cmake(self, file):
        text = re.sub(r"#[^\n]*", "", file.text)
        for match in re.finditer(r"\bfirebreak_(library|binary|test)\(\s*(\w[\w-]*)([^)]*)\)", text):
            words = match.group(3).split()
            target = Target(match.group(2), match.group(1), file.folder, text.count("\n", 0, match.start()) + 1)
            part = None
            for word in words:
                if word in ("DEPS", "PRIVATE_LIBS", "LABEL", "ALONE"):
                    part = word
                elif part == "DEPS":
                    target.public.append(word)
                elif part == "PRIVATE_LIBS":
                    target.private += ours([word])
            self._add(target)
        for match in re.finditer(r"\badd_library\(\s*firebreak_(\w+)", text):
            if match.group(1) not in self.targets and file.folder:
                self._add(Target(match.group(1), "made", file.folder, text.count("\n", 0, match.start()) + 1))
        for match in re.finditer(r"\btarget_link_libraries\(\s*(?:firebreak_)?([\w-]+)([^)]*)\)", text):
            target = self.targets.get(match.group(1))
            private = False
            for word in match.group(2).split() if target else []:
                if word in ("PUBLIC", "PRIVATE", "INTERFACE"):
                    private = word == "PRIVATE"
                else:
                    (target.private if private else target.public).extend(ours([word]))

    def _add(self, target):
        self.targets[target.name] = target
        if target.kind != "made":
            self.by_folder.setdefault(target.folder, []).append(target)

    @functools.lru_cache(maxsize=None)
    def reach(self, name):
        """What the target may include: itself, what it names, and what those pass on."""
        target = self.targets.get(name)
        seen = {name}
        waiting = list(target.deps) if target else []
        while waiting:
            dep = waiting.pop()
            if dep not in seen and dep in self.targets:
                seen.add(dep)
                waiting += self.targets[dep].public
        return seen

    @functools.lru_cache(maxsize=None)
    def targets_of(self, path):
        """The targets a file is part of; for a public header the library that implements it, or those that may."""
        parts = path.split("/")
        if parts[:2] == ["include", "firebreak"] and len(parts) > 3:
            return self._targets_of_public(parts)
        for depth in range(len(parts) - 1, 0, -1):
            found = self.by_folder.get("/".join(parts[:depth]))
            if found:
                return tuple(found)
        return ()

    def _targets_of_public(self, parts):
        capability, stem = parts[2], os.path.splitext(parts[-1])[0]
        homes = (f"services/{capability}", f"storage/{capability}", f"clients/{capability}")
        may = [t for t in self.targets.values()
               if t.kind == "library" and (t.name == capability or any((t.folder + "/").startswith(h + "/") for h in homes))]
        for choice in ([t for t in may if f"{t.folder}/{stem}.cc" in self.files],   # it implements the header
                       [t for t in may if t.name == stem],                          # it is that one header
                       [t for t in may if t.name == capability]):
            if choice:
                return tuple(choice)
        return tuple(may)

    def resolve(self, file, path):
        """The file an #include names, or None when it is no file of the tree."""
        for candidate in (path, "include/" + path, (file.folder + "/" + path).lstrip("/")):
            if candidate in self.files:
                return self.files[candidate]
        return None

    def built(self, file):
        """Whether some CMakeLists.txt compiles this .cc: by its folder's glob, or by name."""
        if file.folder in self.by_folder:
            return True
        folder = file.folder
        while folder:
            lists = self.files.get(folder + "/CMakeLists.txt")
            if lists:
                local = file.path[len(folder) + 1:]
                names = re.findall(r"[\w./${}-]+\.cc\b", re.sub(r"#[^\n]*", "", lists.text))
                if any(fnmatch.fnmatch(local, re.sub(r"\$\{\w+\}", "*", name)) for name in names):
                    return True
            folder = os.path.dirname(folder)
        return False
