"""Reads the locks of requirements/, as uv writes them."""

import re
from pathlib import Path

LINE = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def normalized(name: str) -> str:
    """A distribution's name as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_versions(lock: Path) -> dict[str, str]:
    """Version by normalized name. A library that has another version for another Python has both, with a comma."""
    versions: dict[str, list[str]] = {}
    for name, version in LINE.findall(lock.read_text()):
        versions.setdefault(normalized(name), []).append(version)
    return {name: ", ".join(dict.fromkeys(found)) for name, found in versions.items()}
