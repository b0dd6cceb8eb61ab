"""Which files hold flows. Registration, plan and tests all use this list."""

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
