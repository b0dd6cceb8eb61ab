"""Holds a task to its memory, as Fargate does: a task whose processes use more together is ended."""

import threading
from collections.abc import Callable
from contextlib import suppress

import psutil

WATCH_SECONDS = 0.5
REASON = "OutOfMemoryError: Container killed due to memory usage"


def watch(pid: int, limit_mib: int, exited: threading.Event, kill: Callable[[], None]) -> None:
    """Call `kill` once the process and its children use more than `limit_mib`; return then, or when it has exited."""
    while not exited.wait(WATCH_SECONDS):
        if used_mib(pid) > limit_mib:
            kill()
            return


def used_mib(pid: int) -> float:
    """Resident memory of the process and its children, in MiB. Pages that several share count for each of them."""
    used = 0
    with suppress(psutil.Error):
        first = psutil.Process(pid)
        for process in [first, *first.children(recursive=True)]:
            with suppress(psutil.Error):
                used += process.memory_info().rss
    return used / 2**20
