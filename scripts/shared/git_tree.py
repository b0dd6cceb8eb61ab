"""The commit that is checked out."""

import subprocess
from typing import TypedDict

from scripts.shared.environments import ROOT


class Source(TypedDict):
    """The commit, and whether the tree holds exactly that commit."""

    commit: str
    tree_clean: bool


def source() -> Source:
    """The source that is checked out; without git or a commit, `commit` is empty."""
    commit = _git("rev-parse", "--verify", "HEAD")
    return {"commit": commit or "", "tree_clean": bool(commit) and _git("status", "--porcelain") == ""}


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
