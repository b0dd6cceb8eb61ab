"""Reads the locks of requirements/ as uv writes them, and knows libraries that have more than one name."""

import re
from pathlib import Path

LINE = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)

# Names by which libraries are imported, and the other ones under which they are installed.
IMPORTED_AS = {
    "bs4": "beautifulsoup4", "cv2": "opencv-python-headless", "dateutil": "python-dateutil", "dotenv": "python-dotenv",
    "jwt": "pyjwt", "PIL": "pillow", "psycopg2": "psycopg2-binary", "sklearn": "scikit-learn", "yaml": "pyyaml",
}  # fmt: skip


def normalized(name: str) -> str:
    """A distribution's name as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_versions(lock: Path) -> dict[str, str]:
    """Version by normalized name. A library that has another version for another Python has both, with a comma."""
    versions: dict[str, list[str]] = {}
    for name, version in LINE.findall(lock.read_text()):
        versions.setdefault(normalized(name), []).append(version)
    return {name: ", ".join(dict.fromkeys(found)) for name, found in versions.items()}
