"""Offline plans of environments, each made once a session whichever worker asks first."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fixture_repository import fixture_repository

from scripts.shared.environments import BUILD_VARIABLE, ROOT

# Whatever calls AWS, a proxy or a state backend meets a port where nobody listens.
NOWHERE = "http://127.0.0.1:9"


class OfflinePlans:
    """`make plan ENV=… OFFLINE=1` in a repository, each environment's once."""

    def __init__(self, root: Path, build: Path) -> None:
        self.root, self.build = root, build
        own = {BUILD_VARIABLE: str(build), **dict.fromkeys(("AWS_ENDPOINT_URL", "HTTPS_PROXY", "HTTP_PROXY"), NOWHERE)}
        self.shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | own

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of the Makefile's commands, such as `apply_plan`."""
        whole = [sys.executable, "-m", f"scripts.{command}", *arguments]
        return subprocess.run(whole, cwd=self.root, env=self.shell, capture_output=True, text=True, check=False)

    def __call__(self, environment: str) -> Path:
        """The folder that the command wrote, its output in `output.txt`."""
        folder = self.build / environment
        with (self.build / f"{environment}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "output.txt").exists():
                answer = self.run("plan_environment", environment, "--offline")
                assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr
                (folder / "output.txt").write_text(answer.stdout)
        return folder


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of xdist have in common; each has one of its own in it."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


@pytest.fixture(scope="session")
def offline_plan(shared_folder: Path) -> OfflinePlans:
    """Plans of the environments in tests/fixtures: `offline_plan("amber")`."""
    place = shared_folder / "fixtures"
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "plans").exists():
            fixture_repository(place / "repository")
            (place / "plans").mkdir()
    return OfflinePlans(place / "repository", place / "plans")


@pytest.fixture(scope="session")
def users_plan(shared_folder: Path) -> Callable[[str], Path]:
    """Plans of the environments in terraform/environments, whatever they are called."""
    (shared_folder / "plans").mkdir(exist_ok=True)
    return OfflinePlans(ROOT, shared_folder / "plans")
