"""A test run that is killed leaves nothing running, whatever its tests had started and however it is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from patience import PATIENCE_SECONDS, until

from scripts.local_stack.supervisor import processes
from scripts.shared.environments import ROOT
from tests import session_guard

# The server of Prefect's own harness, and supervisord with its programs.
SERVERS = """
import time
from embedded_aws import free_ports
from scripts.shared.local_settings import LocalSettings
from scripts.local_stack.supervisor import supervision

def test_servers(prefect_process, tmp_path):
    names = ("aws_port", "snowflake_port", "dbt_port", "prefect_port", "agent_health_port")
    supervision.start(LocalSettings(directory=tmp_path / "stack", **dict(zip(names, free_ports(5)))))
    (tmp_path / "ready").touch()
    time.sleep(9999)
"""
# The same kinds as sleeping processes: a child, one in a session of its own, a program of supervisord that knows only
# its stack, a task that knows only its home, and one whose parent is gone.
SLEEPERS = f"""
import os, subprocess, time

def start(**options):
    subprocess.Popen(["sleep", "9999"], **options)

def test_sleepers(tmp_path):
    start()
    start(start_new_session=True)
    start(start_new_session=True, env={{"{processes.MARK}": str(tmp_path / "stack")}})
    start(start_new_session=True, env={{"HOME": str(tmp_path / "stack/tasks/1")}})
    subprocess.run(["sh", "-c", "setsid sleep 9999 &"], check=True)
    (tmp_path / "ready").touch()
    time.sleep(9999)
"""


def run_of(test: str, folder: Path, *command: str) -> subprocess.Popen[bytes]:
    """A run of that one test, which has come to the point where all is started."""
    file = folder / "test_in_a_run.py"
    file.write_text(test)
    arguments = ["-p", "conftest", "-n", "1", f"--rootdir={ROOT}", f"--basetemp={folder / 'run'}", str(file)]
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))}
    run = subprocess.Popen(
        [*command, f"ARGS={' '.join(arguments)}"] if command else [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env=shell | {"PYTHONPATH": str(ROOT / "tests")},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: run.poll() is not None or list((folder / "run").rglob("ready")))
    assert run.poll() is None, "the run ended by itself"
    return run


def names_of_what_is_left(folder: Path) -> list[str]:
    """The command lines of what runs of the run in this folder."""
    found = []
    for process in session_guard.left(folder / "run"):
        try:
            found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def test_servers_of_a_killed_run_are_ended(tmp_path):
    run = run_of(SERVERS, tmp_path)
    running = "\n".join(names_of_what_is_left(tmp_path))
    for part in ("aws.server", "snowflake.server", "supervisord", "prefect server start", "prefect.server"):
        assert part in running
    run.kill()
    until(lambda: not names_of_what_is_left(tmp_path))


@pytest.mark.parametrize(
    ("command", "signals"),
    [
        ((), [signal.SIGKILL]),
        ((), [signal.SIGTERM]),
        ((), [signal.SIGINT, signal.SIGINT]),
        (("make", "test"), [signal.SIGTERM]),
        (("make", "test"), [signal.SIGKILL]),
    ],
    ids=["SIGKILL", "SIGTERM", "Ctrl-C twice", "SIGTERM to make", "SIGKILL to all of make"],
)
def test_processes_of_a_killed_run_are_ended(tmp_path, command, signals):
    run = run_of(SLEEPERS, tmp_path, *command)
    assert sum("sleep 9999" in line for line in names_of_what_is_left(tmp_path)) == 5
    for each in signals:
        # As a terminal sends it, and a time limit: to all that were started together. `make` is told alone.
        os.kill(run.pid, each) if command and each == signal.SIGTERM else os.killpg(run.pid, each)
    run.wait(PATIENCE_SECONDS)
    until(lambda: not names_of_what_is_left(tmp_path))
