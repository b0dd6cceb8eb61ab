"""A repository for tests of the product: its code with the facts of tests/fixtures in place of the user's."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from scripts.shared import hcl_file
from scripts.shared.environments import ROOT

FIXTURES = ROOT / "tests" / "fixtures"
ENVIRONMENTS = ("amber", "violet")
# What a user may have beside the product, or a tool may have left.
NOT_OURS = shutil.ignore_patterns("environments", "accounts", ".terraform", "__pycache__", "*.tfstate*")
GIT = ("git", "-c", "user.name=tests", "-c", "user.email=tests@example.com", "-c", "commit.gpgsign=false")


def fill(root: Path) -> None:
    """Copy what is planned and the commands into a git repository of its own, with no flow; nothing is committed."""
    for folder in ("terraform", "modules", "scripts"):
        shutil.copytree(ROOT / folder, root / folder, ignore=NOT_OURS)
    shutil.copytree(FIXTURES / "environments", root / "terraform" / "environments")
    shutil.copytree(FIXTURES / "accounts", root / "terraform" / "bootstrap" / "accounts")
    (root / "flows").mkdir()
    for file in ("Dockerfile", "requirements/runtime.txt", ".terraform-version", ".gitignore"):
        (root / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    (root / ".venv-checkov").symlink_to(ROOT / ".venv-checkov")
    subprocess.run([*GIT, "init", "-q"], cwd=root, check=True)


def commit(root: Path) -> None:
    """Commit everything: only what a commit holds is applied."""
    subprocess.run([*GIT, "add", "-A"], cwd=root, check=True)
    subprocess.run([*GIT, "commit", "-q", "-m", "Facts"], cwd=root, check=True)


def facts(environment: str) -> dict[str, Any]:
    """What the file of an environment of tests/fixtures says."""
    return hcl_file.read(FIXTURES / "environments" / f"{environment}.tfvars").plain()
