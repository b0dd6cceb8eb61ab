"""The commit that is checked out, and the one that a change is compared with."""

import subprocess
import tarfile
from pathlib import Path
from typing import TypedDict

from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

# The main branch is the first of these that there is.
MAIN = ("origin/HEAD", "origin/main", "main")


class Source(TypedDict):
    """The commit, and whether the tree holds exactly that commit."""

    commit: str
    tree_clean: bool


def source() -> Source:
    """The source that is checked out; without git or a commit, `commit` is empty."""
    commit = _git("rev-parse", "--verify", "HEAD")
    return {"commit": commit or "", "tree_clean": bool(commit) and _git("status", "--porcelain") == ""}


def base_commit(given: str = "") -> tuple[str, str]:
    """The commit that a change is compared with, and its name for the reader: `given`, a commit or branch.

    By default where this branch left the main branch; on the main branch itself the commit that is checked out if there
    are uncommitted changes, and otherwise the one before it. Without git, or before the first commit, both are empty.

    Raises:
        Refusal: there is no such commit.
    """
    head = _commit("HEAD")
    if not head:
        return "", ""
    if given:
        commit = _commit(given)
        if not commit:
            raise Refusal(f"BASE is {given}; expected a commit or branch of this repository.")
        return commit, f"{given} ({commit[:7]})"
    main = next(filter(_commit, MAIN), "HEAD")
    left = _git("merge-base", "HEAD", main) or _commit(main) or head
    if left != head:
        return left, f"{left[:7]}, where this branch left {main}"
    if _git("status", "--porcelain"):
        return head, f"{head[:7]}, without the uncommitted changes"
    parent = _commit("HEAD^") or ""
    return parent, f"{parent[:7]}, the commit before" if parent else ""


def is_unchanged(commit: str, *paths: str) -> bool:
    """Whether files and folders are as in a commit, with nothing added to them."""
    same = _git("diff", "--quiet", commit, "--", *paths) is not None
    return same and _git("ls-files", "--others", "--exclude-standard", "--", *paths) == ""


def has_file(commit: str, path: Path) -> bool:
    """Whether a commit holds a file of the repository."""
    return _git("cat-file", "-e", f"{commit}:./{path.relative_to(ROOT).as_posix()}") is not None


def export(commit: str, to: Path) -> bool:
    """Write the files of a commit to a folder. Returns whether that worked."""
    archive = to / ".archive"
    if _git("archive", "--format=tar", f"--output={archive}", commit) is None:
        return False
    with tarfile.open(archive) as files:
        files.extractall(to, filter="data")
    archive.unlink()
    return True


def _commit(name: str) -> str | None:
    return _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
