"""The source files a flow is made of: its own, and every file of this repository that importing it can run."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from scripts.registration import seen

SHOWN = 8  # Hex digits by which a file's content is told from another's in a label.


class Sources:
    """Import closures of the files below `root`, each file read once, and parsed once for all runs.

    `parsed` is what parsing found in a file of some content, as an earlier run left it: the modules it imports, and the
    hash of what its import can see. What is new is added.
    """

    def __init__(self, root: Path, parsed: dict[str, dict[str, Any]] | None = None) -> None:
        self.root, self.parsed = root, {} if parsed is None else parsed
        self.before = frozenset(self.parsed)
        self.used: set[str] = set()
        self._parsed = cache(self._parse)
        self._files = cache(self._resolve)
        self.content = cache(self._hash)

    def closure(self, file: str) -> dict[str, str]:
        """Path and content hash of `file`, of what it imports within the repository and of the data files of flows/.

        Imports inside functions and under TYPE_CHECKING count too: better once too often than not at all.
        """
        found, ahead = {file, *self.data_files()}, [file]
        while ahead:
            imported = self._parsed(ahead.pop())["imports"]
            new = {path for name in imported for path in self._files(name)} - found
            found |= new
            ahead += new
        return {path: self.content(path) for path in sorted(found)}

    def as_imported(self, closure: dict[str, str]) -> dict[str, str]:
        """The closure by what importing can see of it, as seen.py has it."""
        parsed = {path: self._parsed(path) for path in closure if _is_python(path)}
        if any(each["looks_inside"] for each in parsed.values()):
            return closure
        return closure | {path: each["seen"] for path, each in parsed.items()}

    def is_new(self, closure: dict[str, str]) -> bool:
        """Whether a Python file of it was not known to the earlier run."""
        return any(self._key(path) not in self.before for path in closure if _is_python(path))

    def holds(self, closure: dict[str, str]) -> bool:
        """Whether the files are as a closure has them."""
        try:
            return all(self.content(path) == content for path, content in closure.items())
        except FileNotFoundError:
            return False

    @cache  # noqa: B019 - one object a run.
    def data_files(self) -> tuple[str, ...]:
        """Files of flows/ that are no Python: which flow reads which cannot be told, so they belong to every flow."""
        files = (path.relative_to(self.root) for path in (self.root / "flows").rglob("*") if path.suffix != ".py")
        return tuple(
            sorted(
                path.as_posix()
                for path in files
                if (self.root / path).is_file()
                and not any(part.startswith((".", "__pycache__")) for part in path.parts)
            )
        )

    def _hash(self, file: str) -> str:
        return hashlib.sha256((self.root / file).read_bytes()).hexdigest()

    def _key(self, file: str) -> str:
        return f"{file.rpartition('/')[0]} {self.content(file)}"

    def _parse(self, file: str) -> dict[str, Any]:
        key = self._key(file)
        self.used.add(key)
        if key not in self.parsed:
            source, package = (self.root / file).read_bytes(), file.rpartition("/")[0].replace("/", ".")
            nodes = seen.parse(source)
            self.parsed[key] = {
                "imports": sorted({name for node in nodes for name in _modules(node, package)}),
                "seen": hashlib.sha256(b"seen\0" + seen.seen_by_import(source, nodes)).hexdigest(),
                "looks_inside": seen.looks_inside(nodes),
            }
        return self.parsed[key]

    def _resolve(self, module: str) -> frozenset[str]:
        """Files that importing `module` runs: its own and the `__init__.py` of each package above it."""
        found, parts = set(), module.split(".")
        for length in range(1, len(parts) + 1):
            place = "/".join(parts[:length])
            found |= {name for name in (f"{place}.py", f"{place}/__init__.py") if (self.root / name).is_file()}
        return frozenset(found)


def _is_python(path: str) -> bool:
    return path.endswith(".py")


def _modules(node: ast.AST, package: str) -> Iterator[str]:
    """Names of the modules that a node may import, `package` being that of the file it stands in."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)  # A submodule, or a name in it.
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
            yield node.args[0].value.lstrip(".")


def digest_of(closure: dict[str, str]) -> str:
    """One hash of a whole closure."""
    return hashlib.sha256("".join(f"{path}\0{content}\n" for path, content in closure.items()).encode()).hexdigest()


def as_label(closure: dict[str, str]) -> str:
    """The closure as a label of a deployment, to tell later which of its files changed."""
    return " ".join(f"{path}={content[:SHOWN]}" for path, content in closure.items())


def changed_files(closure: dict[str, str], label: str) -> list[str]:
    """Files of which `label` knows another content, or nothing, or which are no longer part of the closure."""
    before = dict(entry.rpartition("=")[::2] for entry in label.split())
    now = {path: content[:SHOWN] for path, content in closure.items()}
    return sorted(path for path in before | now if before.get(path) != now.get(path))
