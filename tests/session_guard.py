"""Ends what a test run left running, however the run ended: in time, by Ctrl-C, by a time limit, by SIGKILL.

    python -m tests.session_guard FOLDER

A run starts it with a pipe as its input, which closes when the run's process is gone. All that tests start is known by
its environment: the run's mark, or a stack's folder or a task's home below the run's temporary FOLDER.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from scripts.local_stack.supervisor import processes
from scripts.shared.environments import ROOT

MARK = "DATA_FLOWS_TEST_RUN"
NAMES = (MARK, processes.MARK, "HOME")


def start(folder: Path) -> None:
    """Mark all that this process starts from now on; start the guard in a session of its own, where no Ctrl-C comes."""
    os.environ[MARK] = str(folder)
    guard = subprocess.Popen(
        [sys.executable, "-m", "tests.session_guard", str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    start.guard = guard  # Its pipe closes with this process, not before.


def left(folder: Path) -> Iterator[psutil.Process]:
    """What runs of the test run in that folder, but for this process."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                variables = process.environ()
                if any(f"{variables.get(name)}/".startswith(f"{folder}/") for name in NAMES):
                    yield process


def main(folder: Path) -> None:
    """Wait for the end of the run, then kill what is left of it, and what that still starts, for a minute."""
    sys.stdin.read()
    for _ in range(600):
        found = list(left(folder))
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        if not found:
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
