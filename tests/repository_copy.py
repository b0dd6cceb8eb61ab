"""A copy of this repository, a git repository of its own: tests change it as a team would."""

import shutil
import subprocess
from pathlib import Path

from scripts.shared.environments import ROOT

GIT = ("git", "-c", "user.name=tests", "-c", "user.email=tests@example.com", "-c", "commit.gpgsign=false")


def copy_repository(to: Path) -> Path:
    """Copy what is here now, committed or not, but what git ignores; the virtual environments are linked."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():  # Deleted, but not from the index yet.
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    for name in (".venv", ".venv-checkov"):
        (to / name).symlink_to(ROOT / name)
    subprocess.run([*GIT, "init", "-q"], cwd=to, check=True)
    commit(to)
    return to


def commit(repository: Path) -> None:
    """Commit everything: only what a commit holds is applied."""
    subprocess.run([*GIT, "add", "-A"], cwd=repository, check=True)
    subprocess.run([*GIT, "commit", "-q", "--allow-empty", "-m", "A copy"], cwd=repository, check=True)
