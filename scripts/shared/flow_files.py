"""Which files hold flows. Registration, plan and tests all use this list."""

import ast
from pathlib import Path

from scripts.shared.environments import ROOT


def flow_files(root: Path = ROOT) -> list[Path]:
    """Every Python file at any depth below flows/, sorted.

    Apart from flows/shared/, which holds what flows use, and from files and folders whose name begins with `_` or `.`.
    """
    folder = root / "flows"
    found = []
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder).parts
        if path.is_file() and parts[0] != "shared" and not any(part.startswith(("_", ".")) for part in parts):
            found.append(path)
    return sorted(found)


def flow_of(file: str | Path) -> str:
    """What Terraform knows a flow file by: its path below flows/ without the ending. `file`: from the repository on."""
    return Path(file).relative_to("flows").with_suffix("").as_posix()


def parse(path: Path) -> ast.Module:
    """The file's syntax tree.

    Raises:
        SyntaxError: it is no Python.
    """
    try:
        return ast.parse(path.read_bytes(), path)
    except (SyntaxError, ValueError) as error:
        if isinstance(error, SyntaxError) and error.filename:
            raise
        # Python tells of null bytes without file and line, before 3.11.4 as a wrong value.
        raise SyntaxError(str(error), (str(path), 1, None, None)) from None


def syntax_problem(error: SyntaxError, root: Path) -> str:
    """What is wrong with a file that is no Python, in one sentence with its line."""
    file = Path(error.filename or root)
    shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    text = f"`{error.text.strip()}`, " if error.text and error.text.strip().isprintable() else ""
    what = f"got {text}a syntax error ({error.msg})"
    return f"{shown}:{error.lineno or 1}: {what}; expected Python: correct this line or the one before it."
