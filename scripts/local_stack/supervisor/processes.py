"""Finds and ends the processes of a stack, known by pid and creation time or by a mark in their environment."""

import json
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from scripts.shared.whole_file import write_whole

# In the environment of supervisord and its programs; its value is the directory of their stack.
MARK = "DATA_FLOWS_STACK_DIRECTORY"
# In the environment of every task; ends with the task's id.
TASK_MARK = "ECS_CONTAINER_METADATA_URI_V4"


def identify(pid: int) -> dict[str, float]:
    """Return pid and creation time, which no later process shares; raise psutil.NoSuchProcess if it is gone."""
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def find_process(known: dict[str, Any]) -> psutil.Process | None:
    """Return the process that `identify` described, or None when it has ended or `known` is empty."""
    if not known:
        return None
    with suppress(psutil.Error):
        process = psutil.Process(known["pid"])
        # A second of tolerance: on some systems the value moves with the clock.
        if abs(process.create_time() - known["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def find_marked(name: str, value: str, *, suffix: bool = False) -> Iterator[psutil.Process]:
    """Yield this user's processes whose environment holds `name` with exactly `value` (or ending in it)."""
    for process in _own():
        found = _variables(process).get(name, "")
        if found == value or (suffix and found.endswith(value)):
            yield process


def find_task_processes(tasks: Path) -> list[psutil.Process]:
    """Return the processes of the embedded Fargate's tasks: their HOME is below `tasks`, whatever their group is."""
    return [process for process in _own() if _variables(process).get("HOME", "").startswith(f"{tasks}{os.sep}")]


def end(processes: Iterable[psutil.Process], grace_seconds: float) -> int:
    """Send SIGTERM, wait, send SIGKILL to those that are left; return how many processes there were."""
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
    """Send SIGKILL to all processes of a task: its process group, and those outside it with the task's environment."""
    if group is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for process in find_marked(TASK_MARK, f"/{task_id}", suffix=True):
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


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write the record as JSON."""
    write_whole(path, json.dumps(record))


def read_record(path: Path) -> dict[str, Any]:
    """Return the record, or an empty one when the file is missing or no JSON object."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
