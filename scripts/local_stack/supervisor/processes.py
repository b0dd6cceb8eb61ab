"""Ends exactly the processes of a stack: known by pid and creation time, or by a mark in their environment."""

import json
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from scripts.shared.whole_file import write_whole

# In the environment of supervisord and its programs; a process that bears it belongs to the stack in that directory.
MARK = "DATA_FLOWS_STACK_DIRECTORY"
# In the environment of every task; ends with the task's id.
TASK_MARK = "ECS_CONTAINER_METADATA_URI_V4"


def identity(pid: int) -> dict[str, float]:
    """Return what tells this process from a later one with the same pid; raise psutil.NoSuchProcess if it is gone."""
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def find(known: dict) -> psutil.Process | None:
    """Return the process that `identity` described, or None when it has ended or `known` is empty."""
    if not known:
        return None
    with suppress(psutil.Error):
        process = psutil.Process(known["pid"])
        # A second of tolerance: on some systems the value moves with the clock.
        if abs(process.create_time() - known["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def marked(name: str, value: str, *, suffix: bool = False) -> Iterator[psutil.Process]:
    """Yield this user's processes whose environment holds `name` with exactly `value` (or ending in it)."""
    for process in _own():
        found = _variables(process).get(name, "")
        if found == value or (suffix and found.endswith(value)):
            yield process


def of_tasks(tasks: Path) -> list[psutil.Process]:
    """Return the processes whose HOME is below `tasks`: those of the embedded Fargate's tasks, in whatever group."""
    return [process for process in _own() if _variables(process).get("HOME", "").startswith(f"{tasks}{os.sep}")]


def end(processes: Iterable[psutil.Process], grace_seconds: float) -> int:
    """SIGTERM, wait, SIGKILL what is left; return how many there were."""
    alive = list({process.pid: process for process in processes}.values())
    for process in alive:
        with suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(alive, timeout=grace_seconds)
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(alive)


def kill_task(task_id: str, group: int | None) -> None:
    """SIGKILL everything of a task: its process group and what left the group but kept the task's environment."""
    if group is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for process in marked(TASK_MARK, f"/{task_id}", suffix=True):
        with suppress(psutil.Error):
            process.kill()


def _own() -> Iterator[psutil.Process]:
    user = os.getuid()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.uids().real == user:
                yield process


def _variables(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def write_record(path: Path, record: dict) -> None:
    """Replace `path` by `record` as JSON in one step, so that a reader never sees half of it."""
    write_whole(path, json.dumps(record))


def read_record(path: Path) -> dict:
    """Return the record, or an empty one when it is missing or unreadable."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
