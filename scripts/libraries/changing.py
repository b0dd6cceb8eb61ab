"""Changes what requirements/ asks for: resolved apart, then put in place and installed, or left as it was."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.libraries.installed import mebibytes
from scripts.libraries.resolving import REQUIREMENTS, resolve
from scripts.shared.environments import ROOT
from scripts.shared.lock_file import locked_versions
from scripts.shared.refusal import Refusal
from scripts.shared.whole_file import write_whole

# The lock, and where what it holds is installed. A change in two places is told of the first.
PLACES = {"runtime": "image", "dev": "development", "checkov": "checkov", "uv": "setup"}


@dataclass(frozen=True)
class Change:
    """A library of a lock that came (`old` is empty), went (`new` is empty) or has another version."""

    place: str
    name: str
    old: str
    new: str
    mib: float = 0.0  # By which the place grows.


def install_locks() -> None:
    """Bring the virtual environments up to their locks.

    Raises:
        Refusal: that failed.
    """
    python = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    command = [python, ROOT / "scripts" / "setup_environments.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(f"The libraries cannot be installed, and nothing is changed: {' '.join(done.stderr.split())}")


def change(
    files: Mapping[str, str],
    locks: Sequence[str],
    options: Sequence[str] = (),
    folder: Path = REQUIREMENTS,
    install: Callable[[], None] = install_locks,
) -> list[Change]:
    """Give the .in files of `folder` these texts, resolve the locks and install them. All of it, or nothing.

    Raises:
        Refusal: it does not resolve, or cannot be installed; then everything is as it was.
    """
    with TemporaryDirectory() as temporary:
        draft = Path(temporary, "requirements")
        shutil.copytree(folder, draft)
        for name, text in files.items():
            (draft / f"{name}.in").write_text(text)
        for lock in locks:
            try:
                resolve(draft, lock, *options)
            except Refusal as refusal:
                raise Refusal(f"{refusal} Nothing is changed.", refusal.exit_code) from None
        changes = changes_between(folder, draft)
        sizes = {each.name: mebibytes(each.name) for each in changes}
        before = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
        after = {name: (draft / name).read_text() for name in before}
    changed = [name for name in before if before[name] != after[name]]
    try:
        for name in changed:
            write_whole(folder / name, after[name])
        install()
    except BaseException as error:
        for name in changed:
            write_whole(folder / name, before[name])
        if isinstance(error, Refusal):  # After Ctrl-C, the next command of the Makefile does it.
            with suppress(Refusal):
                install()
        raise
    return [replace(each, mib=_grown(each, sizes[each.name])) for each in changes]


def _grown(change: Change, before: float) -> float:
    """What a place grows by, whatever else the library is installed for; of other environments than ours, nothing."""
    if change.place not in (PLACES["runtime"], PLACES["dev"]):
        return 0.0
    return (mebibytes(change.name) if change.new else 0.0) - (before if change.old else 0.0)


def changes_between(old: Path, new: Path) -> list[Change]:
    """What differs in the locks of two folders."""
    changes: dict[tuple[str, str, str], Change] = {}
    for lock, place in PLACES.items():
        before, after = (locked_versions(folder / f"{lock}.txt") for folder in (old, new))
        for name in sorted(before.keys() | after.keys()):
            versions = before.get(name, ""), after.get(name, "")
            if versions[0] != versions[1]:
                changes.setdefault((name, *versions), Change(place, name, *versions))
    return list(changes.values())
