"""Offline plans of the environments, each made once a session whichever worker asks first."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.shared.environments import ROOT

# Whatever calls AWS, a proxy or a state backend meets a port where nobody listens.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="session")
def offline_plan(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`offline_plan("dev")` is the folder that `make plan ENV=dev OFFLINE=1` wrote, its output in `output.txt`."""
    # With xdist each worker has a folder of its own in one that they share.
    own = tmp_path_factory.getbasetemp()
    build = (own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own) / "offline-plans"
    build.mkdir(exist_ok=True)
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "DATA_FLOWS_BUILD_DIRECTORY": str(build),
        "AWS_ENDPOINT_URL": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "HTTP_PROXY": NOWHERE,
    }

    def plan(environment: str) -> Path:
        folder = build / environment
        with (build / f"{environment}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "output.txt").exists():
                command = [sys.executable, "-m", "scripts.plan_environment", environment, "--offline"]
                answer = subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=False)
                assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr
                (folder / "output.txt").write_text(answer.stdout)
        return folder

    return plan
