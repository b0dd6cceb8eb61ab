"""What libraries take as installed here, and which of them need another."""

from importlib import invalidate_caches
from importlib.metadata import PackageNotFoundError, distribution, distributions
from importlib.util import cache_from_source
from pathlib import Path

from packaging.requirements import Requirement

from scripts.shared.lock_file import normalized

MIB = 2**20


def mebibytes(name: str) -> float:
    """MiB on disk of the library's files with their bytecode, which the image holds too; 0 if it is not installed."""
    invalidate_caches()  # They may be of before an installation.
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return 0.0
    files = {Path(str(found.locate_file(file))) for file in found.files or []}
    files |= {Path(cache_from_source(str(file))) for file in files if file.suffix == ".py"}
    return sum(file.stat().st_size for file in files if file.is_file()) / MIB


def needed_by(name: str) -> list[str]:
    """Normalized names of the installed libraries that ask for this one, not counting their extras."""
    return sorted(
        {
            normalized(each.name)
            for each in distributions()
            for line in each.requires or []
            if normalized((asked := Requirement(line)).name) == name
            and (not asked.marker or asked.marker.evaluate({"extra": ""}))
        }
    )
