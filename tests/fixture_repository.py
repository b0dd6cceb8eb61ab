"""A copy of this repository with the facts and flows of tests/fixtures in place of the user's: what tests plan, check
and apply."""

import shutil
from pathlib import Path
from typing import Any

from repository_copy import commit, copy_repository

from scripts.shared import hcl_file
from scripts.shared.environments import ROOT

FIXTURES = ROOT / "tests" / "fixtures"
ENVIRONMENTS = ("amber", "violet")
# What is the user's → what stands there instead.
REPLACED = {
    "terraform/environments": FIXTURES / "environments",
    "terraform/bootstrap/accounts": FIXTURES / "accounts",
    "flows": FIXTURES / "flows",
}


def fixture_repository(to: Path) -> Path:
    """Make the copy, a git repository with all of it committed."""
    copy_repository(to)
    for folder, fixtures in REPLACED.items():
        shutil.rmtree(to / folder)
        shutil.copytree(fixtures, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "flows" / "shared", to / "flows" / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    commit(to)
    return to


def facts(environment: str) -> dict[str, Any]:
    """What the file of an environment of tests/fixtures says."""
    return hcl_file.read(FIXTURES / "environments" / f"{environment}.tfvars").plain()
