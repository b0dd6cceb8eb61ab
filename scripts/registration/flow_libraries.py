"""Which libraries flow files import, anywhere in them and in what they share, and which of these the image lacks."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

from scripts.shared.flow_files import flow_files, parse, syntax_problem
from scripts.shared.lock_file import IMPORTED_AS, locked_versions, normalized

LOCK = "requirements/runtime.txt"
# The folders that the image holds (Dockerfile).
IN_IMAGE = ("flows", "scripts")


class Libraries:
    """What a repository's image holds. Inside the image, where the lock is not, that is all that is installed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def _installed(self) -> dict[str, list[str]]:
        return {name: sorted(set(map(normalized, found))) for name, found in packages_distributions().items()}

    @cached_property
    def _locked(self) -> set[str]:
        lock = self._root / LOCK
        return set(locked_versions(lock)) if lock.exists() else {normalized(each.name) for each in distributions()}

    def problem(self, name: str) -> str | None:
        """What is wrong with an import of the top-level name `name`; None if the image holds it."""
        if name in sys.stdlib_module_names or name in IN_IMAGE:
            return None
        holders = self._installed.get(name, [])
        if self._locked & {*holders, normalized(name)}:
            return None
        if not holders and ((self._root / name).is_dir() or (self._root / f"{name}.py").is_file()):
            return f"got an import of {name}; expected one of {' or '.join(IN_IMAGE)}: the image holds no other folder."
        where = "is installed for development only" if holders else "is not installed"
        library = next(iter(holders), IMPORTED_AS.get(name, name))
        return f"got an import of {name}, which {where}; expected a library of the image: `make add PKG={library}`."


def library_problems(root: Path) -> Iterator[str]:
    """Each import of what the image lacks as `<file>:<line>: got …; expected …`, and files that are no Python."""
    libraries, paths = Libraries(root), dict.fromkeys(flow_files(root))
    ahead = list(paths)
    for path in ahead:  # To which what they import is added.
        try:
            tree = parse(path)
        except SyntaxError as error:
            yield syntax_problem(error, root)
            continue
        for line, module in imports(tree.body, path.relative_to(root)):
            top = module.partition(".")[0]
            if top == "flows":
                found = dict.fromkeys(each for each in _files(root, module) if each not in paths)
                paths |= found
                ahead += found
            elif problem := libraries.problem(top):
                yield f"{path.relative_to(root).as_posix()}:{line}: {problem}"


def imports(nodes: Iterable[ast.AST], file: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of each import, also in functions, but not where its absence is provided for."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # One dot is the file's own folder, each more the next above it.
            above = list(file.parent.parts)[: len(file.parent.parts) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from imports(node.orelse, file)
        elif isinstance(node, ast.Try) and any(map(_expects_absence, node.handlers)):
            yield from imports([*node.handlers, *node.orelse, *node.finalbody], file)
        else:
            yield from imports(ast.iter_child_nodes(node), file)


def _expects_absence(handler: ast.ExceptHandler) -> bool:
    return bool(handler.type and re.search(r"\b(ImportError|ModuleNotFoundError)\b", ast.unparse(handler.type)))


def _files(root: Path, module: str) -> Iterator[Path]:
    """Files of this repository that importing `module`, or the name at its end from the rest, runs."""
    parts = module.split(".")
    for number in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:number])
        yield from (path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file())
